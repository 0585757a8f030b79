//! Wrong log lines.

use crate::log::{Line, fields};
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    let on_request_line = |name, breaks, change: fn(&str) -> Option<String>| {
        wrong(name, &["2.log-line"], breaks).log_line(move |line| match fields::is_request(&line.text) {
            true => change(&line.text).map(|text| Line { text, ..line }).into_iter().collect(),
            false => vec![line],
        })
    };
    vec![
        on_request_line("nothing-is-logged", "Requests are not logged.", |_| None),
        on_request_line("errors-are-not-logged", "Requests with an error response are not logged.", |line| {
            (!is_error(line)).then(|| line.to_owned())
        }),
        on_request_line("successes-are-not-logged", "Only requests with an error response are logged.", |line| {
            is_error(line).then(|| line.to_owned())
        }),
        on_request_line("changes-are-not-logged", "PATCH and DELETE are not logged.", |line| {
            (!matches!(fields::method(line), Some("PATCH" | "DELETE"))).then(|| line.to_owned())
        }),
        on_request_line("only-habits-are-logged", "Requests for /openapi.json are not logged.", |line| {
            (fields::path(line) != Some("/openapi.json")).then(|| line.to_owned())
        }),
        on_request_line("log-without-method", "The log line has no method.", |line| {
            Some(line.replacen(fields::method(line)?, "-", 1))
        }),
        on_request_line("log-without-path", "The log line has no path.", |line| Some(line.replacen(fields::path(line)?, "-", 1))),
        on_request_line("log-names-the-route", "The log line has the route's template instead of the path.", |line| {
            let path = fields::path(line)?;
            Some(match path.strip_prefix("/habits/") {
                Some(_) => line.replacen(path, "/habits/{id}", 1),
                None => line.to_owned(),
            })
        }),
        on_request_line("log-without-status", "The log line has no status.", |line| {
            Some(line.replace(fields::status(line)?, "-"))
        }),
        on_request_line("log-always-says-200", "The log line always says 200.", |line| {
            Some(line.replace(fields::status(line)?, "200"))
        }),
        on_request_line("log-without-duration", "The log line has no duration.", |line| Some(fields::without_duration(line))),
        wrong("log-says-it-twice", &["2.log-line"], "Every request is logged twice.").log_line(|line| {
            match fields::is_request(&line.text) {
                true => vec![line.clone(), line],
                false => vec![line],
            }
        }),
    ]
}

pub fn is_error(line: &str) -> bool {
    fields::status(line).is_some_and(|status| status >= "400")
}
