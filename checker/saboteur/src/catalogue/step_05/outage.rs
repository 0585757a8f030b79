//! Wrong responses while the database cannot be reached.

use std::time::Duration;

use hyper::Method;
use serde_json::json;

use super::database_failure::{DatabaseFailure, change_during, send_and_detect};
use crate::api::routes::{
    any, completes, creates, deletes, deletes_me, imports, lists, lists_completions, logs_in, patches, reads, reads_me, signs_up,
    uncompletes,
};
use crate::http::{ConnectionLost, Request, Response};
use crate::sabotage::{Sabotage, wrong};

const TRIPS: &[&str] = &["5.database-cut"];
/// A second more than the shortest timeout that a check sets.
const DELAY: Duration = Duration::from_secs(2);

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [statuses(), contents(), problem_details(), connections()].into_iter().flatten().collect()
}

/// Changes the responses while the database is down.
fn while_down(
    name: &'static str,
    breaks: &'static str,
    when: fn(&Request) -> bool,
    change: impl Fn(&Request, &mut Response) + 'static,
) -> Sabotage {
    change_during(wrong(name, TRIPS, breaks), DatabaseFailure::Unreachable, when, change)
}

fn statuses() -> Vec<Sabotage> {
    let answer = |name, breaks, when, status| {
        while_down(name, breaks, when, move |_, response| response.set_problem(status, "Try again."))
    };
    vec![
        answer("gone-answers-500", "While the database is down, every request answers 500.", any, 500),
        answer("gone-answers-502", "While the database is down, every request answers 502.", any, 502),
        answer("gone-answers-504", "While the database is down, every request answers 504.", any, 504),
        answer("gone-login-answers-401", "While the database is down, a login answers 401.", logs_in, 401),
        answer("gone-tokens-are-refused", "While the database is down, GET /me answers 401.", reads_me, 401),
        answer("gone-create-answers-409", "While the database is down, POST answers 409.", creates, 409),
        answer("gone-signup-answers-409", "While the database is down, a signup answers 409.", signs_up, 409),
        answer("gone-habits-are-unknown", "While the database is down, GET /habits/{id} answers 404.", reads, 404),
        answer("gone-patch-answers-404", "While the database is down, PATCH answers 404.", patches, 404),
        answer("gone-delete-answers-404", "While the database is down, DELETE answers 404.", deletes, 404),
        answer("gone-import-answers-500", "While the database is down, an import answers 500.", imports, 500),
        answer("gone-writes-answer-500", "While the database is down, reads answer 503 and writes 500.", is_write, 500),
        answer("gone-days-are-unknown", "While the database is down, GET of completions answers 404.", lists_completions, 404),
        answer(
            "gone-uncomplete-answers-404",
            "While the database is down, DELETE of a completion answers 404.",
            uncompletes,
            404,
        ),
        answer("gone-leaving-answers-401", "While the database is down, DELETE /me answers 401.", deletes_me, 401),
        answer("gone-reads-answer-500", "While the database is down, writes answer 503 and reads 500.", is_read, 500),
    ]
}

fn is_read(request: &Request) -> bool {
    request.head.method == Method::GET
}

fn is_write(request: &Request) -> bool {
    !is_read(request)
}

fn contents() -> Vec<Sabotage> {
    let habit = |name: &str| {
        json!({ "id": 1, "name": name, "description": null, "completed_today": false, "streak": 0,
                "created_at": "2026-01-31T08:00:00Z" })
    };
    let nothing = |response: &mut Response| {
        response.set_status(204);
        response.clear();
    };
    vec![
        while_down(
            "gone-has-no-request-id",
            "While the database is down, responses have no x-request-id.",
            any,
            |_, response| {
                response.remove_header("x-request-id");
            },
        ),
        while_down(
            "gone-login-is-logged",
            "While the database is down, the body of a login is logged.",
            logs_in,
            |request, _| {
                eprintln!("not done: {}", String::from_utf8_lossy(&request.body));
            },
        ),
        while_down(
            "gone-list-is-empty",
            "While the database is down, GET /habits answers 200 and an empty array.",
            lists,
            |_, response| {
                response.set_status(200);
                response.set_json("application/json", &json!([]));
            },
        ),
        while_down(
            "gone-create-answers-201",
            "While the database is down, POST answers 201.",
            creates,
            move |request, response| {
                let name = request.field("name").unwrap_or_default();
                response.set_status(201);
                response.set_json("application/json", &habit(name.as_str().unwrap_or_default()));
            },
        ),
        while_down(
            "gone-import-stores-nothing",
            "While the database is down, an import answers 201 and an empty array.",
            imports,
            |_, response| {
                response.set_status(201);
                response.set_json("application/json", &json!([]));
            },
        ),
        while_down(
            "gone-complete-answers-200",
            "While the database is down, PUT of a completion answers 200.",
            completes,
            |_, response| {
                response.set_status(200);
                response.set_json("application/json", &json!({ "date": "2026-01-31" }));
            },
        ),
        while_down("gone-delete-answers-204", "While the database is down, DELETE answers 204.", deletes, move |_, response| {
            nothing(response)
        }),
        while_down(
            "gone-answers-200",
            "While the database is down, every request answers 200 and an error.",
            any,
            |_, response| {
                response.set_status(200);
                response.set_json("application/json", &json!({ "success": false, "error": "Try again later." }));
            },
        ),
    ]
}

