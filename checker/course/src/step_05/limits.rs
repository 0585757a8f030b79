//! Limits on the size and the nesting depth of a body.

use serde_json::Value;

use super::Stored;
use super::bodies::shapes;
use harness::check::{Check, check};
use harness::habit::Habit;
use harness::problem::expect_problem;
use model::{Exchange, NoResponse, Outcome, Request};
use probe::Response;
use std::rc::Rc;

/// The maximum size of a JSON body: 64 KiB.
const BYTES_MOST: usize = 64 * 1024;
/// A nesting depth that would overflow the stack of a recursive parser.
const DEPTH: usize = 10_000;

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("5.body-limit", "A JSON body of 64 KiB is accepted; a larger one is rejected with 413")
            .book("limits")
            .hints(&[
                "A client that can send 2 MiB in place of a name can send a thousand such requests in parallel: a denial-of-service attack on your memory.",
                "Add the layer `DefaultBodyLimit::max(64 * 1024)` around all routes, and a separate one for the import.",
                "axum's `BytesRejection` and `JsonRejection` have a `status()`: respond with this 413 and problem details.",
            ])
            .proof(async |api| {
                let before = Stored::now(api).await?;
                for shape in shapes(api, &before.habit).await?.iter().filter(|shape| shape.prefix.is_empty()) {
                    for size in [BYTES_MOST + 1, 16 * BYTES_MOST] {
                        expect_too_large(api.http.exchange(shape.with_body(padded(shape.body(), size))).await?)?;
                    }
                }
                let post = Request::new("POST", "/habits").header("content-type", "application/json");
                let name = api.data.name();
                let long = padded(&serde_json::json!({ "name": name }), 16 * BYTES_MOST);
                // A chunked body has no Content-Length. The server may also reject every such body.
                expect_chunked_too_large(api.http.exchange_chunked(post.clone().body(long)).await?)?;
                before.expect_unchanged(api).await?;
                let body = padded(&serde_json::json!({ "name": name }), BYTES_MOST);
                let response = api.http.send(post.body(body)).await?;
                response.status(201)?;
                Habit::of(&response)?.expect(&response, "name", name)?;
                Ok(())
            }),
        check("5.deep-nesting", "JSON nested 10,000 levels deep is rejected with 400, and the server keeps running")
            .book("limits")
            .hints(&[
                "A recursive parser uses stack space for each nesting level. What happens on a stack overflow?",
                "serde_json has a recursion limit of 128 levels and returns a syntax error beyond it: 400. The limit does not apply to fields that serde ignores, so reject unknown fields (`deny_unknown_fields`).",
            ])
            .proof(async |api| {
                let before = Stored::now(api).await?;
                let arrays = nested("[", "", "]");
                let objects = nested("{\"a\":", "1", "}");
                let open = "[".repeat(DEPTH);
                for shape in shapes(api, &before.habit).await? {
                    let field = shape.fields[0].0;
                    let nested_fields = [&arrays, &objects].map(|deep| {
                        let object = format!("{{\"{field}\":{deep}}}");
                        if shape.prefix.is_empty() { object } else { format!("[{object}]") }
                    });
                    for body in nested_fields.into_iter().chain([arrays.clone(), objects.clone(), open.clone()]) {
                        expect_problem(&api.http.send(shape.with_body(body)).await?, [400, 422])?;
                    }
                }
                before.expect_unchanged(api).await
            }),
    ]
}

/// Fails unless the response is 413, or the server closes the connection: it need not read the rest of a rejected body.
fn expect_too_large(exchange: Rc<Exchange>) -> Outcome {
    match &exchange.reply {
        Err(NoResponse::Closed(_)) => Ok(()),
        _ => expect_problem(&Response::of(exchange)?, 413).map(drop),
    }
}

/// The same for a chunked body, which may also be rejected for its encoding.
fn expect_chunked_too_large(exchange: Rc<Exchange>) -> Outcome {
    match &exchange.reply {
        Err(NoResponse::Closed(_)) => Ok(()),
        _ => Response::of(exchange)?.status([413, 411, 400]).map(drop),
    }
}

/// The JSON object, padded with white space to `size` bytes.
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
