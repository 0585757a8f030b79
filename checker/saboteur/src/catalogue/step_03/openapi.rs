//! Routes that the OpenAPI document omits.

use serde_json::{Map, Value};

use crate::http::Request;
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    let edit_paths = |name, breaks, change: fn(&mut Map<String, Value>)| {
        wrong(name, &["3.openapi"], breaks).response(is_document, move |_, response| {
            response.edit(|document| {
                if let Some(paths) = document["paths"].as_object_mut() {
                    change(paths)
                }
            })
        })
    };
    vec![
        edit_paths("import-is-not-documented", "The OpenAPI document lacks the import.", |paths| {
            paths.retain(|path, _| !path.ends_with("/import"))
        }),
        edit_paths("completions-are-not-documented", "The OpenAPI document lacks the completions.", |paths| {
            paths.retain(|path, _| !path.contains("/completions"))
        }),
        edit_paths("uncomplete-is-not-documented", "The OpenAPI document lacks DELETE of a completion.", |paths| {
            for (_, methods) in paths.iter_mut().filter(|(path, _)| path.contains("/completions/")) {
                methods.as_object_mut().map(|methods| methods.remove("delete"));
            }
        }),
    ]
}

fn is_document(request: &Request) -> bool {
    request.path() == "/openapi.json"
}
