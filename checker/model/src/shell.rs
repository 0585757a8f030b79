//! Quoting for a POSIX shell.

/// `text` as one quoted word.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// `text` as one word, quoted only if the shell would change it.
pub fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text.to_owned() } else { quoted(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_shell_would_change_is_quoted() {
        assert_eq!(word("http://127.0.0.1:8000/habits"), "http://127.0.0.1:8000/habits");
        assert_eq!(word("/habits?limit=2&after=7"), "'/habits?limit=2&after=7'");
        assert_eq!(word(""), "''");
        assert_eq!(word("it's"), r"'it'\''s'");
        assert_eq!(quoted("plain"), "'plain'");
    }
}
