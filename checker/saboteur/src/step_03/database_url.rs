//! Wrong ways to treat a `DATABASE_URL` that is missing or invalid.

use crate::log::{Line, Stream};
use crate::sabotage::{Sabotage, wrong};
use crate::startup::{AfterExit, Startup};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    let trips = &["3.database-url"];
    let goes_on = |name, breaks, is_wrong: fn(&str) -> bool| {
        wrong(name, trips, breaks).startup(move |startup: &mut Startup| {
            if is_wrong(&startup.database_url) {
                startup.after_exit = AfterExit::KeepRunning
            }
        })
    };
    let complaint = |line: Line, text: &str| match line.stream {
        Stream::Stderr => vec![Line { text: text.into(), ..line }],
        Stream::Stdout => vec![line],
    };
    vec![
        goes_on("database-url-has-a-default", "Without DATABASE_URL the program takes one of its own.", str::is_empty),
        goes_on("database-url-is-tried-forever", "The program goes on trying a DATABASE_URL that is none.", |url| {
            !url.is_empty() && !url.contains("://")
        }),
        goes_on("database-port-is-tried-forever", "The program goes on trying a DATABASE_URL whose port is none.", |url| {
            url.contains("no-port")
        }),
        wrong("database-url-ends-with-0", trips, "A missing DATABASE_URL ends the program with exit code 0.").startup(
            |startup| {
                if startup.database_url.is_empty() {
                    startup.after_exit = AfterExit::Code(0)
                }
            },
        ),
        wrong("database-url-is-not-named", trips, "The message about a missing DATABASE_URL does not name it.")
            .log_line(move |line| complaint(line, "error: environment variable not found")),
        wrong("database-url-is-told-on-stdout", trips, "The message about DATABASE_URL goes to standard output.")
            .log_line(|line| vec![Line { stream: Stream::Stdout, ..line }]),
        wrong("bad-database-url-is-not-named", trips, "The message about a DATABASE_URL that is none does not name it.")
            .log_line(move |line| match line.text.contains("must be set") {
                true => vec![line],
                false => complaint(line, "error: relative URL without a base"),
            }),
    ]
}
