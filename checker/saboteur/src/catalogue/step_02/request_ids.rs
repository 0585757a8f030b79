//! Wrong request ids, in headers and in the log.

use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;

use super::errors::is_unknown_route;
use super::log_lines::is_error;
use crate::api::routes::{any, deletes, patches};
use crate::http::{Request, Response};
use crate::log::Line;
use crate::sabotage::{Sabotage, wrong};

/// The header that connects a request with its log line.
const ID: &str = "x-request-id";

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [request_ids(), logged_ids()].into_iter().flatten().collect()
}

fn request_ids() -> Vec<Sabotage> {
    let on_response =
        |name, breaks, change: fn(&Request, &mut Response)| wrong(name, &["2.request-id-made"], breaks).response(any, change);
    let change_safe_id = |name, breaks, change: fn(&str) -> String| {
        wrong(name, &["2.request-id-echoed"], breaks).request(has_safe_id, move |request| {
            let id = change(request.header(ID).unwrap_or_default());
            request.set_header(ID, &id);
        })
    };
    let return_unsafe_id = |name, breaks, change: fn(&str) -> String| {
        wrong(name, &["2.request-id-replaced"], breaks).response(has_unsafe_id, move |request, response| {
            let given = request.head.headers[ID].as_bytes();
            let id = change(&String::from_utf8_lossy(given));
            if let Ok(id) = id.as_bytes().try_into() {
                response.head.headers.insert(ID, id);
            }
        })
    };
    vec![
        on_response("request-id-is-missing", "No response has an x-request-id.", |_, response| response.remove_header(ID)),
        on_response("errors-have-no-request-id", "Error responses have no x-request-id.", |_, response| {
            if !response.is_success() {
                response.remove_header(ID)
            }
        }),
        on_response(
            "unknown-route-has-no-request-id",
            "The response of an unknown route has no x-request-id.",
            |request, response| {
                if is_unknown_route(request) {
                    response.remove_header(ID);
                }
            },
        ),
        on_response(
            "refused-body-has-no-request-id",
            "The response to a body that cannot be parsed has no x-request-id.",
            |_, response| {
                if matches!(response.status(), 400 | 415) {
                    response.remove_header(ID);
                }
            },
        ),
        on_response(
            "changes-have-no-request-id",
            "The responses to PATCH and DELETE have no x-request-id.",
            |request, response| {
                if patches(request) || deletes(request) {
                    response.remove_header(ID);
                }
            },
        ),
        on_response("request-id-is-always-the-same", "Every response has the same x-request-id.", |_, response| {
            response.set_header(ID, "habits-1")
        }),
        on_response("request-id-is-of-the-route", "The x-request-id is made of the method and the path.", |request, response| {
            let id = format!("{}{}", request.head.method, request.path().replace('/', "-"));
            response.set_header(ID, &id);
        }),
        wrong("request-id-is-ignored", &["2.request-id-echoed"], "The caller's x-request-id is always replaced by a new one.")
            .request(any, |request| drop(request.head.headers.remove(ID))),
        wrong(
            "request-id-is-ignored-by-errors",
            &["2.request-id-echoed"],
            "Error responses have a new x-request-id instead of the caller's.",
        )
        .request(is_unknown_route, |request| drop(request.head.headers.remove(ID))),
        wrong(
            "request-id-allows-few-characters",
            &["2.request-id-echoed"],
            "An x-request-id with a dot or an underscore is treated as unsafe.",
        )
        .request(
            |request| request.header(ID).is_some_and(|id| id.contains(['.', '_'])),
            |request| drop(request.head.headers.remove(ID)),
        ),
        change_safe_id("request-id-gets-a-prefix", "The caller's x-request-id is returned with a prefix.", |id| {
            format!("req-{id}")
        }),
        change_safe_id("request-id-in-lower-case", "The caller's x-request-id is returned in lower case.", str::to_lowercase),
        change_safe_id("request-id-is-cut", "The caller's x-request-id is truncated to 64 characters.", |id| {
            id.chars().take(64).collect()
        }),
        return_unsafe_id("unsafe-request-id-is-echoed", "The caller's unsafe x-request-id is returned.", str::to_owned),
        return_unsafe_id("long-request-id-is-echoed", "The length of the caller's x-request-id is not checked.", |id| {
            if id.chars().all(is_safe) && !id.is_empty() { id.to_owned() } else { fresh_id() }
        }),
        return_unsafe_id("odd-request-id-is-echoed", "The characters of the caller's x-request-id are not checked.", |id| {
            if (1..=128).contains(&id.len()) { id.to_owned() } else { fresh_id() }
        }),
        return_unsafe_id(
            "request-id-allows-many-characters",
            "A colon, a plus and an at sign are treated as safe in an x-request-id.",
            |id| {
                let lenient = |c| is_safe(c) || ":+@".contains(c);
                if (1..=128).contains(&id.len()) && id.chars().all(lenient) { id.to_owned() } else { fresh_id() }
            },
        ),
        return_unsafe_id("unsafe-request-ids-become-one", "Every unsafe x-request-id is replaced by the same one.", |_| {
            "replaced".into()
        }),
        return_unsafe_id("empty-request-id-is-echoed", "The caller's empty x-request-id is returned.", |id| {
            if id.is_empty() { String::new() } else { fresh_id() }
        }),
        return_unsafe_id(
            "unsafe-request-id-is-cleaned",
            "The caller's unsafe x-request-id is returned without its unsafe characters.",
            |id| {
                let cleaned: String = id.chars().filter(|c| is_safe(*c)).take(128).collect();
                if cleaned.is_empty() { fresh_id() } else { cleaned }
            },
        ),
        wrong("unsafe-request-id-is-refused", &["2.request-id-replaced"], "A request with an unsafe x-request-id answers 400.")
            .response(has_unsafe_id, |_, response| response.set_plain_error(400, "bad x-request-id")),
    ]
}

