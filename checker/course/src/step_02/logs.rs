//! One log line and one id for every request.

use std::collections::HashSet;

use serde_json::json;

use harness::check::{Check, check};
use harness::logline;
use model::{Outcome, Request};
use probe::Answer;

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("2.log-line", "Every request logs one line with method, path, status and duration")
            .book("middleware-logging-and-request-ids")
            .hints(&[
                "Status and duration are known only when the answer is ready: log then, once.",
                "`tower_http::trace::TraceLayer` can do it; put the layer around everything, the fallback too, so that errors are logged as well.",
                "By itself `TraceLayer` logs at the level DEBUG, which `RUST_LOG=info` leaves out. Give it functions of your own with `make_span_with` and `on_response`, and log with `info!` in the second.",
            ])
            .proof(async |api| {
                let habit = api.any_habit().await?;
                let cases = [
                    (Request::new("GET", format!("/no-such-thing-{}", api.data.token(8))), "404"),
                    (Request::new("GET", habit.path()), "200"),
                    (Request::new("GET", "/openapi.json"), "200"),
                    (Request::new("POST", "/habits").json(&json!({ "name": api.data.name() })), "201"),
                    (Request::new("POST", habit.path()).json(&json!({})), "405"),
                    (Request::new("POST", "/habits").header("content-type", "application/json").body("{"), "400"),
                    (Request::new("PATCH", habit.path()).json(&json!({})), "200"),
                    (Request::new("DELETE", habit.path()), "204"),
                ];
                for (request, right) in cases {
                    let (method, path) = (request.method.clone(), request.path.clone());
                    let log = api.log()?;
                    let answer = api.http.send(request).await?;
                    // Whether the right status was answered is another check's business.
                    let status = answer.code().to_string();
                    let wanted = |line: &str| [right, status.as_str()].iter().any(|status| logline::tells(line, &method, &path, status));
                    let expected = format!("a log line with {method}, {path}, {status} and how long it took");
                    if log.line(wanted).await.is_none() {
                        return Err(answer.fail(expected, logline::shown(&log.lines())));
                    }
                    // The line of a later request comes after every line of this one.
                    let marker = format!("/marker-{}", api.data.token(8));
                    api.get(&marker).await?;
                    log.line(|line| line.contains(&marker)).await;
                    let lines: Vec<String> = log.lines().into_iter().filter(|line| wanted(line)).collect();
                    if lines.len() > 1 {
                        return Err(answer.fail(expected.replacen("a log line", "one log line", 1), logline::shown(&lines)));
                    }
                }
                Ok(())
            }),
        check("2.request-id-made", "Every answer carries an x-request-id of its own, errors too")
            .book("middleware-logging-and-request-ids")
            .hints(&[
                "`SetRequestIdLayer` gives the request an id, which `MakeRequestUuid` makes up; `PropagateRequestIdLayer` copies it to the answer.",
                "The order of layers matters: what is added last sees a request first. The id has to be set before it can be copied, so add the layer that sets it last.",
            ])
            .proof(async |api| {
                let habit = api.any_habit().await?;
                let requests = [
                    Request::new("GET", "/habits"),
                    Request::new("GET", habit.path()),
                    Request::new("POST", "/habits").json(&json!({ "name": api.data.name() })),
                    Request::new("POST", "/habits").json(&json!({})),
                    Request::new("POST", "/habits").header("content-type", "application/json").body("{"),
                    Request::new("POST", "/habits").header("content-type", "text/plain").body("x"),
                    Request::new("GET", "/no-such-thing"),
                    Request::new("DELETE", "/habits"),
                    Request::new("GET", "/openapi.json"),
                    Request::new("PATCH", habit.path()).json(&json!({})),
                    Request::new("DELETE", habit.path()),
                ];
                let mut seen = HashSet::new();
                for request in requests {
                    let answer = api.http.send(request).await?;
                    let id = request_id(&answer)?;
                    if !is_safe(&id) {
                        return Err(answer.fail("x-request-id: 1 to 128 letters, digits, dots, dashes or underscores", id));
                    }
                    if !seen.insert(id.clone()) {
                        return Err(answer.fail("an x-request-id that no other answer has", format!("x-request-id: {id} again")));
                    }
                }
                Ok(())
            }),
        check("2.request-id-echoed", "A safe x-request-id of the caller comes back unchanged")
            .needs(&["2.request-id-made"])
            .book("middleware-logging-and-request-ids")
            .hints(&["A caller that sends an id wants to find the request in your log by it. `SetRequestIdLayer` keeps one that is there."])
            .proof(async |api| {
                let ids = [api.data.token(8), format!("Up-{}_v1.2", api.data.token(8)), "a".into(), api.data.token(128)];
                for id in ids {
                    for path in ["/habits", "/no-such-thing"] {
                        let answer = api.http.send(Request::new("GET", path).header("x-request-id", &id)).await?;
                        let echoed = request_id(&answer)?;
                        if echoed != id {
                            return Err(answer.fail(format!("x-request-id: {id}"), format!("x-request-id: {echoed}")));
                        }
                    }
                }
                Ok(())
            }),
        check("2.request-id-replaced", "An unsafe x-request-id of the caller is replaced by a new one")
            .needs(&["2.request-id-made"])
            .book("middleware-logging-and-request-ids")
            .hints(&[
                "What a caller sends ends in your log. Which characters could do harm there? How long may it be?",
                "Remove the header before `SetRequestIdLayer` sees it unless it matches `[A-Za-z0-9._-]{1,128}`.",
                "`axum::middleware::map_request` makes a layer out of an `async fn` that takes a `Request` and returns it. Add it after `SetRequestIdLayer`.",
            ])
            .proof(async |api| {
                let token = api.data.token(8);
                let long = api.data.token(129);
                let unsafe_ids = [
                    long.clone(),
                    format!("{token} spaced"),
                    format!("{token};status=200"),
                    format!("<script>{token}</script>"),
                    format!("{token}\"quoted"),
                    format!("{token}é"),
                    format!("{token}/../x"),
                    format!("{token}:{token}"),
                    format!("{token}+plus@host"),
                    String::new(),
                ];
                let mut seen = HashSet::new();
                for id in unsafe_ids {
                    let answer = api.http.send(Request::new("GET", "/habits").header("x-request-id", &id)).await?;
                    answer.status(200)?;
                    let given = request_id(&answer)?;
                    // An id that was cleaned or cut is not new: whoever chose it still chooses what the log says.
                    let is_kept = given == id || given.contains(&token) || long.starts_with(&given);
                    if is_kept || !is_safe(&given) || !seen.insert(given.clone()) {
                        return Err(answer.fail(format!("a new x-request-id in place of \"{id}\""), format!("x-request-id: {given}")));
                    }
                }
                Ok(())
            }),
        check("2.request-id-logged", "The request's log line has its x-request-id")
            .needs(&["2.log-line", "2.request-id-made"])
            .book("middleware-logging-and-request-ids")
            .hints(&[
                "Make the id a field of the span that wraps the request, or of the line itself.",
                "The function for `make_span_with` gets the request, and the id is in its headers, if the layer that sets it lies outside the one that logs.",
            ])
            .proof(async |api| {
                let requests = [
                    Request::new("GET", format!("/no-such-thing-{}", api.data.token(8))),
                    Request::new("GET", "/habits"),
                    Request::new("GET", "/habits").header("x-request-id", api.data.token(16)),
                ];
                for request in requests {
                    let path = request.path.clone();
                    let log = api.log()?;
                    let answer = api.http.send(request).await?;
                    let (id, status) = (request_id(&answer)?, answer.code().to_string());
                    let wanted = |line: &str| line.contains(&id) && logline::tells(line, "GET", &path, &status);
                    if log.line(wanted).await.is_none() {
                        return Err(answer.fail(format!("the log line of GET {path} with {id}"), logline::shown(&log.lines())));
                    }
                }
                Ok(())
            }),
    ]
}

fn request_id(answer: &Answer) -> Outcome<String> {
    match answer.header("x-request-id") {
        Some(id) => Ok(id.to_owned()),
        None => Err(answer.fail("an x-request-id", "no x-request-id")),
    }
}

fn is_safe(id: &str) -> bool {
    (1..=128).contains(&id.len()) && id.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}
