//! Wrong responses while the database cannot be reached.

use std::time::Duration;

use hyper::Method;
use serde_json::json;

use super::database_failure::{Trouble, ask, in_trouble};
use crate::api::routes::{
    any, completes, creates, deletes, deletes_me, imports, lists, lists_completions, logs_in, patches, reads, reads_me, signs_up,
    uncompletes,
};
use crate::http::{ConnectionLost, Request, Response};
use crate::sabotage::{Sabotage, wrong};

const CUT: &[&str] = &["5.database-cut"];
/// More than the shortest time that a check gives its servers, and a second.
const TOO_LONG: Duration = Duration::from_secs(2);

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [statuses(), pretended(), words(), late()].into_iter().flatten().collect()
}

/// Changes what is answered while the database is gone.
fn gone(
    name: &'static str,
    breaks: &'static str,
    when: fn(&Request) -> bool,
    change: impl Fn(&Request, &mut Response) + 'static,
) -> Sabotage {
    in_trouble(wrong(name, CUT, breaks), Trouble::Gone, when, change)
}

fn statuses() -> Vec<Sabotage> {
    let answered =
        |name, breaks, when, status| gone(name, breaks, when, move |_, response| response.set_problem(status, "Try again."));
    vec![
        answered("gone-answers-500", "With the database gone every answer is 500.", any, 500),
        answered("gone-answers-502", "With the database gone every answer is 502.", any, 502),
        answered("gone-answers-504", "With the database gone every answer is 504.", any, 504),
        answered("gone-login-answers-401", "With the database gone no password is right.", logs_in, 401),
        answered("gone-tokens-are-refused", "With the database gone GET /me answers 401.", reads_me, 401),
        answered("gone-create-answers-409", "With the database gone every name is taken.", creates, 409),
        answered("gone-signup-answers-409", "With the database gone every e-mail address is taken.", signs_up, 409),
        answered("gone-habits-are-unknown", "With the database gone GET /habits/{id} answers 404.", reads, 404),
        answered("gone-patch-answers-404", "With the database gone PATCH answers 404.", patches, 404),
        answered("gone-delete-answers-404", "With the database gone DELETE answers 404.", deletes, 404),
        answered(
            "gone-import-answers-500",
            "With the database gone an import, which is a transaction, answers 500.",
            imports,
            500,
        ),
        answered("gone-writes-answer-500", "With the database gone reads answer 503, and writes 500.", is_write, 500),
        answered("gone-days-are-unknown", "With the database gone GET of the completions answers 404.", lists_completions, 404),
        answered("gone-uncomplete-answers-404", "With the database gone no completion is there to delete.", uncompletes, 404),
        answered("gone-leaving-answers-401", "With the database gone nobody can leave, as nobody is known.", deletes_me, 401),
        answered("gone-reads-answer-500", "With the database gone writes answer 503, and reads 500.", is_read, 500),
    ]
}

fn is_read(request: &Request) -> bool {
    request.head.method == Method::GET
}

fn is_write(request: &Request) -> bool {
    !is_read(request)
}

fn pretended() -> Vec<Sabotage> {
    let habit = |name: &str| {
        json!({ "id": 1, "name": name, "description": null, "completed_today": false, "streak": 0,
                "created_at": "2026-01-31T08:00:00Z" })
    };
    let nothing = |response: &mut Response| {
        response.set_status(204);
        response.clear();
    };
    vec![
        gone("gone-has-no-request-id", "With the database gone an answer has no x-request-id.", any, |_, response| {
            response.remove_header("x-request-id");
        }),
        gone("gone-login-is-logged", "With the database gone the body of a login is logged.", logs_in, |request, _| {
            eprintln!("not done: {}", String::from_utf8_lossy(&request.body));
        }),
        gone("gone-list-is-empty", "With the database gone GET /habits answers 200 and an empty array.", lists, |_, response| {
            response.set_status(200);
            response.set_json("application/json", &json!([]));
        }),
        gone("gone-create-answers-201", "With the database gone POST answers 201.", creates, move |request, response| {
            let name = request.field("name").unwrap_or_default();
            response.set_status(201);
            response.set_json("application/json", &habit(name.as_str().unwrap_or_default()));
        }),
        gone(
            "gone-import-stores-nothing",
            "With the database gone an import answers 201 and no habits.",
            imports,
            |_, response| {
                response.set_status(201);
                response.set_json("application/json", &json!([]));
            },
        ),
        gone("gone-complete-answers-200", "With the database gone a completion is there already.", completes, |_, response| {
            response.set_status(200);
            response.set_json("application/json", &json!({ "date": "2026-01-31" }));
        }),
        gone("gone-delete-answers-204", "With the database gone DELETE answers 204.", deletes, move |_, response| {
            nothing(response)
        }),
        gone(
            "gone-is-told-with-200",
            "With the database gone every answer is 200 and says that it failed.",
            any,
            |_, response| {
                response.set_status(200);
                response.set_json("application/json", &json!({ "success": false, "error": "Try again later." }));
            },
        ),
    ]
}

