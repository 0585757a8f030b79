//! Wrong ways to serve the routes below `/v1`.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use serde_json::json;

use crate::api::routes::{creates, deletes, is_v1, patches, puts};
use crate::http::Request;
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    let lose = |request: &mut Request| request.set_path("/v1-is-missing");
    let own: Rc<RefCell<BTreeSet<i64>>> = Rc::default();
    let visible = own.clone();
    vec![
        wrong("v1-is-missing", &["2.v1"], "There is no /v1.").request(is_v1, lose),
        wrong("v1-has-no-habits", &["2.v1"], "/v1 has /habits but not /habits/{id}.")
            .request(|request| is_v1(request) && request.id_text().is_some(), lose),
        wrong("v1-cannot-change", &["2.v1"], "/v1 has neither PATCH nor DELETE.").response(
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
        wrong("v1-has-its-own-habits", &["2.v1"], "Habits created under /v1 do not exist without it.")
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
        wrong("v1-has-other-errors", &["2.v1"], "Errors under /v1 are not problem details.").response(is_v1, |_, response| {
            if !response.is_success() {
                response.set_plain_error(response.status(), "error");
            }
        }),
    ]
}
