//! Wrong ways to treat a `DATABASE_URL` that is missing or invalid.

use crate::log::{Line, Stream};
use crate::sabotage::{Sabotage, wrong};
use crate::startup::{AfterExit, Startup};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    let trips = &["3.database-url"];
    let keep_running_if = |name, breaks, is_wrong: fn(&str) -> bool| {
        wrong(name, trips, breaks).startup(move |startup: &mut Startup| {
            if is_wrong(&startup.database_url) {
                startup.after_exit = AfterExit::KeepRunning
            }
        })
    };
    vec![
        keep_running_if("database-url-has-a-default", "Without DATABASE_URL the server falls back to a default.", str::is_empty),
        keep_running_if("database-url-is-tried-forever", "The server retries an invalid DATABASE_URL forever.", |url| {
            !url.is_empty() && !url.contains("://")
        }),
        keep_running_if(
            "database-port-is-tried-forever",
            "The server retries a DATABASE_URL with an invalid port forever.",
            |url| url.contains("no-port"),
        ),
        wrong("database-url-ends-with-0", trips, "Without DATABASE_URL the server exits with exit code 0.").startup(|startup| {
            if startup.database_url.is_empty() {
                startup.after_exit = AfterExit::Code(0)
            }
        }),
        wrong("database-url-is-not-named", trips, "The error message about a missing DATABASE_URL does not name it.")
            .log_line(|line| vec![line.with_error_message("error: environment variable not found")]),
        wrong("database-url-error-goes-to-stdout", trips, "The error message about DATABASE_URL goes to standard output.")
            .log_line(|line| vec![Line { stream: Stream::Stdout, ..line }]),
        wrong("bad-database-url-is-not-named", trips, "The error message about an invalid DATABASE_URL does not name it.")
            .log_line(|line| match line.text.contains("must be set") {
                true => vec![line],
                false => vec![line.with_error_message("error: relative URL without a base")],
            }),
    ]
}
