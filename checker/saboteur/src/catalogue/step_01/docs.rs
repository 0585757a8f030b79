//! Wrong documentation: the page `/docs` and the document `/openapi.json`.

use serde_json::{Map, Value};

use crate::api::routes::gets;
use crate::http::{Request, Response};
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    let page = |request: &Request| gets(request) && request.path().trim_end_matches('/') == "/docs";
    let missing_file = |request: &Request| request.path().starts_with("/docs/no-such-file");
    let document = |request: &Request| gets(request) && request.path() == "/openapi.json";
    let add = |markup: &'static str| {
        move |_: &Request, response: &mut Response| {
            if response.is_success() {
                response.set_bytes([&response.body, markup.as_bytes()].concat());
            }
        }
    };
    vec![
        wrong("docs-are-missing", &["1.docs-page"], "There is no /docs.")
            .response(page, |_, response| response.set_plain_error(404, "not found")),
        wrong("docs-script-from-a-cdn", &["1.docs-page"], "/docs loads its script from another host.")
            .response(page, add("<script src=\"https://cdn.example/swagger-ui-bundle.js\"></script>")),
        wrong("docs-style-from-a-cdn", &["1.docs-page"], "/docs loads a style sheet from another host.")
            .response(page, add("<link rel=\"stylesheet\" href=\"//cdn.example/swagger-ui.css\">")),
        wrong("docs-script-is-missing", &["1.docs-page"], "/docs loads a script that does not exist.")
            .response(page, add("<script src=\"/docs/no-such-file.js\"></script>")),
        wrong("docs-script-is-the-page", &["1.docs-page"], "Every path below /docs answers the page, even that of its script.")
            .response(page, add("<script src=\"/docs/no-such-file.js\"></script>"))
            .response(missing_file, |_, response| {
                response.set_status(200);
                response.set_body("text/html; charset=utf-8", "<!doctype html><title>Habits</title>");
            }),
        wrong("docs-style-imports-from-a-cdn", &["1.docs-page"], "A style sheet of /docs imports one from another host.")
            .response(page, add("<link rel=\"stylesheet\" href=\"/docs/no-such-file.css\">"))
            .response(missing_file, |_, response| {
                response.set_status(200);
                response.set_body("text/css", "@import url(\"https://cdn.example/font.css\"); body { margin: 0 }");
            }),
        wrong("docs-are-plain", &["1.docs-page"], "/docs is plain text with nothing interactive.").response(
            page,
            |_, response| {
                if response.is_success() {
                    response.set_body(
                        "text/html; charset=utf-8",
                        "<!doctype html><title>Habits</title><h1>Habits</h1><p>POST /habits creates a habit.",
                    );
                }
            },
        ),
        wrong("docs-as-text", &["1.docs-page"], "/docs is sent as text/plain.").response(page, |_, response| {
            if response.is_success() {
                response.set_header("content-type", "text/plain")
            }
        }),
        wrong("docs-lead-elsewhere", &["1.docs-page"], "/docs redirects to another host.").response(page, |_, response| {
            response.set_status(302);
            response.clear();
            response.set_header("location", "https://docs.example/habits");
        }),
        wrong("openapi-is-missing", &["1.openapi"], "There is no /openapi.json.")
            .response(document, |_, response| response.set_plain_error(404, "not found")),
        wrong("openapi-is-yaml", &["1.openapi"], "/openapi.json is YAML.")
            .response(document, |_, response| response.set_body("application/yaml", "openapi: 3.1.0\ninfo:\n  title: Habits\n")),
        wrong("openapi-is-swagger-2", &["1.openapi"], "The document is Swagger 2.0.").response(document, |_, response| {
            response.edit(|document| {
                if let Some(fields) = document.as_object_mut() {
                    fields.remove("openapi");
                    fields.insert("swagger".into(), "2.0".into());
                }
            })
        }),
        wrong("openapi-has-no-info", &["1.openapi"], "The document has neither title nor version.")
            .response(document, |_, response| response.edit(|document| remove_field(document, "info"))),
        wrong("openapi-forgets-delete", &["1.openapi"], "The document lacks DELETE /habits/{id}.")
            .response(document, |_, response| {
                response.edit(|document| for_each_path(document, |_, item| remove_field(item, "delete")))
            }),
        wrong("openapi-forgets-the-list", &["1.openapi"], "The document lacks GET /habits.").response(document, |_, response| {
            response.edit(|document| {
                for_each_path(document, |path, item| {
                    if path.ends_with("/habits") {
                        remove_field(item, "get")
                    }
                })
            })
        }),
        wrong("openapi-forgets-the-item", &["1.openapi"], "The document lacks /habits/{id}.").response(
            document,
            |_, response| {
                response.edit(|document| {
                    if let Some(paths) = document["paths"].as_object_mut() {
                        paths.retain(|path, _| !path.contains('{'));
                    }
                })
            },
        ),
        wrong("openapi-forgets-the-parameter", &["1.openapi"], "The document does not declare the id in the path.").response(
            document,
            |_, response| {
                response.edit(|document| {
                    for_each_path(document, |_, item| {
                        remove_field(item, "parameters");
                        for operation in item.as_object_mut().into_iter().flat_map(Map::values_mut) {
                            remove_field(operation, "parameters");
                        }
                    })
                })
            },
        ),
    ]
}

fn for_each_path(document: &mut Value, mut change: impl FnMut(&str, &mut Value)) {
    for (path, item) in document["paths"].as_object_mut().into_iter().flatten() {
        change(path, item);
    }
}

fn remove_field(value: &mut Value, field: &str) {
    if let Some(fields) = value.as_object_mut() {
        fields.remove(field);
    }
}
