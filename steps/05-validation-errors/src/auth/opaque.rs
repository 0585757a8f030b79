//! Random texts that stand for something the server remembers: whoever has one may use it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// A text of 43 letters, digits, `-` and `_` that nobody can guess: 256 random bits.
///
/// # Panics
///
/// If the operating system has no random bytes.
pub fn random() -> String {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the system has random bytes");
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What to store of such a text. Nobody can guess it, so one fast hash hides it; a password, which
/// people choose, needs a slow one.
pub fn digest(text: &str) -> Vec<u8> {
    Sha256::digest(text).to_vec()
}

/// The same hash as a text, in the letters of [`random`].
pub fn digest_text(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_long_and_new_every_time() {
        assert_eq!(random().len(), 43);
        assert_ne!(random(), random());
    }

    #[test]
    fn the_challenge_of_rfc_7636_comes_out() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        assert_eq!(digest_text(verifier), challenge);
    }
}
