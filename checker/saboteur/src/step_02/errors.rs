//! Errors told wrongly, and told where there is none.

use hyper::Method;
use serde_json::{Value, json};

use crate::api::history::History;
use crate::api::routes::{any, creates, deletes, is_v1, patches, puts, reads};
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
        wrong("unknown-route-in-html", trips, "An unknown route answers 404 as a page of HTML.")
            .response(is_unknown_route, |_, response| response.set_body("text/html; charset=utf-8", "<h1>Not Found</h1>")),
        wrong("unknown-route-is-empty", trips, "An unknown route answers 404 without a body.")
            .response(is_unknown_route, |_, response| response.clear()),
        wrong("unknown-route-in-plain-json", trips, "An unknown route answers 404 as application/json.")
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
        wrong("problem-with-another-status", trips, "The problem details of an unknown route say 500.")
            .response(is_unknown_route, |_, response| response.edit_problem(|problem| problem["status"] = json!(500))),
        wrong("problem-with-status-as-text", trips, "The problem details of an unknown route have their status as a text.")
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
    let told = |name, breaks, method: fn(&Request) -> bool, spoil: fn(&mut Response)| {
        let memory = History::new();
        wrong(name, &["2.not-found-habit"], breaks).recording(&memory).response(method, move |request, response| {
            if memory.never_existed(request) {
                spoil(response)
            }
        })
    };
    vec![
        told("unknown-habit-in-plain-json", "GET of an unknown habit answers application/json.", reads, |response| {
            response.set_plain_error(404, "no such habit")
        }),
        told("unknown-habit-is-empty", "GET of an unknown habit answers 404 without a body.", reads, Response::clear),
        told("patch-unknown-as-text", "PATCH of an unknown habit answers text/plain.", patches, |response| {
            response.set_body("text/plain", "not found")
        }),
        told("delete-unknown-is-empty", "DELETE of an unknown habit answers 404 without a body.", deletes, Response::clear),
    ]
}

fn methods() -> Vec<Sabotage> {
    let refused = |name, breaks, spoil: fn(&Request, &mut Response)| {
        wrong(name, &["2.wrong-method"], breaks).response(any, move |request, response| {
            if response.status() == 405 && !is_v1(request) {
                spoil(request, response)
            }
        })
    };
    vec![
        refused("405-without-allow", "405 comes without Allow.", |_, response| response.remove_header("allow")),
        refused("405-allows-too-little", "Allow names GET alone.", |_, response| response.set_header("allow", "GET")),
        refused("405-allows-everything", "Allow names every method, the refused one too.", |_, response| {
            response.set_header("allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE");
        }),
        refused("405-is-empty", "405 comes without a body.", |_, response| response.clear()),
        refused("405-is-404", "A wrong method answers 404.", |_, response| response.set_problem_status(404)),
        refused("405-is-501", "A wrong method answers 501.", |_, response| response.set_problem_status(501)),
        refused("405-of-a-habit-is-404", "A wrong method answers 404 on /habits/{id}.", |request, response| {
            if request.id().is_some() {
                response.set_problem_status(404);
            }
        }),
    ]
}

fn broken_json() -> Vec<Sabotage> {
    let broken = |request: &Request| writes(request) && says_json(request) && !is_json(request);
    let broken_patch = move |request: &Request| patches(request) && broken(request);
    let trips = &["2.broken-json"];
    vec![
        wrong("broken-json-answers-500", trips, "Malformed JSON answers 500.")
            .response(broken, |_, response| response.set_problem_status(500)),
        wrong("broken-json-answers-422", trips, "Malformed JSON answers 422, as if a rule were broken.")
            .response(broken, |_, response| response.set_problem_status(422)),
        wrong("broken-json-as-text", trips, "Malformed JSON answers 400 in the framework's own words.")
            .response(broken, |_, response| {
                response.set_body("text/plain; charset=utf-8", "Failed to parse the request body as JSON")
            }),
        wrong("broken-patch-answers-500", trips, "Malformed JSON answers 500 to PATCH.")
            .response(broken_patch, |_, response| response.set_problem_status(500)),
        wrong("broken-json-counts-as-nothing", trips, "Malformed JSON counts as {}.")
            .request(broken, |request| request.set_json(&json!({}))),
        wrong("empty-body-counts-as-nothing", trips, "An empty body counts as {}.").request(broken, |request| {
            if request.body.is_empty() {
                request.set_json(&json!({}))
            }
        }),
        wrong("text-behind-json-is-ignored", trips, "What stands behind the JSON is not looked at.").request(broken, |request| {
            let mut values = serde_json::Deserializer::from_slice(&request.body).into_iter::<Value>();
            if let Some(Ok(first)) = values.next() {
                request.set_json(&first);
            }
        }),
        wrong("trailing-comma-is-accepted", trips, "A comma before a closing brace is accepted.").request(broken, |request| {
            let lenient = String::from_utf8_lossy(&request.body).replace(",}", "}");
            if let Ok(body) = serde_json::from_str(&lenient) {
                request.set_json(&body);
            }
        }),
    ]
}

