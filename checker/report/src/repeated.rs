//! A long text as shell commands that print it, if it is long because something in it is repeated.

use model::shell::quoted;

/// The longest part that counts as repeated, in bytes.
const PERIOD: usize = 16;
/// Less than this is not worth a command of its own, in bytes.
const LEAST: usize = 64;

/// Commands for a POSIX shell that print exactly `text`; nothing if they would be longer than `most` bytes, or if a line would end
/// within a repetition.
pub fn printed(text: &str, most: usize) -> Option<String> {
    let mut commands: Vec<String> = Vec::new();
    let mut plain = 0;
    let mut at = 0;
    while at < text.len() {
        match repetition(&text[at..]) {
            Some((part, count)) => {
                commands.extend(literal(&text[plain..at]));
                commands.push(format!("yes {} | head -n {count} | tr -d '\\n'", quoted(part)));
                at += part.len() * count;
                plain = at;
            }
            None => at += text[at..].chars().next().map_or(1, char::len_utf8),
        }
        if at - plain > most {
            return None;
        }
    }
    commands.extend(literal(&text[plain..]));
    let commands = commands.join("; ");
    (commands.len() <= most).then(|| format!("{{ {commands}; }}"))
}

/// The part with which a text begins and that is repeated at once, and how often it stands there.
fn repetition(text: &str) -> Option<(&str, usize)> {
    let longest = (1..=PERIOD.min(text.len())).filter_map(|length| {
        let part = text.get(..length).filter(|part| !part.contains('\n'))?;
        let count = text.as_bytes().chunks_exact(length).take_while(|chunk| *chunk == part.as_bytes()).count();
        (count > 2 && count * length >= LEAST).then_some((part, count))
    });
    // The shortest part that covers most.
    longest.max_by_key(|(part, count)| (part.len() * count, std::cmp::Reverse(part.len())))
}

fn literal(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| format!("printf %s {}", quoted(text)))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn run(commands: &str) -> String {
        let output = Command::new("sh").args(["-c", commands]).output().expect("a shell");
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    #[test]
    fn the_shell_prints_exactly_the_text() {
        for text in [
            format!(r#"{{"name":"don't {}"}}"#, "a".repeat(70_000)),
            format!("{}{}", "[".repeat(10_000), "]".repeat(10_000)),
            format!("{}1{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000)),
            format!(r#"{{"description":"{}"}}"#, "ä%\\".repeat(3_000)),
        ] {
            let commands = printed(&text, 500).expect("it is repeated");
            assert!(commands.len() < 200, "{commands}");
            assert_eq!(run(&commands), text, "{commands}");
        }
    }

    #[test]
    fn a_long_text_without_repetition_has_no_short_commands() {
        let numbers: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
        assert_eq!(printed(&numbers.join(","), 2000), None);
    }
}
