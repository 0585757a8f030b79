//! Wrong ways to delete a habit.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use hyper::Method;
use serde_json::{Value, json};

use crate::api::habits::read_habit;
use crate::api::history::History;
use crate::api::routes::{deletes, lists};
use crate::http::{ConnectionLost, Request, Response, Upstream};
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    let hidden: Rc<RefCell<BTreeSet<i64>>> = Rc::default();
    let hide = hidden.clone();
    let deleted: Rc<RefCell<Vec<Value>>> = Rc::default();
    let remember = deleted.clone();
    let again = [History::new(), History::new(), History::new(), History::new()];
    let [twice, gone, never, error] = again.clone();
    let [twice_history, gone_history, never_history, error_history] = again;
    let (next, newest) = (History::new(), History::new());
    let (next_history, newest_history) = (next.clone(), newest.clone());
    let kept: RefCell<BTreeSet<i64>> = RefCell::default();
    vec![
        wrong("delete-answers-200", &["1.delete"], "DELETE answers 200 with a message.").response(deletes, |_, response| {
            if response.is_success() {
                response.set_status(200);
                response.set_json("application/json", &json!({ "message": "deleted" }));
            }
        }),
        wrong("delete-does-nothing", &["1.delete"], "DELETE answers 204 and keeps the habit.").instead(
            deletes,
            async move |request, upstream| {
                let first_time = request.id().is_some_and(|id| kept.borrow_mut().insert(id));
                pretend_to_delete(request, upstream, first_time).await
            },
        ),
        wrong("delete-hides-from-the-list-alone", &["1.delete"], "A deleted habit is gone from the list but can still be read.")
            .instead(deletes, async move |request, upstream| {
                let first_time = request.id().is_some_and(|id| hide.borrow_mut().insert(id));
                pretend_to_delete(request, upstream, first_time).await
            })
            .response(lists, move |_, response| {
                response.edit_list(|list| {
                    list.retain(|habit| habit["id"].as_i64().is_none_or(|id| !hidden.borrow().contains(&id)));
                })
            }),
        wrong("delete-leaves-it-in-the-list", &["1.delete"], "A deleted habit cannot be read but stays in the list.")
            .instead(deletes, async move |request, upstream| {
                let habit = read_habit(&request, upstream).await?;
                let response = upstream.send(request).await?;
                if response.is_success() {
                    remember.borrow_mut().push(habit);
                }
                Ok(response)
            })
            .response(lists, move |_, response| {
                response.edit_list(|list| {
                    list.extend(deleted.borrow().iter().cloned());
                    list.sort_by_key(|habit| habit["id"].as_i64());
                })
            }),
        wrong("delete-takes-the-next-along", &["1.delete"], "DELETE removes the habit and the one after it.")
            .recording(&next_history)
            .instead(deletes, async move |request, upstream| {
                let after = next.existing().into_iter().find(|id| Some(*id) > request.id());
                let response = upstream.send(request.clone()).await?;
                if let Some(after) = after.filter(|_| response.is_success()) {
                    upstream.send(request.another(Method::DELETE, &format!("/habits/{after}"), None)).await?;
                }
                Ok(response)
            }),
        wrong("delete-removes-the-newest", &["1.delete"], "DELETE removes the newest habit, whatever the id.")
            .recording(&newest_history)
            .request(deletes, move |request| {
                if let Some(last) =
                    newest.existing().last().filter(|_| !newest.never_existed(request) && !newest.was_deleted(request))
                {
                    request.set_last_segment(last);
                }
            }),
        wrong("delete-again-answers-204", &["1.delete-again"], "DELETE answers 204 for a deleted habit.")
            .response(deletes, move |request, response| {
                if twice.was_deleted(request) {
                    response.set_status(204);
                    response.clear();
                }
            })
            .recording(&twice_history),
        wrong("delete-again-answers-410", &["1.delete-again"], "DELETE answers 410 for a deleted habit.")
            .response(deletes, move |request, response| {
                if gone.was_deleted(request) {
                    response.set_plain_error(410, "gone")
                }
            })
            .recording(&gone_history),
        wrong("delete-unknown-answers-204", &["1.delete-again"], "DELETE answers 204 for a habit that never existed.")
            .recording(&never_history)
            .response(deletes, move |request, response| {
                if never.never_existed(request) {
                    response.set_status(204);
                    response.clear();
                }
            }),
        wrong("delete-unknown-answers-500", &["1.delete-again"], "DELETE answers 500 for a habit that never existed.")
            .recording(&error_history)
            .response(deletes, move |request, response| {
                if error.never_existed(request) {
                    response.set_plain_error(500, "index out of bounds")
                }
            }),
    ]
}

/// Responds as if the habit were deleted: 204 the first time, 404 after that.
async fn pretend_to_delete(request: Request, upstream: &Upstream, first_time: bool) -> Result<Response, ConnectionLost> {
    if !first_time {
        return upstream.send(request.another(Method::DELETE, &format!("/habits/{}", i64::MAX), None)).await;
    }
    let mut response = upstream.send(request.another(Method::GET, request.path(), None)).await?;
    if response.is_success() {
        response.set_status(204);
        response.clear();
    }
    Ok(response)
}
