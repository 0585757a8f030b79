//! Errors told wrongly, and told where there is none.

use hyper::Method;
use serde_json::{Value, json};

use super::{edit_problem, is_json, is_v1, set_problem_status, unknown_route, without, wrong};
use crate::memory::Memory;
use crate::message::{Answer, Request, any, creates, deletes, patches, puts, reads};
use crate::sabotage::Sabotage;

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [unknown_routes(), unknown_habits(), methods(), broken_json(), media_types(), bad_ids(), internals()]
        .into_iter()
        .flatten()
        .collect()
}

fn unknown_routes() -> Vec<Sabotage> {
    let trips = &["2.not-found-route"];
    let unless_get = |request: &Request| unknown_route(request) && !matches!(request.head.method, Method::GET | Method::HEAD);
    vec![
        wrong("unknown-route-in-html", trips, "An unknown route answers 404 as a page of HTML.")
            .answer(unknown_route, |_, answer| answer.set_body("text/html; charset=utf-8", "<h1>Not Found</h1>")),
        wrong("unknown-route-is-empty", trips, "An unknown route answers 404 without a body.")
            .answer(unknown_route, |_, answer| answer.clear()),
        wrong("unknown-route-in-plain-json", trips, "An unknown route answers 404 as application/json.")
            .answer(unknown_route, |_, answer| answer.set_plain_error(404, "not found")),
        wrong("unknown-route-shows-the-app", trips, "An unknown route answers 200 with a start page.").answer(
            unknown_route,
            |_, answer| {
                answer.set_status(200);
                answer.set_body("text/html; charset=utf-8", "<!doctype html><title>Habits</title>");
            },
        ),
        wrong("problem-without-status", trips, "The problem details of an unknown route have no status.")
            .answer(unknown_route, |_, answer| without(answer, "status")),
        wrong("problem-with-another-status", trips, "The problem details of an unknown route say 500.")
            .answer(unknown_route, |_, answer| edit_problem(answer, |problem| problem["status"] = json!(500))),
        wrong("problem-with-status-as-text", trips, "The problem details of an unknown route have their status as a text.")
            .answer(unknown_route, |_, answer| edit_problem(answer, |problem| problem["status"] = json!("404"))),
        wrong("problem-without-title", trips, "The problem details of an unknown route have no title.")
            .answer(unknown_route, |_, answer| without(answer, "title")),
        wrong("problem-without-detail", trips, "The problem details of an unknown route have no detail.")
            .answer(unknown_route, |_, answer| without(answer, "detail")),
        wrong("unknown-route-refuses-post", trips, "An unknown route answers 405 to anything but GET.")
            .answer(unless_get, |_, answer| set_problem_status(answer, 405)),
    ]
}

fn unknown_habits() -> Vec<Sabotage> {
    let told = |name, breaks, method: fn(&Request) -> bool, spoil: fn(&mut Answer)| {
        let memory = Memory::new();
        wrong(name, &["2.not-found-habit"], breaks).remembering(&memory).answer(method, move |request, answer| {
            if memory.never_saw(request) {
                spoil(answer)
            }
        })
    };
    vec![
        told("unknown-habit-in-plain-json", "GET of an unknown habit answers application/json.", reads, |answer| {
            answer.set_plain_error(404, "no such habit")
        }),
        told("unknown-habit-is-empty", "GET of an unknown habit answers 404 without a body.", reads, Answer::clear),
        told("patch-unknown-as-text", "PATCH of an unknown habit answers text/plain.", patches, |answer| {
            answer.set_body("text/plain", "not found")
        }),
        told("delete-unknown-is-empty", "DELETE of an unknown habit answers 404 without a body.", deletes, Answer::clear),
    ]
}

