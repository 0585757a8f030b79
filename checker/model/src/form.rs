//! Names and values in the encoding of HTML forms and queries: `application/x-www-form-urlencoded` (URL standard, section 5).

/// Names and values, in order.
pub type Fields = Vec<(String, String)>;

/// Parses fields; invalid UTF-8 becomes U+FFFD.
pub fn read(text: &str) -> Fields {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).map(|(name, value)| (decoded(name), decoded(value))).collect()
}

/// Writes fields.
pub fn write<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let pairs = fields.into_iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// The first value of a field.
pub fn value<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// The decoded text of a name or value.
pub fn decoded(text: &str) -> String {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let pair = (digit(bytes.get(at + 1)), digit(bytes.get(at + 2)));
        match (byte, pair) {
            (b'%', (Some(high), Some(low))) => {
                out.push((high * 16 + low) as u8);
                at += 2;
            }
            (b'+', _) => out.push(b' '),
            (byte, _) => out.push(*byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._*".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_survive_a_round_trip() {
        let fields = [("redirect_uri", "https://habits.example.com/a?b=c&d"), ("name", "Ada é + 50 %"), ("", "")];
        let read = read(&write(fields));
        assert_eq!(read, fields.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn plus_is_a_space_and_a_stray_percent_sign_stays() {
        let fields = read("a+b=c%20d&flag&x=100%&y=%zz&a%2Bb=1");
        assert_eq!(value(&fields, "a b"), Some("c d"));
        assert_eq!(value(&fields, "flag"), Some(""));
        assert_eq!((value(&fields, "x"), value(&fields, "y")), (Some("100%"), Some("%zz")));
        assert_eq!(value(&fields, "a+b"), Some("1"));
    }
}
