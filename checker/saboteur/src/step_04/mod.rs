//! Wrong servers for step 4: signup and login, passwords, tokens, authorization, sessions and OAuth.

mod access;
mod gates;
mod jwt_secret;
mod leaving;
mod login;
mod oauth;
mod passwords;
mod refresh;
mod roles;
mod sessions;
mod signup;
mod tokens;

use crate::sabotage::{Sabotage, of_step};

/// The sabotages of step 4.
pub fn sabotages() -> Vec<Sabotage> {
    of_step(
        4,
        [
            signup::sabotages(),
            passwords::sabotages(),
            login::sabotages(),
            tokens::sabotages(),
            jwt_secret::sabotages(),
            gates::sabotages(),
            access::sabotages(),
            leaving::sabotages(),
            sessions::sabotages(),
            refresh::sabotages(),
            oauth::sabotages(),
            roles::sabotages(),
        ],
    )
}
