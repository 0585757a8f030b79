//! Wrong error responses.

use hyper::Method;
use serde_json::{Value, json};

use crate::api::history::History;
use crate::api::routes::{any, creates, deletes, is_v1, patches, reads, writes_habit};
use crate::http::{Request, Response};
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [unknown_routes(), unknown_habits(), methods(), broken_json(), media_types(), bad_ids(), internals()]
        .into_iter()
        .flatten()
        .collect()
}

fn unknown_routes() -> Vec<Sabotage> {
    let trips = &["2.not-found-route"];
    let unless_get = |request: &Request| is_unknown_route(request) && !matches!(request.head.method, Method::GET | Method::HEAD);
    vec![
        wrong("unknown-route-in-html", trips, "The 404 of an unknown route is an HTML page.")
            .response(is_unknown_route, |_, response| response.set_body("text/html; charset=utf-8", "<h1>Not Found</h1>")),
        wrong("unknown-route-is-empty", trips, "The 404 of an unknown route has no body.")
            .response(is_unknown_route, |_, response| response.clear()),
        wrong("unknown-route-in-plain-json", trips, "The 404 of an unknown route is application/json.")
            .response(is_unknown_route, |_, response| response.set_plain_error(404, "not found")),
        wrong("unknown-route-shows-the-app", trips, "An unknown route answers 200 with a start page.").response(
            is_unknown_route,
            |_, response| {
                response.set_status(200);
                response.set_body("text/html; charset=utf-8", "<!doctype html><title>Habits</title>");
            },
        ),
        wrong("problem-without-status", trips, "The problem details of an unknown route have no status.")
            .response(is_unknown_route, |_, response| response.remove_problem_member("status")),
        wrong("problem-with-another-status", trips, "The problem details of an unknown route have the status 500.")
            .response(is_unknown_route, |_, response| response.edit_problem(|problem| problem["status"] = json!(500))),
        wrong("problem-with-status-as-text", trips, "The problem details of an unknown route have a string as their status.")
            .response(is_unknown_route, |_, response| response.edit_problem(|problem| problem["status"] = json!("404"))),
        wrong("problem-without-title", trips, "The problem details of an unknown route have no title.")
            .response(is_unknown_route, |_, response| response.remove_problem_member("title")),
        wrong("problem-without-detail", trips, "The problem details of an unknown route have no detail.")
            .response(is_unknown_route, |_, response| response.remove_problem_member("detail")),
        wrong("unknown-route-refuses-post", trips, "An unknown route answers 405 to anything but GET.")
            .response(unless_get, |_, response| response.set_problem_status(405)),
    ]
}

fn unknown_habits() -> Vec<Sabotage> {
    let for_unknown = |name, breaks, method: fn(&Request) -> bool, change: fn(&mut Response)| {
        let history = History::new();
        wrong(name, &["2.not-found-habit"], breaks).recording(&history).response(method, move |request, response| {
            if history.never_existed(request) {
                change(response)
            }
        })
    };
    vec![
        for_unknown(
            "unknown-habit-in-plain-json",
            "The 404 for GET of an unknown habit is application/json.",
            reads,
            |response| response.set_plain_error(404, "no such habit"),
        ),
        for_unknown("unknown-habit-is-empty", "The 404 for GET of an unknown habit has no body.", reads, Response::clear),
        for_unknown("patch-unknown-as-text", "The 404 for PATCH of an unknown habit is text/plain.", patches, |response| {
            response.set_body("text/plain", "not found")
        }),
        for_unknown("delete-unknown-is-empty", "The 404 for DELETE of an unknown habit has no body.", deletes, Response::clear),
    ]
}

fn methods() -> Vec<Sabotage> {
    let on_405 = |name, breaks, change: fn(&Request, &mut Response)| {
        wrong(name, &["2.wrong-method"], breaks).response(any, move |request, response| {
            if response.status() == 405 && !is_v1(request) {
                change(request, response)
            }
        })
    };
    vec![
        on_405("405-without-allow", "The 405 has no Allow header.", |_, response| response.remove_header("allow")),
        on_405("405-allows-too-little", "The Allow header of a 405 lists only GET.", |_, response| {
            response.set_header("allow", "GET")
        }),
        on_405(
            "405-allows-everything",
            "The Allow header of a 405 lists every method, even the one that was sent.",
            |_, response| {
                response.set_header("allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE");
            },
        ),
        on_405("405-is-empty", "The 405 has no body.", |_, response| response.clear()),
        on_405("405-is-404", "A wrong method answers 404.", |_, response| response.set_problem_status(404)),
        on_405("405-is-501", "A wrong method answers 501.", |_, response| response.set_problem_status(501)),
        on_405("405-of-a-habit-is-404", "A wrong method answers 404 on /habits/{id}.", |request, response| {
            if request.id().is_some() {
                response.set_problem_status(404);
            }
        }),
    ]
}

