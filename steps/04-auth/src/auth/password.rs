//! Passwords: never stored themselves, only a hash of each, made by argon2id (RFC 9106).

use crate::validation::FieldError;

// TODO(check_password): refuse a password of less than 8 or more than 128 characters.
/// Checks that the password has 8 to 128 characters, whichever they are.
pub fn check_password(_password: &str) -> Option<FieldError> {
    None
}

// TODO(hash): a password's hash as it is stored: argon2id, 19 MiB of memory, 2 passes, a new salt.

// TODO(verify): whether a password is the one stored. It takes as long when there is nothing stored.

// TODO(busy): a hash keeps a processor busy for long. Let no other request wait for it, and make
// only a few at once, each of which takes 19 MiB.
