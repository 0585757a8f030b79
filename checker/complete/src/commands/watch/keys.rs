//! Decodes keys from the bytes that a terminal sends for them.

/// A key that was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// A character.
    Char(char),
    /// An arrow.
    Up,
    /// An arrow.
    Down,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// To the beginning.
    Home,
    /// To the end.
    End,
    /// Enter.
    Enter,
    /// Escape.
    Escape,
    /// A letter while Ctrl is held down; the letter is a small one.
    Ctrl(char),
}

/// Decodes keys from bytes as xterm and most others send them (ECMA-48, 5.4, and the SS3 form of arrows).
#[derive(Debug, Default)]
pub struct Decoder {
    /// The beginning of a key whose end has not been read yet.
    begun: Vec<u8>,
}

impl Decoder {
    /// The keys in what one read returned. An Escape at its end is the key of that name: what a terminal sends for other keys it
    /// sends at once.
    pub fn decode(&mut self, bytes: &[u8]) -> Vec<Key> {
        self.begun.extend_from_slice(bytes);
        let (mut rest, mut keys) = (&self.begun[..], Vec::new());
        while let Some((key, length)) = first(rest) {
            keys.extend(key);
            rest = &rest[length..];
        }
        self.begun = rest.to_vec();
        keys
    }
}

/// The key at the beginning, if it is one we know, and the number of its bytes; nothing if its end is still to come.
fn first(bytes: &[u8]) -> Option<(Option<Key>, usize)> {
    let key = match bytes {
        [] => return None,
        [0x1b, b'[', rest @ ..] => return control_sequence(rest).map(|(key, length)| (key, length + 2)),
        [0x1b, b'O'] => return None,
        [0x1b, b'O', name @ 0x20..=0x7e, ..] => return Some((named(b"", *name), 3)),
        [0x1b, ..] => Some(Key::Escape),
        [b'\r' | b'\n', ..] => Some(Key::Enter),
        [control @ 1..=26, ..] => Some(Key::Ctrl(char::from(control + b'a' - 1))),
        [0..0x20 | 0x7f, ..] => None,
        _ => return character(bytes),
    };
    Some((key, 1))
}

/// What follows `ESC [`: parameters, and a byte that ends them and names the function.
fn control_sequence(bytes: &[u8]) -> Option<(Option<Key>, usize)> {
    let end = bytes.iter().position(|byte| !(0x20..0x40).contains(byte))?;
    match bytes[end] {
        // The Linux console sends `ESC [ [ A` for F1, and the like.
        b'[' => bytes.get(end + 1).map(|_| (None, end + 2)),
        name @ 0x40..=0x7e => Some((named(&bytes[..end], name), end + 1)),
        // Not what it seemed to be.
        _ => Some((None, end)),
    }
}

/// The key for a function. Keys that are held down meanwhile come as a second parameter and change nothing.
fn named(parameters: &[u8], name: u8) -> Option<Key> {
    let number = parameters.split(|byte| *byte == b';').next().unwrap_or_default();
    match (number, name) {
        (b"" | b"1", b'A') => Some(Key::Up),
        (b"" | b"1", b'B') => Some(Key::Down),
        (b"" | b"1", b'H') | (b"1" | b"7", b'~') => Some(Key::Home),
        (b"" | b"1", b'F') | (b"4" | b"8", b'~') => Some(Key::End),
        (b"5", b'~') => Some(Key::PageUp),
        (b"6", b'~') => Some(Key::PageDown),
        (b"", b'M') => Some(Key::Enter),
        _ => None,
    }
}

