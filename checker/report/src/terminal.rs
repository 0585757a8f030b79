//! What a terminal needs: colors or none, a width, and protection from untrusted text.

use std::io::IsTerminal;

use rustix::termios::tcgetwinsize;
pub use transcript::{escape, escape_line};

/// Lines wider than this are hard to read, however wide the terminal is.
const WIDEST: usize = 110;
/// The width where there is no terminal to ask.
const NO_TERMINAL: usize = 100;
/// Narrower than this nothing can be laid out; the terminal then breaks lines itself.
const NARROWEST: usize = 24;

/// When to use colors, as `--color` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum ColorChoice {
    /// Colors when standard output is a terminal and `NO_COLOR` is not set.
    #[default]
    Auto,
    /// Colors, whatever the environment says.
    Always,
    /// No colors.
    Never,
}

impl ColorChoice {
    /// Whether to use colors, given the environment and whether the output is a terminal.
    ///
    /// Follows <https://no-color.org> and <https://bixense.com/clicolors>; an empty variable counts as unset.
    pub fn resolve(self, variable: impl Fn(&str) -> Option<String>, is_terminal: bool) -> bool {
        let set = |name| variable(name).filter(|value| !value.is_empty());
        match self {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto if set("NO_COLOR").is_some() => false,
            ColorChoice::Auto if set("CLICOLOR_FORCE").is_some_and(|value| value != "0") => true,
            ColorChoice::Auto => is_terminal && set("TERM").is_none_or(|value| value != "dumb"),
        }
    }
}

/// Columns and rows of the terminal that is written to, if one is and knows its size.
pub fn size() -> Option<(usize, usize)> {
    let size = tcgetwinsize(std::io::stdout()).or_else(|_| tcgetwinsize(std::io::stderr())).ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then_some((size.ws_col.into(), size.ws_row.into()))
}

/// The look of a text report.
#[derive(Debug, Clone)]
pub struct Style {
    /// Whether to use colors. No meaning depends on them.
    pub color: bool,
    /// Columns to lay prose out for. Commands are never broken, so that they can be copied.
    pub width: usize,
}

impl Style {
    /// The style for standard output.
    pub fn detect(choice: ColorChoice) -> Style {
        let is_terminal = std::io::stdout().is_terminal();
        let columns = match is_terminal {
            true => size().map(|(columns, _)| columns),
            false => None,
        };
        Style {
            color: choice.resolve(|name| std::env::var(name).ok(), is_terminal),
            width: columns.unwrap_or(NO_TERMINAL).clamp(NARROWEST, WIDEST),
        }
    }

    /// `text`, which must be one line, in the color of `ink`.
    pub fn paint(&self, ink: Ink, text: &str) -> String {
        match ink.code() {
            Some(code) if self.color && !text.is_empty() => format!("\x1b[{code}m{text}\x1b[0m"),
            _ => text.to_owned(),
        }
    }
}

/// What a piece of text is, and so which color it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// As the terminal writes everything.
    Plain,
    /// Right, or what was asked for.
    Good,
    /// Wrong.
    Bad,
    /// Neither: skipped, undecided.
    Unsure,
    /// A heading.
    Strong,
    /// Of less weight.
    Faint,
    /// Something to type.
    Code,
}

impl Ink {
    /// The parameter of the SGR control sequence (ECMA-48, 8.3.117).
    fn code(self) -> Option<&'static str> {
        match self {
            Ink::Plain => None,
            Ink::Good => Some("32"),
            Ink::Bad => Some("31"),
            Ink::Unsure => Some("33"),
            Ink::Strong => Some("1"),
            Ink::Faint => Some("2"),
            Ink::Code => Some("36"),
        }
    }
}

/// The first `limit` characters of `text`, and how many were cut.
pub fn cap(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}… ({} more characters)", &text[..end], text[end..].chars().count()),
        None => text.to_owned(),
    }
}

/// `text` with its colors if `color` is set, and with everything else that is unsafe made visible.
///
/// A color is an SGR sequence of digits, semicolons and colons, as compilers write it; no other sequence is let through.
pub fn keep_colors(text: &str, color: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("\x1b[") {
        out += &escape(&rest[..start]);
        let parameters = &rest[start + 2..];
        let end = parameters.find(|c: char| !matches!(c, '0'..='9' | ';' | ':')).unwrap_or(parameters.len());
        if parameters[end..].starts_with('m') {
            if color {
                out += &rest[start..start + 2 + end + 1];
            }
            rest = &parameters[end + 1..];
        } else {
            out += &escape("\x1b");
            rest = &rest[start + 1..];
        }
    }
    out + &escape(rest)
}

/// A line of a log as one safe line, without the colors that many loggers write even to a file.
pub fn log_line(line: &str) -> String {
    keep_colors(line, false).replace('\n', "\\n").replace('\t', "\\t")
}

/// Columns `text` takes, to a good approximation: East Asian wide characters and emoji take two.
pub fn columns(text: &str) -> usize {
    let wide = |c: char| {
        matches!(c, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{303e}' | '\u{3041}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}'
            | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}' | '\u{ffe0}'..='\u{ffe6}'
            | '\u{1f300}'..='\u{1f64f}' | '\u{1f900}'..='\u{1f9ff}' | '\u{20000}'..='\u{3fffd}')
    };
    text.chars().map(|c| if wide(c) { 2 } else { 1 }).sum()
}

