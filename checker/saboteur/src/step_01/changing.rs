//! Wrong ways to change a habit: PATCH and PUT.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use hyper::Method;
use serde_json::{Value, json};

use super::{read, wrong};
use crate::clock::now;
use crate::memory::Memory;
use crate::message::{Answer, Request, any, patches, puts};
use crate::sabotage::Sabotage;
use crate::upstream::{Lost, Upstream};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [patching(), putting()].into_iter().flatten().collect()
}

fn patching() -> Vec<Sabotage> {
    let memory = Memory::new();
    let neighbors = memory.clone();
    let unknown = [Memory::new(), Memory::new(), Memory::new(), Memory::new()];
    let [ok, upsert, error, deleted] = unknown.clone();
    let [ok_memory, upsert_memory, error_memory, deleted_memory] = unknown;
    vec![
        wrong("patch-ignores-completed", &["1.patch-completes"], "PATCH does not know completed_today.")
            .request(patches, |request| request.edit(|change| drop(change.remove("completed_today")))),
        wrong("patch-never-uncompletes", &["1.patch-completes"], "PATCH takes false for \"not sent\".")
            .request(patches, |request| request.edit(|change| change.retain(|_, value| *value != json!(false)))),
        wrong("patch-toggles", &["1.patch-completes"], "PATCH turns completed_today around, whatever was sent.").instead(
            patches,
            async |mut request, server| {
                if request.field("completed_today").is_some() {
                    let before = read(&request, server).await?;
                    request.set_field("completed_today", before["completed_today"] == json!(false));
                }
                server.send(request).await
            },
        ),
        wrong(
            "patch-answers-the-old-habit",
            &["1.patch-completes"],
            "PATCH answers the habit as it was before completed_today changed.",
        )
        .instead(patches, async |request, server| {
            let before = read(&request, server).await?;
            let completes = request.field("completed_today").is_some();
            let mut answer = server.send(request).await?;
            if completes && answer.is_success() {
                answer.edit(|habit| *habit = before);
            }
            Ok(answer)
        }),
        wrong("patch-is-not-stored", &["1.patch-completes"], "PATCH changes completed_today in its answer, and nowhere else.")
            .instead(patches, async |request, server| {
                let before = read(&request, server).await?;
                let answer = server.send(request.clone()).await?;
                if request.field("completed_today").is_some() && answer.is_success() {
                    let undo = json!({ "completed_today": before["completed_today"] });
                    server.send(request.another(Method::PATCH, request.path(), Some(&undo))).await?;
                }
                Ok(answer)
            }),
        wrong("patch-answers-204", &["1.patch-completes", "1.patch-null-clears"], "PATCH answers 204 without the habit.").answer(
            patches,
            |_, answer| {
                if answer.is_success() {
                    answer.set_status(204);
                    answer.clear();
                }
            },
        ),
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
            "PATCH of the name or the description makes created_at the present moment.",
        )
        .renewing(|request| {
            patches(request) && ["name", "description"].iter().any(|field| request.field(field).is_some_and(|it| !it.is_null()))
        }),
        wrong("patch-changes-every-habit", &["1.patch-partial"], "PATCH changes every habit there is.")
            .remembering(&memory)
            .instead(patches, async move |request, server| {
                let answer = server.send(request.clone()).await?;
                for id in neighbors.live().into_iter().filter(|_| answer.is_success()) {
                    let mut another = request.clone();
                    another.set_id(id);
                    server.send(another).await?;
                }
                Ok(answer)
            }),
        wrong("patch-refuses-nothing-to-do", &["1.patch-empty"], "PATCH answers 400 when no field was sent.")
            .answer(is_empty_patch, |_, answer| answer.set_plain_error(400, "no fields to update")),
        wrong("patch-empty-answers-204", &["1.patch-empty"], "PATCH with {} answers 204.").answer(is_empty_patch, |_, answer| {
            answer.set_status(204);
            answer.clear();
        }),
        wrong("patch-empty-resets", &["1.patch-empty"], "PATCH with {} returns the habit to its defaults.")
            .request(is_empty_patch, |request| request.set_json(&json!({ "description": null, "completed_today": false }))),
        wrong("patch-ignores-null", &["1.patch-null-clears"], "PATCH takes null for \"not sent\".")
            .request(patches, |request| request.edit(|change| change.retain(|_, value| !value.is_null()))),
        wrong("patch-refuses-null", &["1.patch-null-clears"], "PATCH answers 400 to a description that is null.")
            .answer(clears, |_, answer| answer.set_plain_error(400, "description must be a string")),
        wrong("patch-stores-empty-for-null", &["1.patch-null-clears"], "PATCH stores an empty description in the place of null.")
            .request(clears, |request| request.set_field("description", "")),
        wrong("patch-stores-null-as-text", &["1.patch-null-clears"], "PATCH stores the text \"null\".")
            .request(clears, |request| request.set_field("description", "null")),
        wrong("patch-unknown-answers-200", &["1.patch-unknown"], "PATCH answers 200 for an unknown habit.")
            .remembering(&ok_memory)
            .answer(patches, move |request, answer| {
                if ok.never_saw(request) {
                    answer.set_status(200);
                    answer.set_json("application/json", &json!({}));
                }
            }),
        wrong("patch-unknown-creates", &["1.patch-unknown"], "PATCH creates an unknown habit.")
            .remembering(&upsert_memory)
            .instead(patches, async move |request, server| match upsert.never_saw(&request) {
                true => server.send(request.another(Method::POST, "/habits", Some(&json!({ "name": "unnamed" })))).await,
                false => server.send(request).await,
            }),
        wrong("patch-answers-200-for-the-deleted", &["1.patch-unknown"], "PATCH answers 200 for a habit that was deleted.")
            .remembering(&deleted_memory)
            .answer(patches, move |request, answer| {
                if deleted.saw_go(request) {
                    answer.set_status(200);
                    answer.set_json("application/json", &json!({ "id": request.id(), "completed_today": true }));
                }
            }),
        wrong("patch-unknown-answers-500", &["1.patch-unknown"], "PATCH answers 500 for an unknown habit.")
            .remembering(&error_memory)
            .answer(patches, move |request, answer| {
                if error.never_saw(request) {
                    answer.set_plain_error(500, "no such key")
                }
            }),
    ]
}

