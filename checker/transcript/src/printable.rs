//! Text without characters that could control a terminal.

/// Whether a character could control a terminal, reorder a line or be invisible, so that it must be escaped.
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' // bidirectional controls
            | '\u{200b}' | '\u{2028}' | '\u{2029}' | '\u{2060}' | '\u{feff}' // invisible spaces and line ends
            | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}' // annotations, and what is no character
            | '\u{e0000}'..='\u{e007f}' // tags
        )
}

/// `text` with every unsafe character made visible (`\u{1b}`), except line ends and tabs.
pub fn escape(text: &str) -> String {
    let visible = |c| if c == '\n' || c == '\t' { None } else { is_unsafe(c).then(|| c.escape_unicode()) };
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match visible(c) {
            Some(escaped) => out.extend(escaped),
            None => out.push(c),
        }
    }
    out
}

/// `text` as one line: like [`escape`], with line ends written as `\n` and tabs as `\t`.
pub fn escape_line(text: &str) -> String {
    escape(text).replace('\n', "\\n").replace('\t', "\\t")
}

/// JSON text with every unsafe character written as an escape; such characters occur within strings only.
pub fn printable(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for line in json.split_inclusive('\n') {
        // Most lines; in JSON every other control character of ASCII is an escape already.
        if line.is_ascii() && !line.contains('\x7f') {
            out += line;
            continue;
        }
        for c in line.chars() {
            if is_unsafe(c) && c != '\n' {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    out += &format!("\\u{unit:04x}");
                }
            } else {
                out.push(c);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn safe_text_is_unchanged() {
        let text = "naïve 習慣 👩‍👩‍👧 \"quoted\" \\n tab\there\nnext";
        assert_eq!(escape(text), text);
        assert_eq!(escape("\x1b[31m\r\u{202e}"), "\\u{1b}[31m\\u{d}\\u{202e}");
        assert_eq!(escape_line("a\nb\tc"), "a\\nb\\tc");
    }

    #[test]
    fn json_means_the_same_when_it_is_printable() {
        let value = serde_json::json!(["\u{7f}\u{9b}31m", "\u{202e}習慣\u{e0041}", "\u{1b}[2J\n"]);
        let text = printable(&serde_json::to_string_pretty(&value).expect("it is JSON"));
        assert!(!text.chars().any(|c| is_unsafe(c) && c != '\n'), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).expect("it is still JSON"), value);
    }
}
