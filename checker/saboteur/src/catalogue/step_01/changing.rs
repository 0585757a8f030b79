//! Wrong ways to change a habit: PATCH and PUT.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use hyper::Method;
use serde_json::{Value, json};

use crate::api::habits::read_habit;
use crate::api::history::History;
use crate::api::routes::{any, patches, puts};
use crate::clock;
use crate::http::{ConnectionLost, Request, Response, Upstream};
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [patching(), putting()].into_iter().flatten().collect()
}

fn patching() -> Vec<Sabotage> {
    let history = History::new();
    let neighbors = history.clone();
    let unknown = [History::new(), History::new(), History::new(), History::new()];
    let [ok, upsert, error, deleted] = unknown.clone();
    let [ok_history, upsert_history, error_history, deleted_history] = unknown;
    vec![
        wrong("patch-ignores-completed", &["1.patch-completes"], "PATCH ignores completed_today.")
            .request(patches, |request| request.edit(|change| drop(change.remove("completed_today")))),
        wrong("patch-never-uncompletes", &["1.patch-completes"], "PATCH treats false as \"not sent\".")
            .request(patches, |request| request.edit(|change| change.retain(|_, value| *value != json!(false)))),
        wrong("patch-toggles", &["1.patch-completes"], "PATCH toggles completed_today, whatever was sent.").instead(
            patches,
            async |mut request, upstream| {
                if request.field("completed_today").is_some() {
                    let before = read_habit(&request, upstream).await?;
                    request.set_field("completed_today", before["completed_today"] == json!(false));
                }
                upstream.send(request).await
            },
        ),
        wrong(
            "patch-answers-the-old-habit",
            &["1.patch-completes"],
            "PATCH answers the habit as it was before completed_today changed.",
        )
        .instead(patches, async |request, upstream| {
            let before = read_habit(&request, upstream).await?;
            let completes = request.field("completed_today").is_some();
            let mut response = upstream.send(request).await?;
            if completes && response.is_success() {
                response.edit(|habit| *habit = before);
            }
            Ok(response)
        }),
        wrong(
            "patch-is-not-stored",
            &["1.patch-completes"],
            "PATCH changes completed_today in its response but does not store it.",
        )
        .instead(patches, async |request, upstream| {
            let before = read_habit(&request, upstream).await?;
            let response = upstream.send(request.clone()).await?;
            if request.field("completed_today").is_some() && response.is_success() {
                let undo = json!({ "completed_today": before["completed_today"] });
                upstream.send(request.another(Method::PATCH, request.path(), Some(&undo))).await?;
            }
            Ok(response)
        }),
        wrong("patch-answers-204", &["1.patch-completes", "1.patch-null-clears"], "PATCH answers 204 without the habit.")
            .response(patches, |_, response| {
                if response.is_success() {
                    response.set_status(204);
                    response.clear();
                }
            }),
        wrong("patch-resets-completed", &["1.patch-partial"], "PATCH without completed_today sets it to false.").request(
            patches,
            |request| {
                if changes_something(request) && request.field("completed_today").is_none() {
                    request.set_field("completed_today", false);
                }
            },
        ),
        wrong("patch-resets-the-description", &["1.patch-partial"], "PATCH without a description removes it.").request(
            patches,
            |request| {
                if changes_something(request) && request.field("description").is_none() {
                    request.set_field("description", Value::Null);
                }
            },
        ),
        wrong("patch-ignores-the-name", &["1.patch-partial"], "PATCH does not change the name.")
            .request(patches, |request| request.edit(|change| drop(change.remove("name")))),
        wrong("patch-ignores-the-description", &["1.patch-partial"], "PATCH can remove a description, but not change it.")
            .request(patches, |request| {
                request.edit(|change| change.retain(|field, value| field != "description" || value.is_null()))
            }),
        wrong(
            "patch-renews-created-at",
            &["1.patch-partial"],
            "PATCH of the name or the description sets created_at to the current time.",
        )
        .renew_created_at(|request| {
            patches(request) && ["name", "description"].iter().any(|field| request.field(field).is_some_and(|it| !it.is_null()))
        }),
        wrong("patch-changes-every-habit", &["1.patch-partial"], "PATCH changes every habit.").recording(&history).instead(
            patches,
            async move |request, upstream| {
                let response = upstream.send(request.clone()).await?;
                for id in neighbors.existing().into_iter().filter(|_| response.is_success()) {
                    let mut another = request.clone();
                    another.set_last_segment(id);
                    upstream.send(another).await?;
                }
                Ok(response)
            },
        ),
        wrong("patch-refuses-nothing-to-do", &["1.patch-empty"], "PATCH answers 400 when no field was sent.")
            .response(is_empty_patch, |_, response| response.set_plain_error(400, "no fields to update")),
        wrong("patch-empty-answers-204", &["1.patch-empty"], "PATCH with {} answers 204.").response(
            is_empty_patch,
            |_, response| {
                response.set_status(204);
                response.clear();
            },
        ),
        wrong("patch-empty-resets", &["1.patch-empty"], "PATCH with {} resets the habit to its defaults.")
            .request(is_empty_patch, |request| request.set_json(&json!({ "description": null, "completed_today": false }))),
        wrong("patch-ignores-null", &["1.patch-null-clears"], "PATCH treats null as \"not sent\".")
            .request(patches, |request| request.edit(|change| change.retain(|_, value| !value.is_null()))),
        wrong("patch-refuses-null", &["1.patch-null-clears"], "PATCH answers 400 to a null description.")
            .response(clears_description, |_, response| response.set_plain_error(400, "description must be a string")),
        wrong("patch-stores-empty-for-null", &["1.patch-null-clears"], "PATCH stores an empty description instead of null.")
            .request(clears_description, |request| request.set_field("description", "")),
        wrong("patch-stores-null-as-text", &["1.patch-null-clears"], "PATCH stores the string \"null\" instead of null.")
            .request(clears_description, |request| request.set_field("description", "null")),
        wrong("patch-unknown-answers-200", &["1.patch-unknown"], "PATCH answers 200 for an unknown habit.")
            .recording(&ok_history)
            .response(patches, move |request, response| {
                if ok.never_existed(request) {
                    response.set_status(200);
                    response.set_json("application/json", &json!({}));
                }
            }),
        wrong("patch-unknown-creates", &["1.patch-unknown"], "PATCH of an unknown habit creates one.")
            .recording(&upsert_history)
            .instead(patches, async move |request, upstream| match upsert.never_existed(&request) {
                true => upstream.send(request.another(Method::POST, "/habits", Some(&json!({ "name": "unnamed" })))).await,
                false => upstream.send(request).await,
            }),
        wrong("patch-answers-200-for-the-deleted", &["1.patch-unknown"], "PATCH answers 200 for a deleted habit.")
            .recording(&deleted_history)
            .response(patches, move |request, response| {
                if deleted.was_deleted(request) {
                    response.set_status(200);
                    response.set_json("application/json", &json!({ "id": request.id(), "completed_today": true }));
                }
            }),
        wrong("patch-unknown-answers-500", &["1.patch-unknown"], "PATCH answers 500 for an unknown habit.")
            .recording(&error_history)
            .response(patches, move |request, response| {
                if error.never_existed(request) {
                    response.set_plain_error(500, "no such key")
                }
            }),
    ]
}

