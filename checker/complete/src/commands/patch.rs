//! Changes to a file, shown in the unified format.

use similar::TextDiff;

use report::{Ink, Style, escape};

/// What turns `old` into `new`, or nothing if they are the same; the names stand above the two columns of signs.
pub fn unified(style: &Style, old: (&str, &str), new: (&str, &str)) -> String {
    let ((old_name, old), (new_name, new)) = (old, new);
    if old == new {
        return String::new();
    }
    let diff = TextDiff::from_lines(old, new);
    let text = diff.unified_diff().context_radius(3).header(old_name, new_name).to_string();
    let mut out = String::new();
    for (number, line) in text.lines().enumerate() {
        let ink = match line.as_bytes().first() {
            _ if number < 2 => Ink::Strong,
            Some(b'+') => Ink::Good,
            Some(b'-') => Ink::Bad,
            Some(b'@') => Ink::Code,
            _ => Ink::Plain,
        };
        out.push_str(&style.paint(ink, &escape(line)));
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn style(color: bool) -> Style {
        Style { color, width: 100 }
    }

    #[test]
    fn a_change_is_shown_with_its_surroundings() {
        let old = "a\nb\nc\nd\ne\nf\n";
        let text = unified(&style(false), ("x.rs (yours)", old), ("x.rs", &old.replace("e\n", "E\n")));
        assert_eq!(text, "--- x.rs (yours)\n+++ x.rs\n@@ -2,5 +2,5 @@\n b\n c\n d\n-e\n+E\n f\n");
        assert_eq!(unified(&style(false), ("x", old), ("x", old)), "");
    }

    #[test]
    fn colors_follow_the_signs_and_nothing_else_reaches_the_terminal() {
        let text = unified(&style(true), ("x", ""), ("x", "\x1b[2J\n"));
        assert!(text.ends_with("\x1b[32m+\\u{1b}[2J\x1b[0m\n"), "{text:?}");
    }
}
