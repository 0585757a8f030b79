//! Passwords: never stored themselves, only a hash of each, made by argon2id (RFC 9106).

use std::sync::LazyLock;
use std::thread::available_parallelism;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

// ANCHOR: password_imports
use crate::validation::{FieldError, NO_NUL};
// ANCHOR_END: password_imports
//~ use crate::validation::FieldError;

// ANCHOR: check_password
/// Checks that the password has 8 to 128 characters, of which none is U+0000.
pub fn check_password(password: &str) -> Option<FieldError> {
    // Some programs would take the password to end there.
    if password.contains('\0') {
        return Some(FieldError::new("password", NO_NUL));
    }
    match password.chars().count() {
        0..8 => Some(FieldError::new(
            "password",
            "must have at least 8 characters",
        )),
        8..=128 => None,
        _ => Some(FieldError::new(
            "password",
            "must have at most 128 characters",
        )),
    }
}
// ANCHOR_END: check_password
//~ // TODO(check_password): refuse a password with the character U+0000.
//~<

// ANCHOR: hash
/// The hash under which to store a password: a text that also names the algorithm, its parameters
/// and the salt, which is new every time (PHC string format).
pub async fn hash(password: String) -> String {
    busy(move || hash_now(&password)).await
}

/// Uses 19 MiB of memory and two passes over it.
fn hash_now(password: &str) -> String {
    Argon2::default()
        .hash_password(password.as_bytes())
        .expect("argon2 takes any password, and the system has random bytes for a salt")
        .to_string()
}
// ANCHOR_END: hash

// ANCHOR: verify
/// Whether a password is the one that was stored as `hash`. Without a hash it is not, which takes
/// as long to find out: the time must not tell whether somebody has an account.
pub async fn verify(password: String, hash: Option<String>) -> bool {
    /// The hash of a password that nobody has.
    static NOBODY: LazyLock<String> = LazyLock::new(|| hash_now("nobody"));

    busy(move || {
        let stored = PasswordHash::new(hash.as_deref().unwrap_or(&NOBODY));
        let matches = stored.is_ok_and(|stored| {
            let checked = Argon2::default().verify_password(password.as_bytes(), &stored);
            checked.is_ok()
        });
        matches && hash.is_some()
    })
    .await
}
// ANCHOR_END: verify

// ANCHOR: busy
/// Runs `work`, which keeps a processor busy, on a thread where it does not hold up other requests.
/// Only as many run at once as there are processors; each of them takes 19 MiB.
async fn busy<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    static PROCESSORS: LazyLock<Semaphore> =
        LazyLock::new(|| Semaphore::new(available_parallelism().map_or(1, |number| number.get())));

    let turn = PROCESSORS.acquire().await.expect("nobody closes it");
    let work = spawn_blocking(move || {
        // When the client hangs up, nobody waits for this any more, but it still runs to its end.
        let _turn = turn;
        work()
    });
    work.await.expect("hashing does not panic")
}
// ANCHOR_END: busy

// ANCHOR: password_tests
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_has_8_to_128_characters() {
        for (password, good) in [
            ("1234567", false),
            ("12345678", true),
            ("😀😀😀😀😀😀😀😀", true),
            ("        ", true),
            ("\u{1}\u{7f}\t\n1234", true),
            ("1234567\0", false),
        ] {
            assert_eq!(check_password(password).is_none(), good, "{password}");
        }
        assert!(check_password(&"é".repeat(128)).is_none());
        assert!(check_password(&"é".repeat(129)).is_some());
    }

    #[tokio::test]
    async fn a_hash_says_how_it_was_made() {
        let hash = hash("correct horse".to_owned()).await;
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
    }

    #[tokio::test]
    async fn equal_passwords_have_different_hashes() {
        let password = || "correct horse".to_owned();
        assert_ne!(hash(password()).await, hash(password()).await);
    }

    #[tokio::test]
    async fn only_the_whole_password_matches() {
        let password = "0123456789".repeat(12);
        let stored = hash(password.clone()).await;
        assert!(verify(password.clone(), Some(stored.clone())).await);
        assert!(!verify(password[..119].to_owned(), Some(stored.clone())).await);
        assert!(!verify(format!("{password}0"), Some(stored)).await);
    }

    #[tokio::test]
    async fn without_a_usable_hash_no_password_matches() {
        for password in ["nobody", "", "x"] {
            assert!(!verify(password.to_owned(), None).await);
            assert!(!verify(password.to_owned(), Some("x".to_owned())).await);
        }
    }
}
// ANCHOR_END: password_tests
//~!
