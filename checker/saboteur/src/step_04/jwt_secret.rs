//! Wrong ways to treat the key of tokens at the start.

use crate::api::jwt;
use crate::sabotage::{Sabotage, wrong};
use crate::startup::{AfterExit, Startup};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    let trips = &["4.jwt-secret"];
    let lax = |name, breaks, is_taken: fn(Option<&str>) -> bool| {
        wrong(name, trips, breaks).startup(move |startup| {
            let secret = std::env::var("JWT_SECRET").ok();
            if is_taken(secret.as_deref()) {
                startup.variables.push(("JWT_SECRET", "a default that everybody can read in the source".into()));
            }
        })
    };
    let strict = |name, breaks, change: fn(&mut Startup)| {
        wrong(name, trips, breaks).startup(move |startup| {
            if jwt::key().len() < 32 {
                change(startup)
            }
        })
    };
    vec![
        lax("secret-has-a-default", "Without JWT_SECRET the server uses a key of its own.", |secret| secret.is_none()),
        lax("empty-secret-has-a-default", "With an empty JWT_SECRET the server uses a key of its own.", |secret| {
            secret == Some("")
        }),
        lax("short-secret-is-taken", "A JWT_SECRET of a few bytes is taken.", |secret| {
            secret.is_some_and(|secret| (1..32).contains(&secret.len()))
        }),
        lax("secret-of-31-bytes-is-taken", "A JWT_SECRET of 31 bytes is taken.", |secret| {
            secret.is_some_and(|secret| secret.len() == 31)
        }),
        lax("any-secret-is-taken", "JWT_SECRET may be missing, empty or short.", |secret| {
            secret.is_none_or(|secret| secret.len() < 32)
        }),
        strict(
            "refused-secret-is-not-named",
            "A bad JWT_SECRET ends the server without a word on which variable is bad.",
            |startup| {
                startup.error = Some("the configuration is not complete".into());
            },
        ),
        strict("refused-secret-is-another-variable", "A bad JWT_SECRET is told as a bad DATABASE_URL.", |startup| {
            startup.error = Some("DATABASE_URL must be set".into());
        }),
        strict("refused-secret-exits-with-0", "A bad JWT_SECRET ends the server with exit code 0.", |startup| {
            startup.after_exit = AfterExit::Code(0);
            startup.port = "0".into();
        }),
        strict("refused-secret-keeps-running", "A bad JWT_SECRET is told, and the server does not end.", |startup| {
            startup.after_exit = AfterExit::KeepRunning;
        }),
        wrong("secret-of-32-bytes-is-refused", trips, "A JWT_SECRET of 32 bytes is refused.").startup(|startup| {
            if jwt::key().len() == 32 {
                startup.error = Some("JWT_SECRET must have more bytes".into());
            }
        }),
    ]
}
