//! Wrong media types of responses.

use crate::api::routes::{any, creates, lists, patches, puts, reads};
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    vec![
        wrong("json-as-text", &["1.content-type"], "JSON is sent as text/plain.").response(any, |_, response| {
            if response.json().is_some() {
                response.set_header("content-type", "text/plain; charset=utf-8")
            }
        }),
        wrong("create-as-html", &["1.content-type"], "POST sends JSON as text/html.")
            .response(creates, |_, response| response.set_header("content-type", "text/html; charset=utf-8")),
        wrong("list-as-text", &["1.content-type"], "The list is sent as text/plain.")
            .response(lists, |_, response| response.set_header("content-type", "text/plain; charset=utf-8")),
        wrong("habit-as-bytes", &["1.content-type"], "GET /habits/{id} sends application/octet-stream.").response(
            reads,
            |_, response| {
                if response.is_success() {
                    response.set_header("content-type", "application/octet-stream")
                }
            },
        ),
        wrong("put-as-text", &["1.content-type"], "PUT sends JSON as text/plain.").response(puts, |_, response| {
            if response.is_success() {
                response.set_header("content-type", "text/plain; charset=utf-8")
            }
        }),
        wrong("patch-without-type", &["1.content-type"], "PATCH answers without Content-Type.").response(
            patches,
            |_, response| {
                if response.is_success() {
                    response.remove_header("content-type")
                }
            },
        ),
    ]
}
