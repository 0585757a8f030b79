//! Bodies in JSON: as text where they are text, else in base64 (RFC 4648), so that no byte is lost.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// How many bytes of a body a report keeps.
pub const KEPT: usize = 64 * 1024;

/// A body as a JSON string can hold it.
#[derive(Debug, PartialEq, Eq)]
pub enum Text<'a> {
    /// UTF-8, as it is.
    Utf8(&'a str),
    /// Anything else, in base64.
    Base64(String),
}

/// The first [`KEPT`] bytes of `body`, and whether something was cut off.
pub fn text(body: &[u8]) -> (Text<'_>, bool) {
    let cut = body.len() > KEPT;
    let mut kept = &body[..body.len().min(KEPT)];
    if cut
        && let Err(error) = std::str::from_utf8(kept)
        && error.error_len().is_none()
    {
        // The cut went through a character; without its first half the text stays text.
        kept = &kept[..error.valid_up_to()];
    }
    match std::str::from_utf8(kept) {
        Ok(text) => (Text::Utf8(text), cut),
        Err(_) => (Text::Base64(STANDARD.encode(kept)), cut),
    }
}

/// A body as text.
pub struct Encoded {
    /// The text.
    pub text: String,
    /// `utf-8` or `base64`.
    pub encoding: &'static str,
    /// Whether something was cut off.
    pub cut: bool,
}

/// The first [`KEPT`] bytes of `body` as text.
pub fn encode(body: &[u8]) -> Encoded {
    match text(body) {
        (Text::Utf8(text), cut) => Encoded { text: text.to_owned(), encoding: "utf-8", cut },
        (Text::Base64(text), cut) => Encoded { text, encoding: "base64", cut },
    }
}

/// The bytes of a body that was encoded; none where it cannot be decoded.
pub fn decode(text: &str, encoding: &str) -> Option<Vec<u8>> {
    match encoding {
        "utf-8" => Some(text.as_bytes().to_vec()),
        "base64" => STANDARD.decode(text).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_is_cut_within_a_character_stays_text() {
        let long = "é".repeat(KEPT) + "x";
        let (Text::Utf8(kept), true) = text(&long.as_bytes()[1..]) else {
            // The first byte is now half a character, so this one is no text at all.
            let long = format!("x{long}");
            let (kept, cut) = text(long.as_bytes());
            assert!(cut);
            assert!(matches!(kept, Text::Utf8(kept) if kept.len() == KEPT - 1));
            return;
        };
        panic!("half a character is no text: {}", kept.len());
    }
}
