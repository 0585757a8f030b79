//! Bodies that are longer or deeper than anybody needs.

use serde_json::Value;

use crate::api::routes::{has_body, imports, logs_in, patches, puts, signs_up};
use crate::http::{ConnectionLost, Request, Response};
use crate::sabotage::{Sabotage, wrong};

/// The most bytes of a body that is no import.
const MOST: usize = 64 * 1024;
/// The exit code of a program that SIGABRT ended, as a shell tells it.
const ABORTED: i32 = 134;

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [high(), low(), told(), deep()].into_iter().flatten().collect()
}

const LONG: &[&str] = &["5.body-limit"];

fn high() -> Vec<Sabotage> {
    let read = |name, breaks, is_read: fn(&Request) -> bool| {
        wrong(name, LONG, breaks).request(move |request| is_long(request) && is_read(request), shorten)
    };
    vec![
        read("body-of-2-mib-is-read", "A body of up to 2 MiB is read.", |request| request.body.len() <= 2 * 1024 * 1024),
        read("body-one-byte-too-long-is-read", "A body of 64 KiB and one byte is read.", |request| {
            request.body.len() == MOST + 1
        }),
        read("body-limit-counts-kilobytes", "A body of up to 100 kB is read.", |request| request.body.len() <= 100_000),
        read("signup-has-no-body-limit", "The body of a signup has no limit.", signs_up),
        read("login-has-no-body-limit", "The body of a login has no limit.", logs_in),
        read("patch-has-no-body-limit", "The body of a PATCH has no limit.", patches),
        read("put-has-no-body-limit", "The body of a PUT has no limit.", puts),
        read("body-without-length-has-no-limit", "A body that comes in chunks, without its length, has no limit.", |request| {
            request.header("content-length").is_none()
        }),
    ]
}

fn low() -> Vec<Sabotage> {
    let refused = |name, trips, breaks, when: fn(&Request) -> bool| {
        wrong(name, trips, breaks)
            .instead(when, async |request, upstream| upstream.problem(&request, 413, "The body is too long.").await)
    };
    vec![
        refused("body-limit-is-64-kilobytes", LONG, "A body of more than 64,000 bytes is refused.", |request| {
            has_body(request) && !imports(request) && request.body.len() > 64_000
        }),
        refused("body-of-64-kib-is-refused", LONG, "A body of exactly 64 KiB is refused.", |request| {
            has_body(request) && !imports(request) && request.body.len() == MOST
        }),
    ]
}

fn told() -> Vec<Sabotage> {
    let told = |name, breaks, tell: fn(&mut Response)| {
        wrong(name, LONG, breaks).instead(is_long, async move |request, upstream| {
            let mut response = upstream.problem(&request, 413, "The body is too long.").await?;
            tell(&mut response);
            Ok(response)
        })
    };
    vec![
        told("long-body-answers-400", "A body that is too long answers 400.", |response| {
            response.set_problem(400, "The body is too long.")
        }),
        told("long-body-answers-500", "A body that is too long answers 500.", |response| {
            response.set_problem(500, "Something went wrong.")
        }),
        told("long-body-is-no-problem", "A body that is too long answers 413 in plain text.", |response| {
            response.set_body("text/plain", "length limit exceeded")
        }),
        told("long-body-is-not-told", "A body that is too long answers 413 without a body.", Response::clear),
    ]
}

fn deep() -> Vec<Sabotage> {
    let trips = &["5.deep-nesting", "5.malformed"];
    let told = |name, breaks, when: fn(&Request) -> bool, tell: fn(&mut Response)| {
        wrong(name, &["5.deep-nesting"], breaks).response(when, move |_, response| tell(response))
    };
    vec![
        wrong("deep-body-answers-500", trips, "A body that is nested more than 1,000 levels deep answers 500.")
            .response(is_deep, |_, response| response.set_problem(500, "Something went wrong.")),
        wrong("deep-body-closes", trips, "A body that is nested more than 1,000 levels deep gets no answer.")
            .instead(is_deep, async |_, _| Err(ConnectionLost)),
        wrong("deep-body-ends-the-server", trips, "A body that is nested more than 1,000 levels deep ends the server.").instead(
            is_deep,
            async |_, _| {
                eprintln!("the stack has overflowed");
                std::process::exit(ABORTED)
            },
        ),
        told("deep-body-is-too-long", "A body that is nested more than 1,000 levels deep answers 413.", is_deep, |response| {
            response.set_problem(413, "The body is too deep.")
        }),
        told(
            "deep-body-is-no-problem",
            "The 400 of a body that is nested more than 1,000 levels deep is plain text.",
            is_deep,
            |response| response.set_body("text/plain", "recursion limit exceeded"),
        ),
        told(
            "deep-login-answers-401",
            "A login whose e-mail address is nested 1,000 levels deep answers 401.",
            |request| logs_in(request) && is_deep(request),
            |response| response.set_problem(401, "The e-mail address or the password is wrong."),
        ),
    ]
}

fn is_long(request: &Request) -> bool {
    has_body(request) && !imports(request) && request.body.len() > MOST
}

/// Leaves out the white space of a body.
fn shorten(request: &mut Request) {
    if let Ok(body) = serde_json::from_slice::<Value>(&request.body) {
        request.set_json(&body);
    }
}

fn is_deep(request: &Request) -> bool {
    let open = request.body.iter().filter(|byte| b"[{".contains(byte)).count();
    has_body(request) && open > 1000
}