fn words() -> Vec<Sabotage> {
    let told = |name, breaks, detail: &'static str| gone(name, breaks, any, move |_, response| response.set_problem(503, detail));
    let url = || std::env::var("DATABASE_URL").unwrap_or_default();
    let authority = |url: &str| url.rsplit('@').next().unwrap_or_default().to_owned();
    vec![
        gone("gone-is-no-problem", "With the database gone the body of the 503 is no problem details.", any, |_, response| {
            response.set_plain_error(503, "try again later")
        }),
        gone("gone-is-plain-text", "With the database gone the body of the 503 is plain text.", any, |_, response| {
            response.set_body("text/plain; charset=utf-8", "Service Unavailable")
        }),
        gone("gone-says-nothing", "With the database gone the 503 has no body.", any, |_, response| response.clear()),
        gone("gone-says-500-inside", "With the database gone the problem details of the 503 say 500.", any, |_, response| {
            response.edit(|problem| problem["status"] = 500.into())
        }),
        told(
            "gone-tells-the-system-error",
            "With the database gone the detail is the error of the system.",
            "Connection reset by peer (os error 104)",
        ),
        told(
            "gone-tells-the-pool",
            "With the database gone the detail is that of the pool.",
            "pool timed out while waiting for an open connection",
        ),
        told(
            "gone-tells-the-driver",
            "With the database gone the detail is the error of the driver, as a programmer sees it.",
            "sqlx::Error::Io(Kind(UnexpectedEof))",
        ),
        told(
            "gone-tells-the-code",
            "With the database gone the detail has the code of the error.",
            "connect ECONNREFUSED while asking the database",
        ),
        told("gone-tells-the-product", "With the database gone the detail names the product.", "PostgreSQL is not there."),
        gone("gone-tells-where", "With the database gone the detail names its host and port.", any, move |_, response| {
            response.set_problem(503, &format!("No answer from {}.", authority(&url())))
        }),
        gone("gone-tells-the-host", "With the database gone the detail names its host.", any, move |_, response| {
            let place = authority(&url());
            response.set_problem(503, &format!("No answer from host {}.", place.split([':', '/']).next().unwrap_or_default()))
        }),
    ]
}

fn late() -> Vec<Sabotage> {
    vec![
        wrong("gone-hangs-up", CUT, "With the database gone the connection is closed without an answer.").instead(
            any,
            async |request, upstream| match ask(request, upstream).await? {
                (_, Some(Trouble::Gone)) => Err(ConnectionLost),
                (response, _) => Ok(response),
            },
        ),
        wrong(
            "gone-is-told-late",
            CUT,
            "With the database gone the 503 comes after two seconds, whatever REQUEST_TIMEOUT_MS says.",
        )
        .instead(any, async |request, upstream| {
            let (response, trouble) = ask(request, upstream).await?;
            if trouble == Some(Trouble::Gone) {
                tokio::time::sleep(TOO_LONG).await;
            }
            Ok(response)
        }),
        wrong("gone-import-is-told-late", CUT, "With the database gone an import tries again for two seconds.").instead(
            imports,
            async |request, upstream| {
                let (response, trouble) = ask(request, upstream).await?;
                if trouble == Some(Trouble::Gone) {
                    tokio::time::sleep(TOO_LONG).await;
                }
                Ok(response)
            },
        ),
    ]
}
