//! Passwords that are altered before they are compared, or rejected although they are valid.

use crate::api::routes::{has_password, signs_up};
use crate::sabotage::{Sabotage, wrong};

/// Changes every valid password before it is used.
fn alter_password(name: &'static str, breaks: &'static str, alter: fn(&str) -> String) -> Sabotage {
    wrong(name, &["4.password-whole"], breaks).request(has_password, move |request| {
        let password = request.text("password");
        if (8..=128).contains(&password.chars().count()) {
            request.set_field("password", alter(&password));
        }
    })
}

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    let reject = |name, breaks, is_rejected: fn(&str) -> bool| {
        wrong(name, &["4.password-whole"], breaks).request(signs_up, move |request| {
            let password = request.text("password");
            if password.chars().count() <= 128 && is_rejected(&password) {
                request.set_field("password", "");
            }
        })
    };
    vec![
        alter_password("password-is-cut-at-72-bytes", "Only the first 72 bytes of a password count.", |password| {
            let end = (0..=72).rev().find(|end| password.is_char_boundary(*end)).unwrap_or_default();
            password[..end].to_owned()
        }),
        alter_password("password-is-cut-at-8-characters", "Only the first 8 characters of a password count.", |password| {
            password.chars().take(8).collect()
        }),
        alter_password("password-is-cut-at-127-characters", "Only the first 127 characters of a password count.", |password| {
            password.chars().take(127).collect()
        }),
        alter_password("password-loses-its-end", "White space at the end of a password is ignored.", |password| {
            password.trim_end().to_owned()
        }),
        alter_password("password-is-trimmed", "White space around a password is ignored.", |password| {
            format!("{:8}", password.trim())
        }),
        alter_password("password-is-compared-without-case", "Passwords are compared case-insensitively.", str::to_lowercase),
        alter_password("password-is-compared-as-ascii", "All characters of a password outside ASCII are equal.", |password| {
            password.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect()
        }),
        reject("password-of-8-characters-is-refused", "A password of 8 characters is rejected.", |password| {
            password.chars().count() == 8
        }),
        reject("password-of-128-characters-is-refused", "A password of 128 characters is rejected.", |password| {
            password.chars().count() == 128
        }),
        reject("password-over-72-bytes-is-refused", "A password of more than 72 bytes is rejected.", |password| {
            password.len() > 72
        }),
        reject("password-over-128-bytes-is-refused", "A password of more than 128 bytes is rejected.", |password| {
            password.len() > 128
        }),
        reject("password-with-spaces-is-refused", "A password that contains a space is rejected.", |password| {
            password.contains(' ')
        }),
        reject("password-beyond-ascii-is-refused", "A password with characters outside ASCII is rejected.", |password| {
            !password.is_ascii()
        }),
    ]
}
