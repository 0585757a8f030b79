//! How much a body may be, and how deep.

use serde_json::Value;

use super::Untouched;
use super::bodies::shapes;
use harness::check::{Check, check};
use harness::habit::Habit;
use harness::problem::expect_problem;
use model::{Exchange, NoAnswer, Outcome, Request};
use probe::Answer;
use std::rc::Rc;

/// The most bytes of a JSON body: 64 KiB.
const BYTES_MOST: usize = 64 * 1024;
/// How deep arrays are nested that no stack should have to carry.
const DEPTH: usize = 10_000;

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("5.body-limit", "A JSON body of 64 KiB is read; a longer one is refused by 413")
            .book("limits")
            .hints(&[
                "Whoever may send 2 MiB where a name is expected may send it a thousand times at once.",
                "`DefaultBodyLimit::max(64 * 1024)` around all routes, and a layer of its own for the import.",
                "axum's `BytesRejection` and `JsonRejection` tell their status: pass 413 on as problem details.",
            ])
            .proof(async |api| {
                let before = Untouched::now(api).await?;
                for shape in shapes(api, &before.habit).await?.iter().filter(|shape| shape.prefix.is_empty()) {
                    for size in [BYTES_MOST + 1, 16 * BYTES_MOST] {
                        expect_too_large(api.http.exchange(shape.with_body(padded(shape.body(), size))).await?)?;
                    }
                }
                let post = Request::new("POST", "/habits").header("content-type", "application/json");
                let name = api.data.name();
                let long = padded(&serde_json::json!({ "name": name }), 16 * BYTES_MOST);
                // Nobody has told how long this one is; to refuse such bodies whatever they hold is allowed too.
                expect_unread(api.http.exchange_chunked(post.clone().body(long)).await?)?;
                before.expect(api).await?;
                let body = padded(&serde_json::json!({ "name": name }), BYTES_MOST);
                let answer = api.http.send(post.body(body)).await?;
                answer.status(201)?;
                Habit::of(&answer)?.expect(&answer, "name", name)?;
                Ok(())
            }),
        check("5.deep-nesting", "JSON that is nested 10,000 levels deep is refused by 400, and the server lives on")
            .book("limits")
            .hints(&[
                "A reader that calls itself for each level needs a stack as deep as the body. What ends first?",
                "serde_json stops at 128 levels by itself, with an error of its syntax: 400. What it passes over, it does not count: refuse fields that are not known (`deny_unknown_fields`).",
            ])
            .proof(async |api| {
                let before = Untouched::now(api).await?;
                let arrays = nested("[", "", "]");
                let objects = nested("{\"a\":", "1", "}");
                let open = "[".repeat(DEPTH);
                for shape in shapes(api, &before.habit).await? {
                    let field = shape.fields[0].0;
                    let inside = [&arrays, &objects].map(|deep| {
                        let object = format!("{{\"{field}\":{deep}}}");
                        if shape.prefix.is_empty() { object } else { format!("[{object}]") }
                    });
                    for body in inside.into_iter().chain([arrays.clone(), objects.clone(), open.clone()]) {
                        expect_problem(&api.http.send(shape.with_body(body)).await?, [400, 422])?;
                    }
                }
                before.expect(api).await
            }),
    ]
}

/// Whoever refuses a body need not read the rest, and we may see the closed connection first.
fn expect_too_large(exchange: Rc<Exchange>) -> Outcome {
    match &exchange.reply {
        Err(NoAnswer::Closed(_)) => Ok(()),
        _ => expect_problem(&Answer::of(exchange)?, 413).map(drop),
    }
}

/// The same for a body that comes in chunks.
fn expect_unread(exchange: Rc<Exchange>) -> Outcome {
    match &exchange.reply {
        Err(NoAnswer::Closed(_)) => Ok(()),
        _ => Answer::of(exchange)?.status([413, 411, 400]).map(drop),
    }
}

/// A JSON object of so many bytes.
fn padded(object: &Value, size: usize) -> String {
    let text = object.to_string();
    format!("{{{}{}", " ".repeat(size.saturating_sub(text.len())), &text[1..])
}

fn nested(open: &str, inside: &str, close: &str) -> String {
    format!("{}{inside}{}", open.repeat(DEPTH), close.repeat(DEPTH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_padded_body_is_the_same_json() {
        let object = serde_json::json!({ "name": "read", "completed_today": true });
        let text = padded(&object, 500);
        assert_eq!(text.len(), 500);
        assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), object);
    }
}
