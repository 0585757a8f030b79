//! Bodies that are too long or too deeply nested.

use serde_json::Value;

use crate::api::routes::{has_body, imports, logs_in, patches, puts, signs_up};
use crate::http::{ConnectionLost, Request, Response};
use crate::sabotage::{Sabotage, wrong};

/// The maximum size of a body that is not an import.
const MAX_BYTES: usize = 64 * 1024;
/// The exit code of a program that SIGABRT ended, as a shell reports it.
const ABORTED: i32 = 134;

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [too_high(), too_low(), error_responses(), deep()].into_iter().flatten().collect()
}

const LONG: &[&str] = &["5.body-limit"];

fn too_high() -> Vec<Sabotage> {
    let accept = |name, breaks, is_accepted: fn(&Request) -> bool| {
        wrong(name, LONG, breaks).request(move |request| is_long(request) && is_accepted(request), shorten)
    };
    vec![
        accept("body-of-2-mib-is-read", "A body of up to 2 MiB is accepted.", |request| request.body.len() <= 2 * 1024 * 1024),
        accept("body-one-byte-too-long-is-read", "A body of 64 KiB and one byte is accepted.", |request| {
            request.body.len() == MAX_BYTES + 1
        }),
        accept("body-limit-counts-kilobytes", "A body of up to 100 kB is accepted.", |request| request.body.len() <= 100_000),
        accept("signup-has-no-body-limit", "A signup has no body limit.", signs_up),
        accept("login-has-no-body-limit", "A login has no body limit.", logs_in),
        accept("patch-has-no-body-limit", "PATCH has no body limit.", patches),
        accept("put-has-no-body-limit", "PUT has no body limit.", puts),
        accept("body-without-length-has-no-limit", "A chunked body has no limit.", |request| {
            request.header("content-length").is_none()
        }),
    ]
}

fn too_low() -> Vec<Sabotage> {
    let reject = |name, trips, breaks, when: fn(&Request) -> bool| {
        wrong(name, trips, breaks)
            .instead(when, async |request, upstream| upstream.problem(&request, 413, "The body is too long.").await)
    };
    vec![
        reject("body-limit-is-64-kilobytes", LONG, "A body of more than 64,000 bytes is rejected.", |request| {
            has_body(request) && !imports(request) && request.body.len() > 64_000
        }),
        reject("body-of-64-kib-is-refused", LONG, "A body of exactly 64 KiB is rejected.", |request| {
            has_body(request) && !imports(request) && request.body.len() == MAX_BYTES
        }),
    ]
}

fn error_responses() -> Vec<Sabotage> {
    let change_413 = |name, breaks, change: fn(&mut Response)| {
        wrong(name, LONG, breaks).instead(is_long, async move |request, upstream| {
            let mut response = upstream.problem(&request, 413, "The body is too long.").await?;
            change(&mut response);
            Ok(response)
        })
    };
    vec![
        change_413("long-body-answers-400", "A body that is too long answers 400.", |response| {
            response.set_problem(400, "The body is too long.")
        }),
        change_413("long-body-answers-500", "A body that is too long answers 500.", |response| {
            response.set_problem(500, "Something went wrong.")
        }),
        change_413("long-body-is-no-problem", "A body that is too long answers 413 in plain text.", |response| {
            response.set_body("text/plain", "length limit exceeded")
        }),
        change_413(
            "long-body-answers-an-empty-413",
            "A body that is too long answers 413 without problem details.",
            Response::clear,
        ),
    ]
}

fn deep() -> Vec<Sabotage> {
    let trips = &["5.deep-nesting", "5.malformed"];
    let change_response = |name, breaks, when: fn(&Request) -> bool, change: fn(&mut Response)| {
        wrong(name, &["5.deep-nesting"], breaks).response(when, move |_, response| change(response))
    };
    vec![
        wrong("deep-body-answers-500", trips, "A body that is nested more than 1,000 levels deep answers 500.")
            .response(is_deep, |_, response| response.set_problem(500, "Something went wrong.")),
        wrong(
            "deep-body-closes",
            trips,
            "A body that is nested more than 1,000 levels deep closes the connection without a response.",
        )
        .instead(is_deep, async |_, _| Err(ConnectionLost)),
        wrong("deep-body-ends-the-server", trips, "A body that is nested more than 1,000 levels deep ends the server.").instead(
            is_deep,
            async |_, _| {
                eprintln!("the stack has overflowed");
                std::process::exit(ABORTED)
            },
        ),
        change_response(
            "deep-body-is-too-long",
            "A body that is nested more than 1,000 levels deep answers 413.",
            is_deep,
            |response| response.set_problem(413, "The body is too deep."),
        ),
        change_response(
            "deep-body-is-no-problem",
            "The 400 for a body that is nested more than 1,000 levels deep is plain text.",
            is_deep,
            |response| response.set_body("text/plain", "recursion limit exceeded"),
        ),
        change_response(
            "deep-login-answers-401",
            "A login whose e-mail address is nested 1,000 levels deep answers 401.",
            |request| logs_in(request) && is_deep(request),
            |response| response.set_problem(401, "The e-mail address or the password is wrong."),
        ),
    ]
}

fn is_long(request: &Request) -> bool {
    has_body(request) && !imports(request) && request.body.len() > MAX_BYTES
}

/// Removes the white space of a body.
fn shorten(request: &mut Request) {
    if let Ok(body) = serde_json::from_slice::<Value>(&request.body) {
        request.set_json(&body);
    }
}

fn is_deep(request: &Request) -> bool {
    let open = request.body.iter().filter(|byte| b"[{".contains(byte)).count();
    has_body(request) && open > 1000
}
