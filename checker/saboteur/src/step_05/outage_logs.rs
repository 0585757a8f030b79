//! What the log says of a lost database, and under which id.

use super::database_failure::{Trouble, in_trouble};
use crate::api::routes::any;
use crate::log::Line;
use crate::sabotage::{Sabotage, wrong};

const LOGGED: &[&str] = &["5.database-cut-logged"];

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    vec![
        logged("cause-is-not-logged", "What happened to the database is not in the log.", |_, _| None),
        logged("cause-is-logged-without-id", "What happened to the database is logged without a request id.", |_, message| {
            Some(format!("ERROR {message}"))
        }),
        logged("cause-has-another-id", "What happened to the database is logged under an id of its own.", |_, message| {
            Some(format!("ERROR error_id=7f3a9c: {message}"))
        }),
        logged("cause-is-logged-in-brief", "The log says of a lost database what the answer says.", |span, _| {
            Some(format!("{span}This does not work at the moment. Try again later."))
        }),
        logged("cause-is-left-out", "The log says that the database cannot be asked, and not why.", |span, message| {
            Some(format!("{span}{}", message.split(" cause=").next().unwrap_or_default()))
        }),
        logged("cause-is-a-number", "The log has a number in the place of what happened to the database.", |span, _| {
            Some(format!("{span}error 503"))
        }),
        in_trouble(
            wrong(
                "outages-have-ids-of-their-own",
                LOGGED,
                "The 503 of a lost database has an x-request-id that is not in the log.",
            ),
            Trouble::Gone,
            any,
            |_, response| response.set_header("x-request-id", "outage-1"),
        ),
    ]
}

/// Changes the lines of errors: `change` gets what stands before the message, and the message. What the driver says of a dead
/// connection under the id of the request is left out, as it tells the cause too.
fn logged(name: &'static str, breaks: &'static str, change: fn(&str, &str) -> Option<String>) -> Sabotage {
    wrong(name, LOGGED, breaks).log_line(move |line| match line.text.split_once("}: ") {
        Some((span, message)) if span.contains("ERROR ") => {
            change(&format!("{span}}}: "), message).map(|text| Line { text, ..line }).into_iter().collect()
        }
        Some((_, message)) if message.starts_with("sqlx") => vec![],
        _ => vec![line],
    })
}
