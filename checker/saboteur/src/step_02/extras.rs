//! Wrong ways to offer what HTTP has besides: versions, compression, HEAD and OPTIONS.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::io::Write;
use std::rc::Rc;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use hyper::Method;
use serde_json::json;

use crate::api::routes::{any, creates, deletes, is_v1, lists, patches, puts};
use crate::http::{Request, Response, gzip};
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [versions(), compression(), head(), options()].into_iter().flatten().collect()
}

fn versions() -> Vec<Sabotage> {
    let lose = |request: &mut Request| request.set_path("/v1-is-missing");
    let own: Rc<RefCell<BTreeSet<i64>>> = Rc::default();
    let visible = own.clone();
    vec![
        wrong("v1-is-missing", &["2.v1"], "There is no /v1.").request(is_v1, lose),
        wrong("v1-has-no-habits", &["2.v1"], "/v1 has the list, but not /habits/{id}.")
            .request(|request| is_v1(request) && request.id_text().is_some(), lose),
        wrong("v1-cannot-change", &["2.v1"], "/v1 has GET and POST alone.").response(
            |request| is_v1(request) && (patches(request) || deletes(request)),
            |_, response| response.set_problem_status(405),
        ),
        wrong("v1-has-no-put", &["2.v1"], "/v1 has everything but PUT.")
            .response(|request| is_v1(request) && puts(request), |_, response| response.set_problem_status(405)),
        wrong("v1-redirects", &["2.v1"], "/v1 redirects to the routes without it.").response(is_v1, |request, response| {
            response.set_status(308);
            response.clear();
            response.set_header("location", request.path());
        }),
        wrong("v1-has-its-own-habits", &["2.v1"], "Habits created under /v1 are not seen without it.")
            .response(|request| is_v1(request) && creates(request), move |_, response| own.borrow_mut().extend(response.id()))
            .response(
                move |request| !is_v1(request) && request.id().is_some_and(|id| visible.borrow().contains(&id)),
                |_, response| {
                    response.set_status(404);
                    response.set_json(
                        "application/problem+json",
                        &json!({ "title": "Not Found", "status": 404, "detail": "no such habit" }),
                    );
                },
            ),
        wrong("v1-has-other-errors", &["2.v1"], "Errors under /v1 are no problem details.").response(is_v1, |_, response| {
            if !response.is_success() {
                response.set_plain_error(response.status(), "error");
            }
        }),
    ]
}

fn compression() -> Vec<Sabotage> {
    let asked = |request: &Request| lists(request) && request.head.headers.contains_key("accept-encoding");
    let packed = |name, breaks, spoil: fn(&mut Response)| {
        wrong(name, &["2.compression"], breaks).response(asked, move |_, response| {
            if response.head.headers.contains_key("content-encoding") {
                spoil(response)
            }
        })
    };
    let plain = |request: &mut Request| drop(request.head.headers.remove("accept-encoding"));
    let pack = |encoding: &'static str, body: fn(&[u8]) -> Vec<u8>| {
        move |_: &Request, response: &mut Response| {
            let packed = body(&response.body);
            response.set_bytes(packed);
            response.set_header("content-encoding", encoding);
        }
    };
    let after_a_long_habit = Rc::new(Cell::new(false));
    let before = after_a_long_habit.clone();
    vec![
        wrong("nothing-is-compressed", &["2.compression"], "Nothing is compressed.").request(any, plain),
        // Other checks read the list as it is, so only a list right after a habit with a description of 100 to 200 characters is packed.
        wrong("lists-are-always-compressed", &["2.compression"], "A list is compressed though nobody asked for it.")
            .request(lists, move |request| {
                if before.get() {
                    request.set_header("accept-encoding", "gzip")
                }
            })
            .response(any, move |request, _| {
                let described = (100..200).contains(&request.text("description").chars().count());
                after_a_long_habit.set(creates(request) && described);
            }),
        wrong("refused-coding-is-used", &["2.compression"], "gzip;q=0 counts as asking for gzip.").request(
            |request| request.header("accept-encoding").is_some_and(|it| it.contains("gzip")),
            |request| request.set_header("accept-encoding", "gzip"),
        ),
        wrong("identity-is-compressed", &["2.compression"], "Any Accept-Encoding counts as asking for gzip.").request(
            |request| request.head.headers.contains_key("accept-encoding"),
            |request| request.set_header("accept-encoding", "gzip"),
        ),
        wrong("gzip-for-br", &["2.compression"], "Asked for br alone, the server answers gzip.").request(
            |request| request.header("accept-encoding") == Some("br"),
            |request| request.set_header("accept-encoding", "gzip"),
        ),
        wrong("plain-body-says-gzip", &["2.compression"], "The answer says gzip, and is not compressed.")
            .request(asked, plain)
            .response(asked, pack("gzip", <[u8]>::to_vec)),
        wrong("deflate-for-gzip", &["2.compression"], "Asked for gzip, the server answers deflate.")
            .request(asked, plain)
            .response(
                asked,
                pack("deflate", |body| {
                    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
                    let _ = encoder.write_all(body);
                    encoder.finish().unwrap_or_default()
                }),
            ),
        wrong("gzip-saves-nothing", &["2.compression"], "The answer is packed without being any shorter.")
            .request(asked, plain)
            .response(asked, pack("gzip", |body| gzip(body, Compression::none()))),
        packed("compressed-without-saying", "The answer is compressed, and does not say so.", |response| {
            response.remove_header("content-encoding")
        }),
        packed("compressed-body-is-cut", "The end of a compressed answer is missing.", |response| {
            response.set_bytes(response.body.slice(..response.body.len() - 12))
        }),
    ]
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
