//! SCRAM-SHA-256 (RFC 5802 and RFC 7677): proves knowledge of a password without sending it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac_sha256::{HMAC, Hash};

/// The header that says: no channel binding (RFC 5802, section 7), and its base64.
const HEADER: (&str, &str) = ("n,,", "biws");
/// The most iterations accepted: more than any real server asks for, so that none can keep the checker busy.
const MOST_ROUNDS: u32 = 1_000_000;

/// One authentication.
pub struct Scram {
    /// The client's first message without the header.
    first: String,
    /// The signature with which the server proves that it knows the password too.
    expected: Option<String>,
}

impl Scram {
    /// Begins, and returns the client's first message. PostgreSQL takes the user's name from the startup message.
    pub fn begin() -> (Self, String) {
        Self::begin_with(&std::iter::repeat_with(fastrand::alphanumeric).take(24).collect::<String>())
    }

    fn begin_with(nonce: &str) -> (Self, String) {
        let first = format!("n=,r={nonce}");
        let message = format!("{}{first}", HEADER.0);
        (Scram { first, expected: None }, message)
    }

    /// The client's final message, in answer to the server's first one; `None` if that one is invalid.
    pub fn response(&mut self, challenge: &[u8], password: &str) -> Option<String> {
        let challenge = str::from_utf8(challenge).ok()?;
        let field = |name| challenge.split(',').find_map(|field| field.strip_prefix(name));
        let nonce = field("r=").filter(|nonce| self.first.split_once("r=").is_some_and(|(_, ours)| nonce.starts_with(ours)))?;
        let salt = STANDARD.decode(field("s=")?).ok()?;
        let rounds = field("i=")?.parse().ok().filter(|rounds| (1..=MOST_ROUNDS).contains(rounds))?;

        let salted = stretch(password.as_bytes(), &salt, rounds);
        let response = format!("c={},r={nonce}", HEADER.1);
        let all = format!("{},{challenge},{response}", self.first);
        let key = HMAC::mac(b"Client Key", salted);
        let signature = HMAC::mac(all.as_bytes(), Hash::hash(&key));
        let proof: Vec<u8> = key.iter().zip(signature).map(|(key, signature)| key ^ signature).collect();
        let server_key = HMAC::mac(b"Server Key", salted);
        self.expected = Some(format!("v={}", STANDARD.encode(HMAC::mac(all.as_bytes(), server_key))));
        Some(format!("{response},p={}", STANDARD.encode(proof)))
    }

    /// Whether the server's final message proves that it knows the password.
    pub fn is_proven_by(&self, message: &[u8]) -> bool {
        self.expected.as_ref().is_some_and(|expected| expected.as_bytes() == message)
    }
}

/// A verifier that a server stores instead of a password, as in PostgreSQL's `pg_authid.rolpassword`, with one iteration only.
/// That would not protect a password that a person chose. Random passwords of 24 characters need no protection, and logging in
/// is hundreds of times as fast.
pub fn quick_verifier(password: &str) -> String {
    let salt: [u8; 16] = std::array::from_fn(|_| fastrand::u8(..));
    let salted = stretch(password.as_bytes(), &salt, 1);
    let stored_key = Hash::hash(&HMAC::mac(b"Client Key", salted));
    let server_key = HMAC::mac(b"Server Key", salted);
    format!("SCRAM-SHA-256$1:{}${}:{}", STANDARD.encode(salt), STANDARD.encode(stored_key), STANDARD.encode(server_key))
}

/// PBKDF2 (RFC 8018, section 5.2) with HMAC-SHA-256, for one block.
fn stretch(password: &[u8], salt: &[u8], rounds: u32) -> [u8; 32] {
    let mut last = HMAC::mac([salt, &1u32.to_be_bytes()].concat(), password);
    let mut result = last;
    for _ in 1..rounds {
        last = HMAC::mac(last, password);
        result.iter_mut().zip(last).for_each(|(byte, new)| *byte ^= new);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_7677_is_reproduced_except_for_the_name() {
        // The RFC's example has a user's name, which PostgreSQL leaves empty; with it the numbers are the RFC's.
        let (mut scram, _) = Scram::begin_with("rOprNGfwEbeRWgbNEkqO");
        scram.first = "n=user,r=rOprNGfwEbeRWgbNEkqO".into();
        let challenge = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        let response = scram.response(challenge, "pencil").expect("a challenge");
        assert_eq!(
            response,
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        assert!(scram.is_proven_by(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
        assert!(!scram.is_proven_by(b"v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
    }

    #[test]
    fn an_invalid_challenge_is_not_answered() {
        let (mut scram, first) = Scram::begin_with("ours");
        assert_eq!(first, "n,,n=,r=ours");
        for challenge in ["", "r=theirs,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", "r=ours1,s=!,i=4096", "r=ours1,s=W22Z,i=0"] {
            assert_eq!(scram.response(challenge.as_bytes(), "pencil"), None, "{challenge}");
        }
        assert!(!scram.is_proven_by(b""));
    }
}