/// The lines of a paragraph, each at most `width` columns unless one word is longer. Only spaces at a line's end are lost.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words(text, width) {
        match lines.last_mut() {
            Some(line) if columns(line) + 1 + columns(word) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// The words of `text`; a span in backticks that fits on a line counts as one word.
fn words(text: &str, width: usize) -> Vec<&str> {
    let mut in_code = false;
    let spans = text.split(|c: char| {
        in_code ^= c == '`';
        c == ' ' && !in_code
    });
    spans
        .flat_map(|span| match columns(span) <= width {
            true => vec![span],
            false => span.split(' ').collect(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use transcript::is_unsafe;

    use super::*;

    /// Random text with far more trouble in it than servers usually send.
    fn nasty(seed: u64) -> String {
        let mut random = fastrand::Rng::with_seed(seed);
        let trouble = [
            "\x1b",
            "\x1b[",
            "[31m",
            "\x1b]0;title\x07",
            "\x1b[2J",
            "\u{9b}31m",
            "\u{202e}",
            "\u{2066}",
            "\u{feff}",
            "\x7f",
            "\0",
            "\r\n",
            "\n",
            "\t",
            "é",
            "習",
            "\u{1f600}",
            "\\u{1b}",
            "\"",
            "`",
            "]]>",
            "<&>",
            "\u{fffe}",
            "\x1b[1;31m",
            "\x1b[38:5:1m",
        ];
        (0..random.usize(0..60))
            .map(|_| match random.bool() {
                true => (*random.choice(trouble).expect("the list is not empty")).to_owned(),
                false => random.char(..).to_string(),
            })
            .collect()
    }

    #[test]
    fn no_unsafe_character_survives_escaping() {
        for seed in 0..2_000 {
            let text = nasty(seed);
            assert!(!escape(&text).chars().any(|c| is_unsafe(c) && c != '\n' && c != '\t'), "{text:?}");
            assert!(!escape_line(&text).chars().any(is_unsafe), "{text:?}");
            assert!(!log_line(&text).chars().any(is_unsafe), "{text:?}");
            assert!(!keep_colors(&text, false).chars().any(|c| is_unsafe(c) && c != '\n' && c != '\t'), "{text:?}");
        }
    }

    #[test]
    fn only_colors_pass_from_a_compiler_to_the_terminal() {
        for seed in 0..2_000 {
            let text = nasty(seed);
            let kept = keep_colors(&text, true);
            assert_eq!(keep_colors(&kept, false), keep_colors(&text, false), "nothing but colors may differ: {text:?}");
            for (at, _) in kept.match_indices('\x1b') {
                let sequence = kept[at..].trim_start_matches('\x1b').trim_start_matches('[');
                assert!(
                    sequence.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';' || c == ':').starts_with('m'),
                    "{kept:?}"
                );
            }
        }
        assert_eq!(keep_colors("\x1b[1;31merror\x1b[0m \x1b[2J", true), "\x1b[1;31merror\x1b[0m \\u{1b}[2J");
        assert_eq!(keep_colors("\x1b[1;31merror\x1b[0m", false), "error");
    }

    #[test]
    fn a_log_line_loses_its_colors_and_keeps_its_words() {
        assert_eq!(log_line("\x1b[2m12:00\x1b[0m \x1b[32m INFO\x1b[0m GET\x1b]0;x"), "12:00  INFO GET\\u{1b}]0;x");
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(cap("habit", 5), "habit");
        assert_eq!(cap("習慣習慣", 1), "習… (3 more characters)");
    }

    #[test]
    fn prose_is_wrapped_between_words_and_commands_stay_whole() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("now run `cargo run -p checker` again", 20), ["now run `cargo run", "-p checker` again"]);
        assert_eq!(wrap("now run `cargo run -p checker` again", 24), ["now run", "`cargo run -p checker`", "again"]);
        assert_eq!(wrap("", 10), [""]);
        assert_eq!(wrap("  two  spaces", 20), ["  two  spaces"]);
        assert_eq!(wrap("unbreakable", 4), ["unbreakable"]);
    }

    #[test]
    fn the_flag_beats_the_environment_and_the_environment_beats_the_terminal() {
        let environment = |pairs: &'static [(&str, &str)]| {
            move |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        assert!(ColorChoice::Always.resolve(environment(&[("NO_COLOR", "1")]), false));
        assert!(!ColorChoice::Never.resolve(environment(&[("CLICOLOR_FORCE", "1")]), true));
        assert!(!ColorChoice::Auto.resolve(environment(&[("NO_COLOR", "1")]), true));
        assert!(ColorChoice::Auto.resolve(environment(&[("NO_COLOR", "")]), true));
        assert!(ColorChoice::Auto.resolve(environment(&[("CLICOLOR_FORCE", "1")]), false));
        assert!(!ColorChoice::Auto.resolve(environment(&[("CLICOLOR_FORCE", "0")]), false));
        assert!(!ColorChoice::Auto.resolve(environment(&[("TERM", "dumb")]), true));
        assert!(ColorChoice::Auto.resolve(environment(&[]), true));
        assert!(!ColorChoice::Auto.resolve(environment(&[]), false));
    }
}
