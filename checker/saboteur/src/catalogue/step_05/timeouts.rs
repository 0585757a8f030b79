//! Requests that take longer than `REQUEST_TIMEOUT_MS` allows.

use std::time::{Duration, Instant};

use serde_json::json;

use super::database_failure::{DatabaseFailure, change_during, send_and_detect};
use crate::api::routes::{any, creates, imports};
use crate::http::{ConnectionLost, Request, Response};
use crate::sabotage::{Sabotage, wrong};

const TRIPS: &[&str] = &["5.database-slow"];
/// Longer than the upstream server waits for a connection, and shorter than for a statement, if REQUEST_TIMEOUT_MS is 400.
const POOL_TIMEOUT: Duration = Duration::from_millis(350);
/// Longer than any check waits.
const DELAY: Duration = Duration::from_secs(5);

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [waiting(), responses()].into_iter().flatten().collect()
}

fn waiting() -> Vec<Sabotage> {
    let set_timeout = |name, breaks, milliseconds: &'static str| {
        wrong(name, TRIPS, breaks).startup(move |startup| startup.variables.push(("REQUEST_TIMEOUT_MS", milliseconds.into())))
    };
    let delay = |name, breaks, when: fn(&Request) -> bool| {
        wrong(name, TRIPS, breaks).instead(when, async |request, upstream| {
            let (response, failure) = send_and_detect(request, upstream).await?;
            if failure == Some(DatabaseFailure::Unresponsive) {
                tokio::time::sleep(DELAY).await;
            }
            Ok(response)
        })
    };
    vec![
        set_timeout("requests-may-take-a-minute", "REQUEST_TIMEOUT_MS is ignored: requests time out after a minute.", "60000"),
        set_timeout(
            "timeout-is-always-5-seconds",
            "REQUEST_TIMEOUT_MS is ignored: requests time out after five seconds.",
            "5000",
        ),
        set_timeout("timeout-is-in-hundredths", "REQUEST_TIMEOUT_MS is read as hundredths of a second.", "4000"),
        wrong("lost-answers-are-waited-for", TRIPS, "The timeout covers acquiring a connection but not running a statement.")
            .instead(creates, async |request, upstream| {
                let started = Instant::now();
                let response = upstream.send(request).await?;
                if response.status() == 503 && started.elapsed() > POOL_TIMEOUT {
                    tokio::time::sleep(DELAY).await;
                }
                Ok(response)
            }),
        delay("imports-have-no-timeout", "An import has no timeout.", imports),
        delay("creates-have-no-timeout", "POST /habits has no timeout.", creates),
    ]
}

fn responses() -> Vec<Sabotage> {
    let on_timeout = |name, breaks, change: fn(&Request, &mut Response)| {
        change_during(wrong(name, TRIPS, breaks), DatabaseFailure::Unresponsive, any, change)
    };
    vec![
        on_timeout("timeout-answers-500", "A timeout answers 500.", |_, response| response.set_problem(500, "Oops.")),
        on_timeout("timeout-answers-404", "A timeout answers 404.", |_, response| response.set_problem(404, "Nothing.")),
        on_timeout("timeout-answers-400", "A timeout answers 400.", |_, response| response.set_problem(400, "Slow.")),
        on_timeout("timeout-is-no-problem", "A timeout answers 503 without problem details.", |_, response| {
            response.set_plain_error(503, "timeout")
        }),
        on_timeout(
            "timeout-says-nothing",
            "A timeout answers 408 without a body, which is the default of a common middleware.",
            |_, response| {
                response.set_status(408);
                response.clear();
            },
        ),
        on_timeout("timeout-tells-the-library", "The 503 of a timeout names the library.", |_, response| {
            response.set_problem(503, "tokio::time::error::Elapsed: deadline has elapsed")
        }),
        on_timeout("timeout-answers-201", "A timeout answers 201.", |request, response| {
            response.set_status(201);
            match creates(request) {
                true => response.set_json("application/json", &json!({ "id": 1, "name": request.field("name") })),
                false => response.set_json("application/json", &json!([])),
            }
        }),
        wrong("timeout-hangs-up", TRIPS, "A timeout closes the connection without a response.").instead(
            any,
            async |request, upstream| match send_and_detect(request, upstream).await? {
                (_, Some(DatabaseFailure::Unresponsive)) => Err(ConnectionLost),
                (response, _) => Ok(response),
            },
        ),
    ]
}
