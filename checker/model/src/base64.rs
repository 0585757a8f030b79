//! Base64 with padding (RFC 4648, section 4), and for URLs without (section 5).

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// `bytes` in base64.
pub fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let mut group = [0; 3];
        group[..chunk.len()].copy_from_slice(chunk);
        let number = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for digit in 0..4 {
            match digit <= chunk.len() {
                true => out.push(char::from(DIGITS[(number >> (18 - 6 * digit)) as usize & 63])),
                false => out.push('='),
            }
        }
    }
    out
}

/// The bytes that `text` encodes, if it is valid base64.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let digits = text.trim_end_matches('=').as_bytes();
    let mut out = Vec::with_capacity(digits.len() * 3 / 4);
    for group in digits.chunks(4) {
        let mut number = 0;
        for digit in group {
            number = number << 6 | DIGITS.iter().position(|known| known == digit)?;
        }
        let bytes = (number << (6 * (4 - group.len()))).to_be_bytes();
        out.extend_from_slice(&bytes[bytes.len() - 3..][..group.len() - 1]);
    }
    Some(out)
}

/// `bytes` in base64 for URLs, without padding.
pub fn encode_url(bytes: &[u8]) -> String {
    encode(bytes).trim_end_matches('=').replace('+', "-").replace('/', "_")
}

/// The bytes that `text` encodes, if it is valid base64 for URLs; padding is optional.
pub fn decode_url(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    if digits.contains(['+', '/', '=']) || digits.len() % 4 == 1 {
        return None;
    }
    let padding = "=".repeat((4 - digits.len() % 4) % 4);
    decode(&(digits.replace('-', "+").replace('_', "/") + &padding))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_rfc_4648_hold_both_ways() {
        let vectors = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE=")];
        for (plain, encoded) in vectors {
            assert_eq!(encode(plain.as_bytes()), encoded);
            assert_eq!(decode(encoded).as_deref(), Some(plain.as_bytes()));
        }
        assert_eq!(encode(&[0xff, 0xfe, 0xfb]), "//77");
    }

    #[test]
    fn urls_have_an_alphabet_of_their_own_and_no_padding() {
        for (bytes, encoded) in [(&[0xff, 0xfe, 0xfb][..], "__77"), (b"f", "Zg"), (b"fo", "Zm8"), (b"", "")] {
            assert_eq!(encode_url(bytes), encoded);
            assert_eq!(decode_url(encoded).as_deref(), Some(bytes));
        }
        assert_eq!(decode_url("Zg==").as_deref(), Some(&b"f"[..]));
        assert_eq!(decode_url("//77"), None);
        assert_eq!(decode_url("Zm9vY"), None);
    }

    #[test]
    fn invalid_base64_is_rejected() {
        for text in ["Zg=", "Z!==", "Zg==="] {
            assert_eq!(decode(text), None);
        }
    }
}
