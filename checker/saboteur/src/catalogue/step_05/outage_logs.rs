//! Wrong log lines about a database that cannot be reached.

use super::database_failure::{DatabaseFailure, change_during};
use crate::api::routes::any;
use crate::log::Line;
use crate::sabotage::{Sabotage, wrong};

const TRIPS: &[&str] = &["5.database-cut-logged"];

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    vec![
        change_errors("cause-is-not-logged", "The error of the lost database is not logged.", |_, _| None),
        change_errors(
            "cause-is-logged-without-id",
            "The error of the lost database is logged without a request id.",
            |_, message| Some(format!("ERROR {message}")),
        ),
        change_errors(
            "cause-has-another-id",
            "The error of the lost database is logged with an id of its own instead of the request id.",
            |_, message| Some(format!("ERROR error_id=7f3a9c: {message}")),
        ),
        change_errors("cause-is-logged-in-brief", "The log shows only what the 503 says about the lost database.", |span, _| {
            Some(format!("{span}This does not work at the moment. Try again later."))
        }),
        change_errors("cause-is-left-out", "The log says that the database failed but not why.", |span, message| {
            Some(format!("{span}{}", message.split(" cause=").next().unwrap_or_default()))
        }),
        change_errors("cause-is-a-number", "The log shows a number instead of the error of the lost database.", |span, _| {
            Some(format!("{span}error 503"))
        }),
        change_during(
            wrong(
                "outages-have-ids-of-their-own",
                TRIPS,
                "The 503 for a lost database has an x-request-id that is not in the log.",
            ),
            DatabaseFailure::Unreachable,
            any,
            |_, response| response.set_header("x-request-id", "outage-1"),
        ),
    ]
}

/// Changes the log lines of errors. `change` gets the part before the message, and the message. The driver's own lines are dropped,
/// since they contain the cause, too.
fn change_errors(name: &'static str, breaks: &'static str, change: fn(&str, &str) -> Option<String>) -> Sabotage {
    wrong(name, TRIPS, breaks).log_line(move |line| match line.text.split_once("}: ") {
        Some((span, message)) if span.contains("ERROR ") => {
            change(&format!("{span}}}: "), message).map(|text| Line { text, ..line }).into_iter().collect()
        }
        Some((_, message)) if message.starts_with("sqlx") => vec![],
        _ => vec![line],
    })
}