fn methods() -> Vec<Sabotage> {
    let refused = |name, breaks, spoil: fn(&Request, &mut Answer)| {
        wrong(name, &["2.wrong-method"], breaks).answer(any, move |request, answer| {
            if answer.status() == 405 && !is_v1(request) {
                spoil(request, answer)
            }
        })
    };
    vec![
        refused("405-without-allow", "405 comes without Allow.", |_, answer| answer.remove_header("allow")),
        refused("405-allows-too-little", "Allow names GET alone.", |_, answer| answer.set_header("allow", "GET")),
        refused("405-allows-everything", "Allow names every method, the refused one too.", |_, answer| {
            answer.set_header("allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE");
        }),
        refused("405-is-empty", "405 comes without a body.", |_, answer| answer.clear()),
        refused("405-is-404", "A wrong method answers 404.", |_, answer| set_problem_status(answer, 404)),
        refused("405-is-501", "A wrong method answers 501.", |_, answer| set_problem_status(answer, 501)),
        refused("405-of-a-habit-is-404", "A wrong method answers 404 on /habits/{id}.", |request, answer| {
            if request.id().is_some() {
                set_problem_status(answer, 404);
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
            .answer(broken, |_, answer| set_problem_status(answer, 500)),
        wrong("broken-json-answers-422", trips, "Malformed JSON answers 422, as if a rule were broken.")
            .answer(broken, |_, answer| set_problem_status(answer, 422)),
        wrong("broken-json-as-text", trips, "Malformed JSON answers 400 in the framework's own words.")
            .answer(broken, |_, answer| answer.set_body("text/plain; charset=utf-8", "Failed to parse the request body as JSON")),
        wrong("broken-patch-answers-500", trips, "Malformed JSON answers 500 to PATCH.")
            .answer(broken_patch, |_, answer| set_problem_status(answer, 500)),
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
    let refused = |_: &Request, answer: &Answer| answer.status() == 415;
    let trips = &["2.wrong-media-type"];
    vec![
        wrong("media-type-is-ignored", trips, "JSON is read whatever its Content-Type says.").request(foreign, as_json),
        wrong("patch-ignores-media-type", trips, "PATCH reads JSON whatever its Content-Type says.")
            .request(move |request| patches(request) && foreign(request), as_json),
        wrong("any-type-with-json-in-its-name", trips, "A media type counts as JSON when its name ends with json.")
            .request(|request| request.header("content-type").is_some_and(|it| it.ends_with("json")), as_json),
        wrong("form-counts-as-json", trips, "A body sent as a form is read as JSON.").request(form, as_json),
        wrong("415-is-400", trips, "A wrong media type answers 400.").answer(any, move |request, answer| {
            if refused(request, answer) {
                set_problem_status(answer, 400)
            }
        }),
        wrong("415-as-text", trips, "A wrong media type answers 415 in the framework's own words.").answer(
            any,
            move |request, answer| {
                if refused(request, answer) {
                    answer.set_body("text/plain; charset=utf-8", "Expected request with `Content-Type: application/json`");
                }
            },
        ),
        wrong("refused-media-type-is-stored", trips, "A wrong media type answers 415, and the habit is stored.").instead(
            move |request| creates(request) && foreign(request),
            async |request, server| {
                let mut stored = request.clone();
                stored.set_header("content-type", "application/json");
                server.send(stored).await?;
                server.send(request).await
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
            .answer(word, |_, answer| set_problem_status(answer, 500)),
        wrong("bad-id-as-text", trips, "An id that is no integer answers in the framework's own words.")
            .answer(word, |_, answer| answer.set_body("text/plain; charset=utf-8", "Invalid URL: cannot parse the id")),
        wrong("bad-id-of-delete-is-empty", trips, "DELETE of an id that is no integer answers without a body.")
            .answer(move |request| deletes(request) && word(request), |_, answer| answer.clear()),
        wrong("huge-id-answers-500", trips, "An id beyond 64 bits answers 500.")
            .answer(huge, |_, answer| set_problem_status(answer, 500)),
        wrong("huge-id-wraps-around", trips, "An id beyond 64 bits loses its upper bits.").request(huge, |request| {
            if let Some(id) = request.id_text().and_then(|id| id.parse::<u128>().ok()) {
                request.set_id(id % (1 << 64));
            }
        }),
        wrong("id-is-read-as-far-as-it-goes", trips, "An id is its leading digits, whatever follows.").request(word, |request| {
            let digits: String = request.id_text().unwrap_or_default().chars().take_while(char::is_ascii_digit).collect();
            if !digits.is_empty() {
                request.set_id(digits);
            }
        }),
    ]
}

fn internals() -> Vec<Sabotage> {
    let leak = |name, breaks, when: fn(&Request, &Answer) -> bool, text: &'static str| {
        wrong(name, &["2.no-internals"], breaks).answer(any, move |request, answer| {
            if when(request, answer) {
                edit_problem(answer, |problem| {
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
            |request, _| unknown_route(request),
            "stack backtrace: 0: habits::not_found at ./src/main.rs:42:7",
        ),
        leak(
            "405-names-the-framework",
            "405 names the framework.",
            |_, answer| answer.status() == 405,
            "(axum::routing::MethodRouter)",
        ),
        leak(
            "400-names-the-parser",
            "Malformed JSON answers with the name of the parser.",
            |request, answer| answer.status() == 400 && !is_json(request),
            "serde_json::Error: EOF while parsing a value",
        ),
        leak(
            "400-shows-a-source-file",
            "A wrong type answers with the path of a source file.",
            |request, answer| matches!(answer.status(), 400 | 422) && request.field("completed_today").is_some(),
            "(/home/dev/habits/src/habits.rs:88)",
        ),
        leak(
            "415-shows-a-traceback",
            "A wrong media type answers with a traceback.",
            |_, answer| answer.status() == 415,
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
