//! Wrong ways to check the `state` of a callback (RFC 6749, section 10.12).

use std::cell::RefCell;

use serde_json::json;

use super::oauth_requests::{attempt, comes_back, is_denied, sent, starts_visit};
use crate::http::Request;
use crate::sabotage::{Sabotage, wrong};

/// The cookie of the right server that ties a visit to a browser.
pub const COOKIE: &str = "__Host-oauth-state";

/// Comes back as the visit with this state, in its browser.
fn come_back_as(request: &mut Request, state: &str) {
    request.set_query_parameter("state", Some(state));
    request.set_header("cookie", &format!("{COOKIE}={state}"));
}

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    let trips = &["4.oauth-state"];
    // Takes what was never given out for the state of a visit that is going on.
    let lax = |name, breaks, status: Option<u16>, is_taken: fn(Option<&str>, &str) -> bool| {
        let given = RefCell::new(Vec::new());
        wrong(name, trips, breaks).instead(
            |request| starts_visit(request) || comes_back(request) && !is_denied(request),
            async move |mut request, upstream| {
                if starts_visit(&request) {
                    let response = upstream.send(request).await?;
                    given.borrow_mut().push(sent(&response, "state").unwrap_or_default().to_owned());
                    return Ok(response);
                }
                let state = request.query_parameter("state");
                let is_given = given.borrow().iter().any(|known| state == Some(known));
                let taken = given.borrow().iter().rev().find(|known| is_taken(state, known)).cloned();
                let Some(taken) = taken.filter(|_| !is_given) else { return upstream.send(request).await };
                come_back_as(&mut request, &taken);
                let mut response = upstream.send(request).await?;
                if let Some(status) = status {
                    response.set_problem(status, "The state is wrong.");
                }
                Ok(response)
            },
        )
    };
    vec![
        lax("state-is-not-looked-at", "The callback takes any state.", None, |_, _| true),
        lax("state-may-be-missing", "The callback takes a missing state.", None, |state, _| state.is_none()),
        lax("state-may-be-empty", "The callback takes an empty state.", None, |state, _| state == Some("")),
        lax("state-is-compared-by-its-length", "The callback takes any state of the right length.", None, |state, known| {
            state.is_some_and(|state| state.len() == known.len())
        }),
        lax(
            "state-is-compared-behind-its-first-letter",
            "The first letter of the state does not count.",
            None,
            |state, known| state.is_some_and(|state| state.len() == known.len() && state[1..] == known[1..]),
        ),
        lax("state-is-looked-at-last", "A code is used before the state is looked at.", Some(400), |_, _| true),
        lax(
            "missing-state-is-looked-at-last",
            "A code is used where the state is missing, and then refused.",
            Some(403),
            |state, _| state.is_none(),
        ),
        wrong("state-can-be-used-again", trips, "A state is good for any number of callbacks.").instead(
            |request| comes_back(request) && !is_denied(request),
            async |mut request, upstream| {
                let state = request.query_parameter("state").unwrap_or_default().to_owned();
                let keep = format!(
                    "CREATE TABLE IF NOT EXISTS saboteur_attempts (LIKE oauth_attempts);
                    INSERT INTO saboteur_attempts SELECT * FROM oauth_attempts WHERE {0};
                    INSERT INTO oauth_attempts SELECT DISTINCT * FROM saboteur_attempts WHERE {0} ON CONFLICT DO NOTHING",
                    attempt(&state)
                );
                upstream.database().run(&keep).await?;
                request.set_header("cookie", &format!("{COOKIE}={state}"));
                upstream.send(request).await
            },
        ),
        wrong("wrong-state-answers-500", trips, "A callback with a wrong state answers 500.").response(
            comes_back,
            |_, response| {
                if response.status() == 400 {
                    response.set_problem(500, "Something went wrong.")
                }
            },
        ),
        wrong("wrong-state-answers-200", trips, "A callback with a wrong state answers 200 and signs nobody in.").response(
            |request| comes_back(request) && !is_denied(request),
            |_, response| {
                if response.status() == 400 {
                    response.set_status(200);
                    response.set_json("application/json", &json!({ "error": "state" }));
                }
            },
        ),
    ]
}
