//! Names and values as HTML forms and queries write them: `application/x-www-form-urlencoded` (the URL standard, section 5).

use percent_encoding::percent_decode_str;

/// Names and values, in order.
pub type Fields = Vec<(String, String)>;

/// Reads fields; what is no UTF-8 becomes U+FFFD.
pub fn read(text: &str) -> Fields {
    form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

/// Writes fields.
pub fn write<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// The first value of a field.
pub fn value<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// Decodes one name or value; what is no UTF-8 becomes U+FFFD.
pub fn decode(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
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

    #[test]
    fn a_single_value_is_decoded_like_a_field() {
        assert_eq!(decode("a+b%2B%2f%3D%25=%zz"), "a b+/=%=%zz");
    }
}
