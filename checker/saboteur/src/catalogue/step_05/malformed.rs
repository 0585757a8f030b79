//! Malformed requests that break something.

use crate::api::jwt::{self, Jwt};
use crate::api::routes::{creates, imports};
use crate::http::{ConnectionLost, Request};
use crate::sabotage::{Sabotage, wrong};

const TRIPS: &[&str] = &["5.malformed"];
/// The exit code of a Rust program that panics in its main thread.
const PANICKED: i32 = 101;

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [bytes(), values(), paths(), headers(), crashes(), tokens()].into_iter().flatten().collect()
}

/// Answers 500 to such requests.
fn answer_500(name: &'static str, breaks: &'static str, when: fn(&Request) -> bool) -> Sabotage {
    wrong(name, TRIPS, breaks).response(when, |_, response| response.set_problem(500, "Something went wrong."))
}

fn bytes() -> Vec<Sabotage> {
    vec![
        answer_500("byte-order-mark-answers-500", "A body that begins with a byte order mark answers 500.", |request| {
            request.body.starts_with(b"\xef\xbb\xbf")
        }),
        answer_500("no-utf-8-answers-500", "A body that is not UTF-8 answers 500.", is_not_utf8),
        answer_500("utf-16-answers-500", "A body in UTF-16 answers 500.", |request| {
            request.body.starts_with(b"\xff\xfe") || request.body.starts_with(b"\xfe\xff")
        }),
        answer_500("half-a-text-answers-500", "A body that ends in the middle of a string answers 500.", |request| {
            let quotes = request.body.iter().filter(|byte| **byte == b'"').count();
            quotes % 2 == 1 && !is_not_utf8(request)
        }),
        answer_500("two-values-answer-500", "A body of two JSON values answers 500.", |request| {
            let values = serde_json::Deserializer::from_slice(&request.body).into_iter::<serde_json::Value>();
            values.map_while(Result::ok).take(2).count() == 2
        }),
        answer_500("second-name-answers-500", "A duplicate key in an object answers 500.", |request| {
            let text = String::from_utf8_lossy(&request.body);
            let is_twice = |key| text.matches(&format!("\"{key}\":")).count() > 1;
            !imports(request) && ["name", "description", "email", "completed_today"].into_iter().any(is_twice)
        }),
    ]
}

fn values() -> Vec<Sabotage> {
    vec![
        answer_500("half-a-surrogate-answers-500", "A lone surrogate in a string answers 500.", |request| {
            contains(request, "\\ud8")
        }),
        answer_500("huge-number-answers-500", "A number that overflows a double answers 500.", |request| {
            contains(request, "1e999") || contains(request, "99999999999999999999999999999999999999999")
        }),
        answer_500(
            "key-of-javascript-answers-500",
            "A key with a meaning in JavaScript, such as __proto__, answers 500.",
            |request| {
                ["__proto__", "constructor", "prototype", "hasOwnProperty", "class", "$where"]
                    .iter()
                    .any(|key| contains(request, key))
            },
        ),
        answer_500("endless-text-answers-500", "A string of more than 5,000 bytes answers 500.", |request| {
            let is_endless = |value: &serde_json::Value| value.as_str().is_some_and(|text| text.len() > 5_000);
            request.objects().iter().any(|object| object.values().any(is_endless))
        }),
        wrong("null-in-a-list-answers-500", &["5.wrong-types", "5.malformed"], "A null item in an import answers 500.").response(
            |request| {
                let items: Vec<serde_json::Value> = serde_json::from_slice(&request.body).unwrap_or_default();
                imports(request) && items.iter().any(|item| !item.is_object())
            },
            |_, response| response.set_problem(500, "Something went wrong."),
        ),
    ]
}