fn broken_json() -> Vec<Sabotage> {
    let broken = |request: &Request| writes_habit(request) && has_json_type(request) && !is_json(request);
    let broken_patch = move |request: &Request| patches(request) && broken(request);
    let trips = &["2.broken-json"];
    vec![
        wrong("broken-json-answers-500", trips, "Malformed JSON answers 500.")
            .response(broken, |_, response| response.set_problem_status(500)),
        wrong("broken-json-answers-422", trips, "Malformed JSON answers 422 instead of 400.")
            .response(broken, |_, response| response.set_problem_status(422)),
        wrong("broken-json-as-text", trips, "The 400 for malformed JSON is the framework's plain text.")
            .response(broken, |_, response| {
                response.set_body("text/plain; charset=utf-8", "Failed to parse the request body as JSON")
            }),
        wrong("broken-patch-answers-500", trips, "PATCH with malformed JSON answers 500.")
            .response(broken_patch, |_, response| response.set_problem_status(500)),
        wrong("broken-json-counts-as-nothing", trips, "Malformed JSON is treated as {}.")
            .request(broken, |request| request.set_json(&json!({}))),
        wrong("empty-body-counts-as-nothing", trips, "An empty body is treated as {}.").request(broken, |request| {
            if request.body.is_empty() {
                request.set_json(&json!({}))
            }
        }),
        wrong("text-behind-json-is-ignored", trips, "Anything after the JSON value is ignored.").request(broken, |request| {
            let mut values = serde_json::Deserializer::from_slice(&request.body).into_iter::<Value>();
            if let Some(Ok(first)) = values.next() {
                request.set_json(&first);
            }
        }),
        wrong("trailing-comma-is-accepted", trips, "A trailing comma before a closing brace is accepted.").request(
            broken,
            |request| {
                let lenient = String::from_utf8_lossy(&request.body).replace(",}", "}");
                if let Ok(body) = serde_json::from_str(&lenient) {
                    request.set_json(&body);
                }
            },
        ),
    ]
}

fn media_types() -> Vec<Sabotage> {
    let foreign = |request: &Request| writes_habit(request) && !request.body.is_empty() && !has_json_type(request);
    let form = |request: &Request| request.header("content-type") == Some("application/x-www-form-urlencoded");
    let as_json = |request: &mut Request| request.set_header("content-type", "application/json");
    let trips = &["2.wrong-media-type"];
    vec![
        wrong("media-type-is-ignored", trips, "JSON is accepted with any Content-Type.").request(foreign, as_json),
        wrong("patch-ignores-media-type", trips, "PATCH accepts JSON with any Content-Type.")
            .request(move |request| patches(request) && foreign(request), as_json),
        wrong("any-type-with-json-in-its-name", trips, "Every media type that ends with json is accepted.")
            .request(|request| request.header("content-type").is_some_and(|it| it.ends_with("json")), as_json),
        wrong("form-counts-as-json", trips, "A body sent as a form is parsed as JSON.").request(form, as_json),
        wrong("415-is-400", trips, "A wrong media type answers 400.").response(any, |_, response| {
            if response.status() == 415 {
                response.set_problem_status(400)
            }
        }),
        wrong("415-as-text", trips, "The 415 for a wrong media type is the framework's plain text.").response(
            any,
            |_, response| {
                if response.status() == 415 {
                    response.set_body("text/plain; charset=utf-8", "Expected request with `Content-Type: application/json`");
                }
            },
        ),
        wrong("refused-media-type-is-stored", trips, "A habit with a wrong media type answers 415 and is stored anyway.")
            .instead(
                move |request| creates(request) && foreign(request),
                async |request, upstream| {
                    let mut stored = request.clone();
                    stored.set_header("content-type", "application/json");
                    upstream.send(stored).await?;
                    upstream.send(request).await
                },
            ),
        wrong("charset-is-refused", trips, "application/json with a charset parameter is rejected.").request(
            |request| request.header("content-type").is_some_and(|it| it.contains(';')),
            |request| request.set_header("content-type", "text/plain"),
        ),
    ]
}

