//! Wrong responses to HEAD and OPTIONS.

use hyper::Method;

use crate::http::{Request, Response};
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [head(), options()].into_iter().flatten().collect()
}

fn head() -> Vec<Sabotage> {
    let on_head = |name, breaks, change: fn(&Request, &mut Response)| {
        wrong(name, &["2.head"], breaks).response(|request| request.head.method == Method::HEAD, change)
    };
    vec![
        wrong("head-sends-the-body", &["2.head"], "The response to HEAD has the body of GET.").send_body_to_head(),
        on_head("head-answers-405", "HEAD answers 405.", |_, response| response.set_status(405)),
        on_head("head-answers-204", "HEAD answers 204 where GET answers 200.", |_, response| {
            if response.is_success() {
                response.set_status(204);
                response.clear();
            }
        }),
        on_head("head-never-answers-404", "HEAD answers 200 for an unknown habit.", |_, response| response.set_status(200)),
        on_head("head-says-another-length", "The Content-Length of HEAD differs from that of GET.", |_, response| {
            response.set_header("content-length", "7")
        }),
        on_head("head-says-another-type", "The Content-Type of HEAD differs from that of GET.", |_, response| {
            response.set_header("content-type", "text/plain")
        }),
        on_head("head-of-a-habit-answers-405", "HEAD answers 405 for /habits/{id}.", |request, response| {
            if request.id().is_some() {
                response.set_status(405)
            }
        }),
    ]
}

fn options() -> Vec<Sabotage> {
    let on_options = |name, breaks, change: fn(&Request, &mut Response)| {
        wrong(name, &["2.options"], breaks).response(|request| request.head.method == Method::OPTIONS, change)
    };
    vec![
        on_options("options-answers-405", "OPTIONS answers 405.", |_, response| response.set_status(405)),
        on_options("options-answers-404", "OPTIONS answers 404.", |_, response| response.set_status(404)),
        on_options("options-without-allow", "The response to OPTIONS has no Allow header.", |_, response| {
            response.remove_header("allow")
        }),
        on_options("options-allows-too-little", "The Allow header of OPTIONS lists only GET and HEAD.", |_, response| {
            response.set_header("allow", "GET, HEAD")
        }),
        on_options("options-allows-everything", "The Allow header of OPTIONS lists every method.", |_, response| {
            response.set_header("allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE, CONNECT");
        }),
        on_options("options-of-a-habit-is-404", "OPTIONS answers 404 for /habits/{id}.", |request, response| {
            if request.id().is_some() {
                response.set_status(404)
            }
        }),
    ]
}
