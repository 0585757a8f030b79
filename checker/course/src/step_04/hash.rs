//! Password hashes: the strength of an argon2id or bcrypt hash.

use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::NO_PAD;
use base64::engine::{DecodePaddingMode, GeneralPurpose};

/// The minimum memory of argon2id, in KiB: 19 MiB.
const MEMORY_LEAST: u32 = 19 * 1024;
/// The minimum number of passes of argon2id.
const PASSES_LEAST: u32 = 2;
/// The minimum cost of bcrypt, the binary logarithm of its rounds.
const COST_LEAST: u32 = 10;
/// The minimum lengths of the salt (RFC 9106, section 3.1) and of the digest, in bytes.
const SALT_LEAST: usize = 8;
const DIGEST_LEAST: usize = 16;
/// The length of bcrypt's salt and digest, in its own base64.
const BCRYPT_LENGTH: usize = 53;
/// Only the length counts, so padding and stray bits at the end do no harm.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    NO_PAD.with_decode_padding_mode(DecodePaddingMode::Indifferent).with_decode_allow_trailing_bits(true),
);

/// Describes the weakness of a stored hash, if it has one.
pub fn weakness(hash: &str) -> Option<String> {
    let mut parts = hash.split('$');
    let (before, kind) = (parts.next(), parts.next());
    let rest: Vec<&str> = parts.collect();
    match (before, kind) {
        (Some(""), Some("argon2id")) => argon2id(&rest),
        (Some(""), Some("argon2i" | "argon2d")) => Some("a variant of argon2 other than argon2id".into()),
        (Some(""), Some("2a" | "2b" | "2x" | "2y")) => bcrypt(&rest),
        _ => Some("neither an argon2id PHC string nor a bcrypt hash".into()),
    }
}

/// `$argon2id$v=19$m=19456,t=2,p=1$salt$digest`; the version may be left out.
fn argon2id(parts: &[&str]) -> Option<String> {
    let parts = parts.strip_prefix(&["v=19"]).unwrap_or(parts);
    let [parameters, salt, digest] = parts else {
        return Some("argon2id without parameters, salt and digest, separated by $".into());
    };
    let parameter = |name: &str| {
        let found = parameters.split(',').filter_map(|part| part.split_once('=')).find(|(key, _)| *key == name);
        found.and_then(|(_, value)| value.parse::<u32>().ok())
    };
    match (parameter("m"), parameter("t"), parameter("p")) {
        (Some(memory), ..) if memory < MEMORY_LEAST => Some(format!("m={memory} KiB of memory")),
        (_, Some(passes), _) if passes < PASSES_LEAST => Some(format!("t={passes} pass")),
        (Some(_), Some(_), Some(1..)) => {
            let length = |text: &str| base64_length(text).unwrap_or_default();
            match (length(salt), length(digest)) {
                (SALT_LEAST.., DIGEST_LEAST..) => None,
                (0..SALT_LEAST, _) => Some("a salt that is too short".into()),
                _ => Some("a digest that is too short".into()),
            }
        }
        _ => Some(format!("argon2id with the parameters {parameters}")),
    }
}

/// `$2b$10$` and 53 characters.
fn bcrypt(parts: &[&str]) -> Option<String> {
    let [cost, rest] = parts else { return Some("bcrypt without a cost and a digest".into()) };
    match cost.parse::<u32>() {
        Ok(cost) if cost < COST_LEAST => Some(format!("bcrypt with a cost of {cost}")),
        Ok(_) if rest.len() == BCRYPT_LENGTH => None,
        _ => Some("bcrypt without a cost and 53 characters of salt and digest".into()),
    }
}

/// The number of bytes that unpadded base64 decodes to.
fn base64_length(text: &str) -> Option<usize> {
    LENIENT.decode(text).ok().map(|bytes| bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the argon2 reference implementation, with stronger parameters.
    const GOOD: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$RdescudvJCsgt3ub+b3dWRWJTmaaJObGJ7W+8kk7v2E";

    #[test]
    fn strong_hashes_are_accepted_in_the_forms_that_libraries_write() {
        for hash in [
            GOOD,
            "$argon2id$v=19$t=3,m=65536,p=4$wWKIMhR9lyDFvRz9YTZweA$EFGKT8mWFJBFhO9/YFDfbkNTYfyKIZFTVeE6rlYaZzg",
            "$argon2id$m=19456,t=2,p=1$c29tZXNhbHQ$RdescudvJCsgt3ub+b3dWRWJTmaaJObGJ7W+8kk7v2E",
            "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
            "$2y$10$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
        ] {
            assert_eq!(weakness(hash), None, "{hash}");
        }
    }

    #[test]
    fn weak_hashes_are_described() {
        for (hash, expected) in [
            (GOOD.replace("19456", "4096"), "m=4096"),
            (GOOD.replace("t=2", "t=1"), "t=1"),
            (GOOD.replace("argon2id", "argon2i"), "a variant"),
            (GOOD.replace("c29tZXNhbHQ", "c29tZQ"), "salt"),
            (GOOD.replace("m=19456,", ""), "parameters"),
            ("$2b$08$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW".into(), "cost of 8"),
            ("5f4dcc3b5aa765d61d8327deb882cf99".into(), "neither"),
            ("$5$rounds=5000$usesomesillystri$KqJWpanXZHKq2BOB43TSaYhEWsQ1Lr5QNyPCDH/Tp.6".into(), "neither"),
            (String::new(), "neither"),
        ] {
            let weakness = weakness(&hash).expect("it is weak");
            assert!(weakness.contains(expected), "{hash}: {weakness}");
        }
    }

    #[test]
    fn a_length_is_that_of_the_bytes_with_padding_or_without() {
        for (text, length) in [("Zg", 1), ("Zg==", 1), ("Zh", 1), ("Zm8", 2), ("Zm9v", 3), ("", 0)] {
            assert_eq!(base64_length(text), Some(length), "{text}");
        }
        for text in ["Z!", "Zm9vY", "__77"] {
            assert_eq!(base64_length(text), None, "{text}");
        }
    }
}
