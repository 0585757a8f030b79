//! Wrong log lines.

use crate::log::{Line, fields};
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    let logged = |name, breaks, change: fn(&str) -> Option<String>| {
        wrong(name, &["2.log-line"], breaks).log_line(move |line| match fields::is_request(&line.text) {
            true => change(&line.text).map(|text| Line { text, ..line }).into_iter().collect(),
            false => vec![line],
        })
    };
    vec![
        logged("nothing-is-logged", "Requests are not logged.", |_| None),
        logged("errors-are-not-logged", "Requests that end in an error are not logged.", |line| {
            (!is_error(line)).then(|| line.to_owned())
        }),
        logged("successes-are-not-logged", "Requests are logged when they end in an error.", |line| {
            is_error(line).then(|| line.to_owned())
        }),
        logged("changes-are-not-logged", "PATCH and DELETE are not logged.", |line| {
            (!matches!(fields::method(line), Some("PATCH" | "DELETE"))).then(|| line.to_owned())
        }),
        logged("only-habits-are-logged", "Requests for /openapi.json are not logged.", |line| {
            (fields::path(line) != Some("/openapi.json")).then(|| line.to_owned())
        }),
        logged("log-without-method", "The log line has no method.", |line| Some(line.replacen(fields::method(line)?, "-", 1))),
        logged("log-without-path", "The log line has no path.", |line| Some(line.replacen(fields::path(line)?, "-", 1))),
        logged("log-names-the-route", "The log line has the route's template in place of the path.", |line| {
            let path = fields::path(line)?;
            Some(match path.strip_prefix("/habits/") {
                Some(_) => line.replacen(path, "/habits/{id}", 1),
                None => line.to_owned(),
            })
        }),
        logged("log-without-status", "The log line has no status.", |line| Some(line.replace(fields::status(line)?, "-"))),
        logged("log-always-says-200", "The log line says 200, whatever the answer was.", |line| {
            Some(line.replace(fields::status(line)?, "200"))
        }),
        logged("log-without-duration", "The log line does not say how long it took.", |line| {
            Some(fields::without_duration(line))
        }),
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