fn logged_ids() -> Vec<Sabotage> {
    let change_logged_id = |name, breaks, change: fn(&str, &str) -> String| {
        let recent: Rc<RefCell<VecDeque<String>>> = Rc::default();
        let ids = recent.clone();
        wrong(name, &["2.request-id-logged"], breaks)
            .request(
                |request| !has_unsafe_id(request),
                move |request| {
                    // The proxy assigns the id, so that it is known before the line is written.
                    let id = request.header(ID).map_or_else(fresh_id, str::to_owned);
                    request.set_header(ID, &id);
                    let mut recent = recent.borrow_mut();
                    recent.push_back(id);
                    if recent.len() > 100 {
                        recent.pop_front();
                    }
                },
            )
            .log_line(move |mut line| {
                for id in ids.borrow().iter().filter(|id| id.len() > 4) {
                    if line.text.contains(id) {
                        line.text = change(&line.text, id);
                    }
                }
                vec![line]
            })
    };
    let given: Rc<RefCell<BTreeSet<String>>> = Rc::default();
    let hidden = given.clone();
    vec![
        wrong("caller-id-is-not-logged", &["2.request-id-logged"], "The caller's x-request-id is returned but not logged.")
            .request(has_safe_id, move |request| given.borrow_mut().extend(request.header(ID).map(str::to_owned)))
            .log_line(move |line| {
                let hide = |text: String, id: &String| if id.len() > 4 { text.replace(id, "-") } else { text };
                let text = hidden.borrow().iter().fold(line.text, hide);
                vec![Line { text, ..line }]
            }),
        change_logged_id("request-id-is-not-logged", "The log line has no request id.", |line, id| line.replace(id, "-")),
        change_logged_id("log-has-another-id", "The log line has a different request id than the response.", |line, id| {
            line.replace(id, &fresh_id())
        }),
        change_logged_id("log-has-a-short-id", "The log line has only the first characters of the request id.", |line, id| {
            line.replace(id, &id[..id.len().min(8)])
        }),
        change_logged_id("errors-are-logged-without-id", "The log line of an error response has no request id.", |line, id| {
            match is_error(line) {
                true => line.replace(id, "-"),
                false => line.to_owned(),
            }
        }),
    ]
}

fn is_safe(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._-".contains(c)
}

fn has_safe_id(request: &Request) -> bool {
    request.header(ID).is_some_and(|id| (1..=128).contains(&id.len()) && id.chars().all(is_safe))
}

fn has_unsafe_id(request: &Request) -> bool {
    request.head.headers.contains_key(ID) && !has_safe_id(request)
}

fn fresh_id() -> String {
    format!("{:032x}", fastrand::u128(..))
}