fn problem_details() -> Vec<Sabotage> {
    let leak =
        |name, breaks, detail: &'static str| while_down(name, breaks, any, move |_, response| response.set_problem(503, detail));
    let url = || std::env::var("DATABASE_URL").unwrap_or_default();
    let authority = |url: &str| url.rsplit('@').next().unwrap_or_default().to_owned();
    vec![
        while_down("gone-is-no-problem", "While the database is down, the 503 is not problem details.", any, |_, response| {
            response.set_plain_error(503, "try again later")
        }),
        while_down("gone-is-plain-text", "While the database is down, the 503 is plain text.", any, |_, response| {
            response.set_body("text/plain; charset=utf-8", "Service Unavailable")
        }),
        while_down("gone-says-nothing", "While the database is down, the 503 has no body.", any, |_, response| response.clear()),
        while_down(
            "gone-says-500-inside",
            "While the database is down, the problem details of the 503 have the status 500.",
            any,
            |_, response| response.edit(|problem| problem["status"] = 500.into()),
        ),
        leak(
            "gone-leaks-the-system-error",
            "While the database is down, the 503 shows the operating system's error.",
            "Connection reset by peer (os error 104)",
        ),
        leak(
            "gone-leaks-the-pool",
            "While the database is down, the 503 shows the connection pool's error.",
            "pool timed out while waiting for an open connection",
        ),
        leak(
            "gone-leaks-the-driver",
            "While the database is down, the 503 shows the database driver's error.",
            "sqlx::Error::Io(Kind(UnexpectedEof))",
        ),
        leak(
            "gone-leaks-the-code",
            "While the database is down, the 503 shows an error code.",
            "connect ECONNREFUSED while asking the database",
        ),
        leak("gone-leaks-the-product", "While the database is down, the 503 names PostgreSQL.", "PostgreSQL is not there."),
        while_down(
            "gone-leaks-the-address",
            "While the database is down, the 503 shows the database's host and port.",
            any,
            move |_, response| response.set_problem(503, &format!("No answer from {}.", authority(&url()))),
        ),
        while_down(
            "gone-leaks-the-host",
            "While the database is down, the 503 shows the database's host.",
            any,
            move |_, response| {
                let place = authority(&url());
                response.set_problem(503, &format!("No answer from host {}.", place.split([':', '/']).next().unwrap_or_default()))
            },
        ),
    ]
}

fn connections() -> Vec<Sabotage> {
    vec![
        wrong("gone-hangs-up", TRIPS, "While the database is down, the connection is closed without a response.").instead(
            any,
            async |request, upstream| match send_and_detect(request, upstream).await? {
                (_, Some(DatabaseFailure::Unreachable)) => Err(ConnectionLost),
                (response, _) => Ok(response),
            },
        ),
        wrong("gone-answers-late", TRIPS, "While the database is down, the 503 comes two seconds late.").instead(
            any,
            async |request, upstream| {
                let (response, failure) = send_and_detect(request, upstream).await?;
                if failure == Some(DatabaseFailure::Unreachable) {
                    tokio::time::sleep(DELAY).await;
                }
                Ok(response)
            },
        ),
        wrong("gone-import-answers-late", TRIPS, "While the database is down, the 503 of an import comes two seconds late.")
            .instead(imports, async |request, upstream| {
                let (response, failure) = send_and_detect(request, upstream).await?;
                if failure == Some(DatabaseFailure::Unreachable) {
                    tokio::time::sleep(DELAY).await;
                }
                Ok(response)
            }),
    ]
}
