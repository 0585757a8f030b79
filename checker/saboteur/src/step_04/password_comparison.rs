//! Passwords of which only a part counts.

use crate::api::routes::{has_password, signs_up};
use crate::sabotage::{Sabotage, wrong};

/// Changes every password before anything is done with it.
fn altered(name: &'static str, breaks: &'static str, alter: fn(&str) -> String) -> Sabotage {
    wrong(name, &["4.password-whole"], breaks).request(has_password, move |request| {
        let password = request.text("password");
        if (8..=128).contains(&password.chars().count()) {
            request.set_field("password", alter(&password));
        }
    })
}

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    let refused = |name, breaks, refused: fn(&str) -> bool| {
        wrong(name, &["4.password-whole"], breaks).request(signs_up, move |request| {
            let password = request.text("password");
            if password.chars().count() <= 128 && refused(&password) {
                request.set_field("password", "");
            }
        })
    };
    vec![
        altered("password-is-cut-at-72-bytes", "Bytes of a password behind the 72nd do not count.", |password| {
            let end = (0..=72).rev().find(|end| password.is_char_boundary(*end)).unwrap_or_default();
            password[..end].to_owned()
        }),
        altered("password-is-cut-at-8-characters", "Characters of a password behind the 8th do not count.", |password| {
            password.chars().take(8).collect()
        }),
        altered("password-is-cut-at-127-characters", "The 128th character of a password does not count.", |password| {
            password.chars().take(127).collect()
        }),
        altered("password-loses-its-end", "White space at the end of a password does not count.", |password| {
            password.trim_end().to_owned()
        }),
        altered("password-is-trimmed", "White space around a password does not count.", |password| {
            format!("{:8}", password.trim())
        }),
        altered("password-is-compared-without-case", "The letter case of a password does not count.", str::to_lowercase),
        altered("password-is-compared-as-ascii", "All characters of a password beyond ASCII are alike.", |password| {
            password.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect()
        }),
        refused("password-of-8-characters-is-refused", "A password of 8 characters is refused.", |password| {
            password.chars().count() == 8
        }),
        refused("password-of-128-characters-is-refused", "A password of 128 characters is refused.", |password| {
            password.chars().count() == 128
        }),
        refused("password-over-72-bytes-is-refused", "A password of more than 72 bytes is refused.", |password| {
            password.len() > 72
        }),
        refused("password-over-128-bytes-is-refused", "A password of more than 128 bytes is refused.", |password| {
            password.len() > 128
        }),
        refused("password-with-spaces-is-refused", "A password with a space in it is refused.", |password| {
            password.contains(' ')
        }),
        refused("password-beyond-ascii-is-refused", "A password with characters beyond ASCII is refused.", |password| {
            !password.is_ascii()
        }),
    ]
}
