//! Wrong ways to store text.

use crate::api::routes::any;
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    let change_texts = |name, breaks, change: fn(&str) -> String| {
        wrong(name, &["1.text-fidelity"], breaks).request(any, move |request| {
            request.edit_texts("name", change);
            request.edit_texts("description", change);
        })
    };
    let change_names = |name, breaks, change: fn(&str) -> String| {
        wrong(name, &["1.text-fidelity"], breaks).request(any, move |request| request.edit_texts("name", change))
    };
    vec![
        change_names("names-cut-at-64-characters", "Names are cut at 64 characters.", |text| text.chars().take(64).collect()),
        change_names("names-cut-at-100-bytes", "Names are cut at 100 bytes.", |text| cut(text, 100, char::len_utf8)),
        change_names("names-cut-at-255-bytes", "Names are cut at 255 bytes.", |text| cut(text, 255, char::len_utf8)),
        change_names("names-cut-at-100-utf-16-units", "Names are cut at 100 UTF-16 units.", |text| {
            cut(text, 100, char::len_utf16)
        }),
        change_texts("text-is-ascii", "Characters outside ASCII become question marks.", |text| {
            text.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect()
        }),
        change_texts("text-is-latin-1", "UTF-8 is decoded as Latin-1.", |text| text.bytes().map(char::from).collect()),
        change_texts("text-without-emoji", "Code points above U+FFFF are dropped.", |text| {
            text.chars().filter(|c| c.len_utf8() < 4).collect()
        }),
        change_texts("text-is-composed", "A letter and its combining accent become one code point.", |text| {
            text.replace("e\u{301}", "\u{e9}")
        }),
        change_texts("text-without-joiners", "Zero-width joiners are dropped.", |text| text.replace('\u{200d}', "")),
        change_texts("text-is-escaped-for-html", "Text is stored with HTML escapes.", |text| {
            text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
        }),
        change_texts("text-loses-backslashes", "Backslashes are dropped.", |text| text.replace('\\', "")),
        change_texts("text-is-percent-decoded", "%20 is decoded to a space.", |text| text.replace("%20", " ")),
        change_texts("text-in-one-line", "Newlines become spaces.", |text| text.replace('\n', " ")),
        change_texts("text-without-quotes", "Quotation marks are dropped.", |text| text.replace('"', "")),
    ]
}

/// The longest prefix whose size is at most `most`.
fn cut(text: &str, most: usize, size: impl Fn(char) -> usize) -> String {
    let mut used = 0;
    text.chars()
        .take_while(|c| {
            used += size(*c);
            used <= most
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(cut("ab💧💧", 6, char::len_utf8), "ab💧");
        assert_eq!(cut("ab💧💧", 5, char::len_utf16), "ab💧");
    }
}
