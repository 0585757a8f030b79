//! Wrong ways to treat an invalid `JWT_SECRET`.

use crate::api::jwt;
use crate::sabotage::{Sabotage, wrong};
use crate::startup::{AfterExit, Startup};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    let trips = &["4.jwt-secret"];
    let accept = |name, breaks, is_accepted: fn(Option<&str>) -> bool| {
        wrong(name, trips, breaks).startup(move |startup| {
            let secret = std::env::var("JWT_SECRET").ok();
            if is_accepted(secret.as_deref()) {
                startup.variables.push(("JWT_SECRET", "a default that everybody can read in the source".into()));
            }
        })
    };
    let on_invalid = |name, breaks, change: fn(&mut Startup)| {
        wrong(name, trips, breaks).startup(move |startup| {
            if jwt::key().len() < 32 {
                change(startup)
            }
        })
    };
    vec![
        accept("secret-has-a-default", "Without JWT_SECRET the server uses a default key.", |secret| secret.is_none()),
        accept("empty-secret-has-a-default", "With an empty JWT_SECRET the server uses a default key.", |secret| {
            secret == Some("")
        }),
        accept("short-secret-is-taken", "A JWT_SECRET of 1 to 31 bytes is accepted.", |secret| {
            secret.is_some_and(|secret| (1..32).contains(&secret.len()))
        }),
        accept("secret-of-31-bytes-is-taken", "A JWT_SECRET of 31 bytes is accepted.", |secret| {
            secret.is_some_and(|secret| secret.len() == 31)
        }),
        accept("any-secret-is-taken", "A missing, empty or short JWT_SECRET is accepted.", |secret| {
            secret.is_none_or(|secret| secret.len() < 32)
        }),
        on_invalid("refused-secret-is-not-named", "The error message about an invalid JWT_SECRET does not name it.", |startup| {
            startup.error = Some("the configuration is not complete".into());
        }),
        on_invalid(
            "refused-secret-is-another-variable",
            "The error message about an invalid JWT_SECRET names DATABASE_URL.",
            |startup| {
                startup.error = Some("DATABASE_URL must be set".into());
            },
        ),
        on_invalid("refused-secret-exits-with-0", "With an invalid JWT_SECRET the server exits with exit code 0.", |startup| {
            startup.after_exit = AfterExit::Code(0);
            startup.port = "0".into();
        }),
        on_invalid(
            "refused-secret-keeps-running",
            "With an invalid JWT_SECRET the server prints an error and keeps running.",
            |startup| {
                startup.after_exit = AfterExit::KeepRunning;
            },
        ),
        wrong("secret-of-32-bytes-is-refused", trips, "A JWT_SECRET of 32 bytes is rejected.").startup(|startup| {
            if jwt::key().len() == 32 {
                startup.error = Some("JWT_SECRET must have more bytes".into());
            }
        }),
    ]
}