fn media_types() -> Vec<Sabotage> {
    let foreign = |request: &Request| writes(request) && !request.body.is_empty() && !says_json(request);
    let form = |request: &Request| request.header("content-type") == Some("application/x-www-form-urlencoded");
    let as_json = |request: &mut Request| request.set_header("content-type", "application/json");
    let refused = |_: &Request, response: &Response| response.status() == 415;
    let trips = &["2.wrong-media-type"];
    vec![
        wrong("media-type-is-ignored", trips, "JSON is read whatever its Content-Type says.").request(foreign, as_json),
        wrong("patch-ignores-media-type", trips, "PATCH reads JSON whatever its Content-Type says.")
            .request(move |request| patches(request) && foreign(request), as_json),
        wrong("any-type-with-json-in-its-name", trips, "A media type counts as JSON when its name ends with json.")
            .request(|request| request.header("content-type").is_some_and(|it| it.ends_with("json")), as_json),
        wrong("form-counts-as-json", trips, "A body sent as a form is read as JSON.").request(form, as_json),
        wrong("415-is-400", trips, "A wrong media type answers 400.").response(any, move |request, response| {
            if refused(request, response) {
                response.set_problem_status(400)
            }
        }),
        wrong("415-as-text", trips, "A wrong media type answers 415 in the framework's own words.").response(
            any,
            move |request, response| {
                if refused(request, response) {
                    response.set_body("text/plain; charset=utf-8", "Expected request with `Content-Type: application/json`");
                }
            },
        ),
        wrong("refused-media-type-is-stored", trips, "A wrong media type answers 415, and the habit is stored.").instead(
            move |request| creates(request) && foreign(request),
            async |request, upstream| {
                let mut stored = request.clone();
                stored.set_header("content-type", "application/json");
                upstream.send(stored).await?;
                upstream.send(request).await
            },
        ),
        wrong("charset-is-refused", trips, "application/json with a parameter is refused.").request(
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
        wrong("bad-id-answers-500", trips, "An id that is no integer answers 500.")
            .response(word, |_, response| response.set_problem_status(500)),
        wrong("bad-id-as-text", trips, "An id that is no integer answers in the framework's own words.")
            .response(word, |_, response| response.set_body("text/plain; charset=utf-8", "Invalid URL: cannot parse the id")),
        wrong("bad-id-of-delete-is-empty", trips, "DELETE of an id that is no integer answers without a body.")
            .response(move |request| deletes(request) && word(request), |_, response| response.clear()),
        wrong("huge-id-answers-500", trips, "An id beyond 64 bits answers 500.")
            .response(huge, |_, response| response.set_problem_status(500)),
        wrong("huge-id-wraps-around", trips, "An id beyond 64 bits loses its upper bits.").request(huge, |request| {
            if let Some(id) = request.id_text().and_then(|id| id.parse::<u128>().ok()) {
                request.set_last_segment(id % (1 << 64));
            }
        }),
        wrong("id-is-read-as-far-as-it-goes", trips, "An id is its leading digits, whatever follows.").request(word, |request| {
            let digits: String = request.id_text().unwrap_or_default().chars().take_while(char::is_ascii_digit).collect();
            if !digits.is_empty() {
                request.set_last_segment(digits);
            }
        }),
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
            "405 names the framework.",
            |_, response| response.status() == 405,
            "(axum::routing::MethodRouter)",
        ),
        leak(
            "400-names-the-parser",
            "Malformed JSON answers with the name of the parser.",
            |request, response| response.status() == 400 && !is_json(request),
            "serde_json::Error: EOF while parsing a value",
        ),
        leak(
            "400-shows-a-source-file",
            "A wrong type answers with the path of a source file.",
            |request, response| matches!(response.status(), 400 | 422) && request.field("completed_today").is_some(),
            "(/home/dev/habits/src/habits.rs:88)",
        ),
        leak(
            "415-shows-a-traceback",
            "A wrong media type answers with a traceback.",
            |_, response| response.status() == 415,
            "Traceback (most recent call last): File \"app.py\", line 7",
        ),
        leak(
            "percent-signs-show-a-stack-trace",
            "Percent signs in a path that stand for nothing answer with a stack trace.",
            |request, _| request.path().contains("%zz"),
            "URIError: URI malformed at decodeURIComponent at node:internal/router:88",
        ),
        leak(
            "bad-id-names-the-parser",
            "An id that is no integer answers with the name of the parser.",
            |request, _| request.id_text().is_some() && request.id().is_none(),
            "tokio::task panicked at 'ParseIntError'",
        ),
    ]
}

fn writes(request: &Request) -> bool {
    creates(request) || patches(request) || puts(request)
}

fn says_json(request: &Request) -> bool {
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