fn putting() -> Vec<Sabotage> {
    let unknown = [Memory::new(), Memory::new()];
    let [upsert, ok] = unknown.clone();
    let [upsert_memory, ok_memory] = unknown;
    vec![
        wrong("put-merges", &["1.put-replaces"], "PUT keeps what is left out, as PATCH does.")
            .request(puts, |request| request.head.method = Method::PATCH),
        wrong("put-keeps-completed", &["1.put-replaces"], "PUT keeps completed_today when it is left out.")
            .instead(puts, async |request, server| keep("completed_today", request, server).await),
        wrong("put-keeps-the-description", &["1.put-replaces"], "PUT keeps the description when it is left out.")
            .instead(puts, async |request, server| keep("description", request, server).await),
        wrong("put-ignores-completed", &["1.put-replaces"], "PUT always sets completed_today to false.")
            .request(puts, |request| request.edit(|habit| drop(habit.remove("completed_today")))),
        wrong("put-answers-204", &["1.put-replaces"], "PUT answers 204 without the habit.").answer(puts, |_, answer| {
            if answer.is_success() {
                answer.set_status(204);
                answer.clear();
            }
        }),
        wrong("put-answers-201", &["1.put-replaces"], "PUT answers 201 though it creates nothing.").answer(puts, |_, answer| {
            if answer.is_success() {
                answer.set_status(201)
            }
        }),
        wrong("put-renews-created-at", &["1.put-replaces"], "PUT makes created_at the present moment.").renewing(puts),
        wrong("put-is-missing", &["1.put-replaces", "1.put-unknown"], "There is no PUT.")
            .answer(puts, |_, answer| answer.set_plain_error(405, "method not allowed")),
        wrong("put-unknown-creates", &["1.put-unknown"], "PUT creates an unknown habit.").remembering(&upsert_memory).instead(
            puts,
            async move |request, server| match upsert.never_saw(&request) {
                true => {
                    let body = Value::Object(request.json().unwrap_or_default());
                    server.send(request.another(Method::POST, "/habits", Some(&body))).await
                }
                false => server.send(request).await,
            },
        ),
        wrong("put-unknown-answers-200", &["1.put-unknown"], "PUT answers 200 for an unknown habit.")
            .remembering(&ok_memory)
            .answer(puts, move |request, answer| {
                if ok.never_saw(request) {
                    answer.set_status(200);
                    answer.set_json("application/json", &json!({}));
                }
            }),
    ]
}

impl Sabotage {
    /// Makes `created_at` of the habit in the path the present moment, and keeps it so.
    fn renewing(self, when: impl Fn(&Request) -> bool + 'static) -> Self {
        let renewed: Rc<RefCell<BTreeMap<i64, String>>> = Rc::default();
        let moments = renewed.clone();
        let renew = move |request: &mut Request| drop(request.id().map(|id| renewed.borrow_mut().insert(id, now())));
        self.request(when, renew).answer(any, move |_, answer| {
            answer.edit_habits(|habit| {
                if let Some(moment) = habit["id"].as_i64().and_then(|id| moments.borrow().get(&id).cloned()) {
                    habit.insert("created_at".into(), moment.into());
                }
            });
        })
    }
}

/// PUT that takes a field from the stored habit when it is left out.
async fn keep(field: &str, mut request: Request, server: &Upstream) -> Result<Answer, Lost> {
    let before = read(&request, server).await?;
    if request.field(field).is_none() && before.is_object() {
        request.set_field(field, before[field].clone());
    }
    server.send(request).await
}

fn changes_something(request: &Request) -> bool {
    request.json().is_some_and(|change| !change.is_empty())
}

fn is_empty_patch(request: &Request) -> bool {
    patches(request) && request.json().is_some_and(|change| change.is_empty())
}

fn clears(request: &Request) -> bool {
    patches(request) && request.field("description") == Some(Value::Null)
}
