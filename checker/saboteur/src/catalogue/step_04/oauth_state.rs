//! Wrong ways to check the `state` of a callback (RFC 6749, section 10.12).

use std::cell::RefCell;

use serde_json::json;

use super::oauth_requests::{has_state, is_callback, is_denied, redirect_parameter, starts_login};
use crate::http::Request;
use crate::sabotage::{Sabotage, wrong};

/// The upstream server's cookie that binds a login to a browser.
pub const COOKIE: &str = "__Host-oauth-state";

/// Makes a callback that of the login with this state, from the same browser.
fn use_state(request: &mut Request, state: &str) {
    request.set_query_parameter("state", Some(state));
    request.set_header("cookie", &format!("{COOKIE}={state}"));
}

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    let trips = &["4.oauth-state"];
    // Accepts a state that was never issued as that of a login in progress.
    let accept_state = |name, breaks, status: Option<u16>, is_accepted: fn(Option<&str>, &str) -> bool| {
        let issued = RefCell::new(Vec::new());
        wrong(name, trips, breaks).instead(
            |request| starts_login(request) || is_callback(request) && !is_denied(request),
            async move |mut request, upstream| {
                if starts_login(&request) {
                    let response = upstream.send(request).await?;
                    issued.borrow_mut().push(redirect_parameter(&response, "state").unwrap_or_default().to_owned());
                    return Ok(response);
                }
                let state = request.query_parameter("state");
                let is_issued = issued.borrow().iter().any(|known| state == Some(known));
                let accepted = issued.borrow().iter().rev().find(|known| is_accepted(state, known)).cloned();
                let Some(accepted) = accepted.filter(|_| !is_issued) else { return upstream.send(request).await };
                use_state(&mut request, &accepted);
                let mut response = upstream.send(request).await?;
                if let Some(status) = status {
                    response.set_problem(status, "The state is wrong.");
                }
                Ok(response)
            },
        )
    };
    vec![
        accept_state("state-is-not-looked-at", "The callback accepts any state.", None, |_, _| true),
        accept_state("state-may-be-missing", "The callback accepts a missing state.", None, |state, _| state.is_none()),
        accept_state("state-may-be-empty", "The callback accepts an empty state.", None, |state, _| state == Some("")),
        accept_state(
            "state-is-compared-by-its-length",
            "The callback accepts any state of the right length.",
            None,
            |state, known| state.is_some_and(|state| state.len() == known.len()),
        ),
        accept_state(
            "state-is-compared-behind-its-first-letter",
            "The first character of the state is not compared.",
            None,
            |state, known| state.is_some_and(|state| state.len() == known.len() && state[1..] == known[1..]),
        ),
        accept_state(
            "state-is-looked-at-last",
            "The callback exchanges the code before it checks the state.",
            Some(400),
            |_, _| true,
        ),
        accept_state(
            "missing-state-is-looked-at-last",
            "The callback exchanges the code before it notices that the state is missing.",
            Some(403),
            |state, _| state.is_none(),
        ),
        wrong("state-can-be-used-again", trips, "A state can be used for any number of callbacks.").instead(
            |request| is_callback(request) && !is_denied(request),
            async |mut request, upstream| {
                let state = request.query_parameter("state").unwrap_or_default().to_owned();
                let keep = format!(
                    "CREATE TABLE IF NOT EXISTS saboteur_attempts (LIKE oauth_attempts);
                    INSERT INTO saboteur_attempts SELECT * FROM oauth_attempts WHERE {0};
                    INSERT INTO oauth_attempts SELECT DISTINCT * FROM saboteur_attempts WHERE {0} ON CONFLICT DO NOTHING",
                    has_state(&state)
                );
                upstream.database().run(&keep).await?;
                request.set_header("cookie", &format!("{COOKIE}={state}"));
                upstream.send(request).await
            },
        ),
        wrong("wrong-state-answers-500", trips, "A callback with an invalid state answers 500.").response(
            is_callback,
            |_, response| {
                if response.status() == 400 {
                    response.set_problem(500, "Something went wrong.")
                }
            },
        ),
        wrong("wrong-state-answers-200", trips, "A callback with an invalid state answers 200 without logging in.").response(
            |request| is_callback(request) && !is_denied(request),
            |_, response| {
                if response.status() == 400 {
                    response.set_status(200);
                    response.set_json("application/json", &json!({ "error": "state" }));
                }
            },
        ),
    ]
}