fn paths() -> Vec<Sabotage> {
    vec![
        answer_500("nul-in-an-address-of-a-page-answers-500", "%00 in a path answers 500.", |request| {
            path(request).contains("%00")
        }),
        answer_500("bytes-in-a-path-answer-500", "Percent-encoded bytes in a path that are not UTF-8 answer 500.", |request| {
            ["%ff", "%c0%af", "%ed%a0%80"].iter().any(|bytes| path(request).contains(bytes))
        }),
        answer_500(
            "slash-in-a-part-of-a-path-answers-500",
            "A percent-encoded slash, backslash or dot in a path answers 500.",
            |request| ["%2e", "%2f", "%5c"].iter().any(|sign| path(request).contains(sign)),
        ),
        answer_500("long-path-answers-500", "A path of more than 1,000 characters answers 500.", |request| {
            path(request).len() > 1_000
        }),
        answer_500("list-in-a-query-answers-500", "A query parameter that is repeated or has brackets answers 500.", |request| {
            let query = request.head.uri.query().unwrap_or_default();
            query.contains("[") || query.matches("limit=").count() > 1
        }),
        answer_500("half-a-parameter-answers-500", "A query parameter without = answers 500.", |request| {
            request.head.uri.query().is_some_and(|query| query.split('&').any(|pair| !pair.contains('=')))
        }),
        answer_500("bytes-in-a-query-answer-500", "Percent-encoded bytes in a query that are not UTF-8 answer 500.", |request| {
            request.head.uri.query().is_some_and(|query| ["%ff", "%ed%a0%80", "%zz"].iter().any(|bytes| query.contains(bytes)))
        }),
    ]
}

fn headers() -> Vec<Sabotage> {
    vec![
        answer_500("charset-answers-500", "A body with a charset other than UTF-8 answers 500.", |request| {
            request.header("content-type").is_some_and(|kind| kind.contains("charset=") && !kind.contains("utf-8"))
        }),
        answer_500("half-a-media-type-answers-500", "A truncated Content-Type answers 500.", |request| {
            request
                .header("content-type")
                .is_some_and(|kind| kind.is_empty() || kind.ends_with([';', '=', '/', '"']) && kind.len() < 99)
        }),
        answer_500("media-type-of-a-form-answers-500", "A multipart form without a boundary answers 500.", |request| {
            request.header("content-type").is_some_and(|kind| kind.starts_with("multipart/form-data"))
        }),
        answer_500(
            "header-that-is-no-ascii-answers-500",
            "A header outside ASCII, other than x-request-id, answers 500.",
            |request| {
                let others = request.head.headers.iter().filter(|(name, _)| *name != "x-request-id");
                others.map(|(_, value)| value).any(|value| value.to_str().is_err())
            },
        ),
        wrong("cut-body-answers-500", TRIPS, "A connection that is closed in the middle of a request body answers 500.")
            .respond_to_cut_body(500),
    ]
}

fn crashes() -> Vec<Sabotage> {
    vec![
        wrong("half-a-surrogate-closes", TRIPS, "A lone surrogate in a string closes the connection without a response.")
            .instead(|request| contains(request, "\\ud8"), async |_, _| Err(ConnectionLost)),
        wrong("no-utf-8-closes", TRIPS, "A body that is not UTF-8 closes the connection without a response.")
            .instead(is_not_utf8, async |_, _| Err(ConnectionLost)),
        wrong("no-utf-8-ends-the-server", TRIPS, "A body that is not UTF-8 ends the server.").instead(
            is_not_utf8,
            async |_, _| {
                eprintln!("thread 'main' panicked: a body is UTF-8");
                std::process::exit(PANICKED)
            },
        ),
        wrong("no-utf-8-hangs", TRIPS, "A body that is not UTF-8 never gets a response.")
            .instead(is_not_utf8, async |_, _| std::future::pending().await),
    ]
}

fn tokens() -> Vec<Sabotage> {
    vec![
        wrong("token-of-nobody-answers-500", &["5.token-of-deleted"], "POST with the token of a deleted user answers 500.")
            .response(
                |request| {
                    creates(request)
                        && Jwt::from_request(request).is_some_and(|token| token.is_signed_with(&jwt::key()) && token.is_current())
                },
                |_, response| {
                    if response.status() == 401 {
                        response.set_problem(500, "Something went wrong.");
                    }
                },
            ),
    ]
}

/// Whether a body is not UTF-8.
pub fn is_not_utf8(request: &Request) -> bool {
    std::str::from_utf8(&request.body).is_err()
}

fn contains(request: &Request, text: &str) -> bool {
    request.body.windows(text.len()).any(|window| window == text.as_bytes())
}

fn path(request: &Request) -> &str {
    request.head.uri.path()
}
