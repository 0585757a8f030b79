//! Wrong servers for step 4: signup and login, passwords, tokens, authorization, sessions and OAuth.

mod account_deletion;
mod authentication;
mod authorization;
mod email_conflicts;
mod jwt_secret;
mod login;
mod me;
mod oauth_callback;
mod oauth_failures;
mod oauth_pkce;
mod oauth_requests;
mod oauth_start;
mod oauth_state;
mod password_comparison;
mod password_hashes;
mod password_leaks;
mod refresh_tokens;
mod roles;
mod sessions;
mod signup;
mod signup_validation;
mod token_claims;
mod token_validation;

use crate::sabotage::{Sabotage, of_step};

/// The sabotages of step 4.
pub fn sabotages() -> Vec<Sabotage> {
    of_step(
        4,
        [
            signup::sabotages(),
            signup_validation::sabotages(),
            email_conflicts::sabotages(),
            password_hashes::sabotages(),
            password_comparison::sabotages(),
            password_leaks::sabotages(),
            login::sabotages(),
            me::sabotages(),
            token_claims::sabotages(),
            token_validation::sabotages(),
            jwt_secret::sabotages(),
            authentication::sabotages(),
            authorization::sabotages(),
            account_deletion::sabotages(),
            sessions::sabotages(),
            refresh_tokens::sabotages(),
            oauth_start::sabotages(),
            oauth_callback::sabotages(),
            oauth_pkce::sabotages(),
            oauth_state::sabotages(),
            oauth_failures::sabotages(),
            roles::sabotages(),
        ],
    )
}