fn bad_ids() -> Vec<Sabotage> {
    let bad = |request: &Request| request.id_text().is_some() && request.id().is_none();
    let word = move |request: &Request| bad(request) && !is_number(request);
    let huge = move |request: &Request| bad(request) && is_number(request);
    let trips = &["2.bad-id"];
    vec![
        wrong("bad-id-answers-500", trips, "An id that is not an integer answers 500.")
            .response(word, |_, response| response.set_problem_status(500)),
        wrong("bad-id-as-text", trips, "The error response to an id that is not an integer is the framework's plain text.")
            .response(word, |_, response| response.set_body("text/plain; charset=utf-8", "Invalid URL: cannot parse the id")),
        wrong("bad-id-of-delete-is-empty", trips, "The error response to DELETE of an id that is not an integer has no body.")
            .response(move |request| deletes(request) && word(request), |_, response| response.clear()),
        wrong("huge-id-answers-500", trips, "An id of more than 64 bits answers 500.")
            .response(huge, |_, response| response.set_problem_status(500)),
        wrong("huge-id-wraps-around", trips, "An id of more than 64 bits wraps around.").request(huge, |request| {
            if let Some(id) = request.id_text().and_then(|id| id.parse::<u128>().ok()) {
                request.set_last_segment(id % (1 << 64));
            }
        }),
        wrong("id-is-read-as-far-as-it-goes", trips, "An id is parsed up to its first character that is not a digit.").request(
            word,
            |request| {
                let digits: String = request.id_text().unwrap_or_default().chars().take_while(char::is_ascii_digit).collect();
                if !digits.is_empty() {
                    request.set_last_segment(digits);
                }
            },
        ),
    ]
}

fn internals() -> Vec<Sabotage> {
    let leak = |name, breaks, when: fn(&Request, &Response) -> bool, text: &'static str| {
        wrong(name, &["2.no-internals"], breaks).response(any, move |request, response| {
            if when(request, response) {
                response.edit_problem(|problem| {
                    let detail = problem["detail"].as_str().unwrap_or_default().to_owned();
                    problem["detail"] = format!("{detail} {text}").into();
                });
            }
        })
    };
    vec![
        leak(
            "404-shows-a-stack-trace",
            "The 404 of an unknown route shows a stack trace.",
            |request, _| is_unknown_route(request),
            "stack backtrace: 0: habits::not_found at ./src/main.rs:42:7",
        ),
        leak(
            "405-names-the-framework",
            "The 405 names the framework.",
            |_, response| response.status() == 405,
            "(axum::routing::MethodRouter)",
        ),
        leak(
            "400-names-the-parser",
            "The 400 for malformed JSON names the parser.",
            |request, response| response.status() == 400 && !is_json(request),
            "serde_json::Error: EOF while parsing a value",
        ),
        leak(
            "400-shows-a-source-file",
            "The error response to a value of the wrong type shows the path of a source file.",
            |request, response| matches!(response.status(), 400 | 422) && request.field("completed_today").is_some(),
            "(/home/dev/habits/src/habits.rs:88)",
        ),
        leak(
            "415-shows-a-traceback",
            "The 415 for a wrong media type shows a traceback.",
            |_, response| response.status() == 415,
            "Traceback (most recent call last): File \"app.py\", line 7",
        ),
        leak(
            "percent-signs-show-a-stack-trace",
            "Invalid percent-encoding in a path answers with a stack trace.",
            |request, _| request.path().contains("%zz"),
            "URIError: URI malformed at decodeURIComponent at node:internal/router:88",
        ),
        leak(
            "bad-id-names-the-parser",
            "The error response to an id that is not an integer names the parser.",
            |request, _| request.id_text().is_some() && request.id().is_none(),
            "tokio::task panicked at 'ParseIntError'",
        ),
    ]
}

fn has_json_type(request: &Request) -> bool {
    request.header("content-type").is_some_and(|it| it.starts_with("application/json"))
}

fn is_number(request: &Request) -> bool {
    request.id_text().is_some_and(|id| id.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_json(request: &Request) -> bool {
    serde_json::from_slice::<Value>(&request.body).is_ok()
}

/// Whether no route of step 2 has this path.
pub fn is_unknown_route(request: &Request) -> bool {
    let known = ["/habits", "/openapi.json", "/docs"];
    !known.contains(&request.path()) && request.id_text().is_none() && !request.path().starts_with("/docs/")
}
