//! Wrong responses to HEAD and OPTIONS.

use hyper::Method;

use crate::http::{Request, Response};
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [head(), options()].into_iter().flatten().collect()
}

fn head() -> Vec<Sabotage> {
    let head = |name, breaks, spoil: fn(&Request, &mut Response)| {
        wrong(name, &["2.head"], breaks).response(|request| request.head.method == Method::HEAD, spoil)
    };
    vec![
        wrong("head-sends-the-body", &["2.head"], "HEAD answers with the body of GET behind the header.").send_body_to_head(),
        head("head-answers-405", "HEAD answers 405.", |_, response| response.set_status(405)),
        head("head-answers-204", "HEAD answers 204 where GET answers 200.", |_, response| {
            if response.is_success() {
                response.set_status(204);
                response.clear();
            }
        }),
        head("head-never-answers-404", "HEAD answers 200 for what is not there.", |_, response| response.set_status(200)),
        head("head-says-another-length", "HEAD says a Content-Length that is not GET's.", |_, response| {
            response.set_header("content-length", "7")
        }),
        head("head-says-another-type", "HEAD says a Content-Type that is not GET's.", |_, response| {
            response.set_header("content-type", "text/plain")
        }),
        head("head-of-a-habit-answers-405", "HEAD answers 405 for /habits/{id}.", |request, response| {
            if request.id().is_some() {
                response.set_status(405)
            }
        }),
    ]
}

fn options() -> Vec<Sabotage> {
    let options = |name, breaks, spoil: fn(&Request, &mut Response)| {
        wrong(name, &["2.options"], breaks).response(|request| request.head.method == Method::OPTIONS, spoil)
    };
    vec![
        options("options-answers-405", "OPTIONS answers 405.", |_, response| response.set_status(405)),
        options("options-answers-404", "OPTIONS answers 404.", |_, response| response.set_status(404)),
        options("options-without-allow", "OPTIONS answers without Allow.", |_, response| response.remove_header("allow")),
        options("options-allows-too-little", "OPTIONS names GET and HEAD alone.", |_, response| {
            response.set_header("allow", "GET, HEAD")
        }),
        options("options-allows-everything", "OPTIONS names every method there is.", |_, response| {
            response.set_header("allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE, CONNECT");
        }),
        options("options-of-a-habit-is-404", "OPTIONS answers 404 for /habits/{id}.", |request, response| {
            if request.id().is_some() {
                response.set_status(404)
            }
        }),
    ]
}