/// A character in UTF-8; bytes that are none are passed over.
fn character(bytes: &[u8]) -> Option<(Option<Key>, usize)> {
    let bytes = &bytes[..bytes.len().min(4)];
    let text = match str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if error.valid_up_to() > 0 => str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
        Err(error) => return error.error_len().map(|length| (None, length)),
    };
    text.chars().next().map(|c| (Some(Key::Char(c)), c.len_utf8()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The keys in what several reads returned.
    fn keys(reads: &[&str]) -> Vec<Key> {
        let mut decoder = Decoder::default();
        reads.iter().flat_map(|read| decoder.decode(read.as_bytes())).collect()
    }

    #[test]
    fn characters_are_keys() {
        assert_eq!(keys(&["q G"]), [Key::Char('q'), Key::Char(' '), Key::Char('G')]);
        assert_eq!(keys(&["é習🦀"]), [Key::Char('é'), Key::Char('習'), Key::Char('🦀')]);
    }

    #[test]
    fn control_characters_are_letters_with_ctrl() {
        assert_eq!(keys(&["\x03\x04\x1a"]), [Key::Ctrl('c'), Key::Ctrl('d'), Key::Ctrl('z')]);
        assert_eq!(keys(&["\r\n"]), [Key::Enter, Key::Enter]);
        assert_eq!(keys(&["\0\x1c\x7f"]), []);
    }

    #[test]
    fn each_form_of_a_key_is_known() {
        for (key, forms) in [
            (Key::Up, &["\x1b[A", "\x1bOA", "\x1b[1;2A"][..]),
            (Key::Down, &["\x1b[B", "\x1bOB"]),
            (Key::PageUp, &["\x1b[5~"]),
            (Key::PageDown, &["\x1b[6~", "\x1b[6;2~"]),
            (Key::Home, &["\x1b[H", "\x1bOH", "\x1b[1~", "\x1b[7~"]),
            (Key::End, &["\x1b[F", "\x1bOF", "\x1b[4~", "\x1b[8~"]),
            (Key::Enter, &["\r", "\x1bOM"]),
        ] {
            for form in forms {
                assert_eq!(keys(&[form]), [key], "{form:?}");
                assert_eq!(keys(&[&format!("{form}{form}q")]), [key, key, Key::Char('q')], "{form:?}");
            }
        }
    }

    #[test]
    fn other_sequences_mean_nothing_and_end_where_they_end() {
        for other in
            ["\x1b[C", "\x1b[3~", "\x1b[15~", "\x1b[[A", "\x1bOP", "\x1b[200~", "\x1b[?1;2c", "\x1b[<0;10;20M", "\x1b[ q"]
        {
            assert_eq!(keys(&[&format!("{other}q")]), [Key::Char('q')], "{other:?}");
        }
    }

    #[test]
    fn an_escape_at_the_end_of_a_read_is_the_key() {
        assert_eq!(keys(&["\x1b", "[A"]), [Key::Escape, Key::Char('['), Key::Char('A')]);
        assert_eq!(keys(&["\x1b\x1b"]), [Key::Escape, Key::Escape]);
        assert_eq!(keys(&["\x1bq"]), [Key::Escape, Key::Char('q')]);
    }

    #[test]
    fn a_key_may_come_in_two_reads() {
        assert_eq!(keys(&["\x1b[", "A"]), [Key::Up]);
        assert_eq!(keys(&["\x1b[5", "~q"]), [Key::PageUp, Key::Char('q')]);
        assert_eq!(keys(&["\x1bO", "B"]), [Key::Down]);
        let mut decoder = Decoder::default();
        assert_eq!(decoder.decode(&"é".as_bytes()[..1]), []);
        assert_eq!(decoder.decode(&"é".as_bytes()[1..]), [Key::Char('é')]);
    }

    #[test]
    fn what_is_broken_off_hides_no_key_after_it() {
        assert_eq!(keys(&["\x1b[", "\x03"]), [Key::Ctrl('c')]);
        assert_eq!(keys(&["\x1b[12\x1b[A"]), [Key::Up]);
        assert_eq!(keys(&["\x1bO", "\x03"]), [Key::Escape, Key::Char('O'), Key::Ctrl('c')]);
        let mut decoder = Decoder::default();
        assert_eq!(decoder.decode(b"\xff\xc3q\x80r\x9bs"), [Key::Char('q'), Key::Char('r'), Key::Char('s')]);
    }

    #[test]
    fn nothing_that_is_typed_stops_the_keys_after_it() {
        let mut random = fastrand::Rng::with_seed(11);
        for _ in 0..20_000 {
            let noise: Vec<u8> =
                (0..random.usize(..12)).map(|_| random.choice(*b"\x1b[O0;~A\xc3\xe7\x80\x03 ").unwrap_or(0)).collect();
            let mut decoder = Decoder::default();
            decoder.decode(&noise);
            // No key takes more than these to end, whatever it is.
            decoder.decode(b"qqq");
            assert_eq!(decoder.decode(b"q"), [Key::Char('q')], "{noise:?}");
        }
    }
}
