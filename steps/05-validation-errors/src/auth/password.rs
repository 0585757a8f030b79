//! Passwords: never stored themselves, only a hash of each, made by argon2id (RFC 9106).

use std::sync::LazyLock;
use std::thread::available_parallelism;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::validation::FieldError;

// TODO(check_password): refuse a password with the character U+0000.
/// Checks that the password has 8 to 128 characters, whichever they are.
pub fn check_password(password: &str) -> Option<FieldError> {
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
