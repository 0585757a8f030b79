//! Wrong ways to keep text.

use crate::api::routes::any;
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    let stored = |name, breaks, change: fn(&str) -> String| {
        wrong(name, &["1.text-fidelity"], breaks).request(any, move |request| {
            request.edit_texts("name", change);
            request.edit_texts("description", change);
        })
    };
    let named = |name, breaks, change: fn(&str) -> String| {
        wrong(name, &["1.text-fidelity"], breaks).request(any, move |request| request.edit_texts("name", change))
    };
    vec![
        named("names-cut-at-64-characters", "Names are cut at 64 characters.", |text| text.chars().take(64).collect()),
        named("names-cut-at-100-bytes", "Names are cut at 100 bytes.", |text| cut(text, 100, char::len_utf8)),
        named("names-cut-at-255-bytes", "Names are cut at 255 bytes.", |text| cut(text, 255, char::len_utf8)),
        named("names-cut-at-100-utf-16-units", "Names are cut at 100 UTF-16 units.", |text| cut(text, 100, char::len_utf16)),
        stored("text-is-ascii", "What is not ASCII becomes a question mark.", |text| {
            text.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect()
        }),
        stored("text-is-latin-1", "UTF-8 is taken for Latin-1.", |text| text.bytes().map(char::from).collect()),
        stored("text-without-emoji", "Code points above U+FFFF are dropped.", |text| {
            text.chars().filter(|c| c.len_utf8() < 4).collect()
        }),
        stored("text-is-composed", "A letter and its accent become one code point.", |text| text.replace("e\u{301}", "\u{e9}")),
        stored("text-without-joiners", "Zero-width joiners are dropped.", |text| text.replace('\u{200d}', "")),
        stored("text-is-escaped-for-html", "Text is stored escaped for HTML.", |text| {
            text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
        }),
        stored("text-loses-backslashes", "Backslashes are dropped.", |text| text.replace('\\', "")),
        stored("text-is-percent-decoded", "%20 becomes a space.", |text| text.replace("%20", " ")),
        stored("text-in-one-line", "Line ends become spaces.", |text| text.replace('\n', " ")),
        stored("text-without-quotes", "Quotation marks are dropped.", |text| text.replace('"', "")),
    ]
}

/// As many characters as fit into `most`, by the given measure.
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