fn putting() -> Vec<Sabotage> {
    let unknown = [History::new(), History::new()];
    let [upsert, ok] = unknown.clone();
    let [upsert_history, ok_history] = unknown;
    vec![
        wrong("put-merges", &["1.put-replaces"], "PUT keeps the fields that were not sent, as PATCH does.")
            .request(puts, |request| request.head.method = Method::PATCH),
        wrong("put-keeps-completed", &["1.put-replaces"], "PUT keeps completed_today when it was not sent.")
            .instead(puts, async |request, upstream| keep("completed_today", request, upstream).await),
        wrong("put-keeps-the-description", &["1.put-replaces"], "PUT keeps the description when it was not sent.")
            .instead(puts, async |request, upstream| keep("description", request, upstream).await),
        wrong("put-ignores-completed", &["1.put-replaces"], "PUT always sets completed_today to false.")
            .request(puts, |request| request.edit(|habit| drop(habit.remove("completed_today")))),
        wrong("put-answers-204", &["1.put-replaces"], "PUT answers 204 without the habit.").response(puts, |_, response| {
            if response.is_success() {
                response.set_status(204);
                response.clear();
            }
        }),
        wrong("put-answers-201", &["1.put-replaces"], "PUT answers 201 though it creates nothing.").response(
            puts,
            |_, response| {
                if response.is_success() {
                    response.set_status(201)
                }
            },
        ),
        wrong("put-renews-created-at", &["1.put-replaces"], "PUT sets created_at to the current time.").renew_created_at(puts),
        wrong("put-is-missing", &["1.put-replaces", "1.put-unknown"], "PUT answers 405.")
            .response(puts, |_, response| response.set_plain_error(405, "method not allowed")),
        wrong("put-unknown-creates", &["1.put-unknown"], "PUT of an unknown habit creates one.")
            .recording(&upsert_history)
            .instead(puts, async move |request, upstream| match upsert.never_existed(&request) {
                true => {
                    let body = Value::Object(request.json().unwrap_or_default());
                    upstream.send(request.another(Method::POST, "/habits", Some(&body))).await
                }
                false => upstream.send(request).await,
            }),
        wrong("put-unknown-answers-200", &["1.put-unknown"], "PUT answers 200 for an unknown habit.")
            .recording(&ok_history)
            .response(puts, move |request, response| {
                if ok.never_existed(request) {
                    response.set_status(200);
                    response.set_json("application/json", &json!({}));
                }
            }),
    ]
}

impl Sabotage {
    /// Sets `created_at` of the habit in the path to the current time, in all later responses.
    fn renew_created_at(self, when: impl Fn(&Request) -> bool + 'static) -> Self {
        let renewed: Rc<RefCell<BTreeMap<i64, String>>> = Rc::default();
        let moments = renewed.clone();
        let renew = move |request: &mut Request| drop(request.id().map(|id| renewed.borrow_mut().insert(id, clock::now())));
        self.request(when, renew).response(any, move |_, response| {
            response.edit_habits(|habit| {
                if let Some(moment) = habit["id"].as_i64().and_then(|id| moments.borrow().get(&id).cloned()) {
                    habit.insert("created_at".into(), moment.into());
                }
            });
        })
    }
}

/// PUT that keeps a stored field if it was not sent.
async fn keep(field: &str, mut request: Request, upstream: &Upstream) -> Result<Response, ConnectionLost> {
    let before = read_habit(&request, upstream).await?;
    if request.field(field).is_none() && before.is_object() {
        request.set_field(field, before[field].clone());
    }
    upstream.send(request).await
}

fn changes_something(request: &Request) -> bool {
    request.json().is_some_and(|change| !change.is_empty())
}

fn is_empty_patch(request: &Request) -> bool {
    patches(request) && request.json().is_some_and(|change| change.is_empty())
}

fn clears_description(request: &Request) -> bool {
    patches(request) && request.field("description") == Some(Value::Null)
}
