//! Wrong ways to create a habit, and wrong shapes of one.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use hyper::Method;
use serde_json::{Map, Value, json};

use crate::api::routes::{any, creates, gets};
use crate::clock;
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [creating(), shape()].into_iter().flatten().collect()
}

fn creating() -> Vec<Sabotage> {
    vec![
        wrong("create-answers-200", &["1.create"], "POST answers 200 instead of 201.")
            .response(creates, |_, response| response.set_status(200)),
        wrong("create-answers-nothing", &["1.create"], "POST answers 201 without a body.")
            .response(creates, |_, response| response.clear()),
        wrong("create-wraps-the-habit", &["1.create"], "POST answers {\"habit\": …} instead of the habit.")
            .response(creates, |_, response| response.edit(|habit| *habit = json!({ "habit": habit }))),
        wrong("id-is-text", &["1.create"], "The id is a string of digits.")
            .response(any, |_, response| response.edit_habits(|habit| change(habit, "id", |id| id.to_string().into()))),
        wrong("create-leaves-the-name-out", &["1.create"], "POST answers the new habit without its name.")
            .response(creates, |_, response| response.edit_habits(|habit| drop(habit.remove("name")))),
        wrong("create-capitalizes-the-name", &["1.create"], "A new habit's name gets a capital letter.")
            .request(creates, |request| request.edit_texts("name", capitalized)),
    ]
}

fn shape() -> Vec<Sabotage> {
    let touched: Rc<RefCell<BTreeSet<i64>>> = Rc::default();
    let changed = touched.clone();
    vec![
        wrong("new-habit-has-no-description", &["1.habit-shape"], "A new habit lacks its description until one is set.")
            .request(any, move |request| {
                if !creates(request) && !gets(request) {
                    changed.borrow_mut().extend(request.id())
                }
            })
            .response(any, move |_, response| {
                response.edit_habits(|habit| {
                    let untouched = habit["id"].as_i64().is_some_and(|id| !touched.borrow().contains(&id));
                    if untouched && habit["description"].is_null() {
                        habit.remove("description");
                    }
                })
            }),
        wrong("null-is-left-out", &["1.habit-shape", "1.patch-null-clears", "1.put-replaces"], "Null fields are omitted.")
            .response(any, |_, response| response.edit_habits(|habit| habit.retain(|_, value| !value.is_null()))),
        wrong("false-is-left-out", &["1.habit-shape", "1.patch-completes"], "completed_today is omitted while it is false.")
            .response(any, |_, response| response.edit_habits(|habit| habit.retain(|_, value| *value != json!(false)))),
        wrong("completed-is-0-or-1", &["1.habit-shape", "1.patch-completes"], "completed_today is 0 or 1.").response(
            any,
            |_, response| {
                response.edit_habits(|habit| change(habit, "completed_today", |value| json!(u8::from(*value == json!(true)))))
            },
        ),
        wrong("no-description-is-empty", &["1.habit-shape"], "A description that was not sent is an empty string.").request(
            creates,
            |request| {
                if request.field("description").is_none() {
                    request.set_field("description", "");
                }
            },
        ),
        wrong("create-drops-the-description", &["1.habit-shape", "1.text-fidelity"], "POST does not store the description.")
            .request(creates, |request| request.edit(|habit| drop(habit.remove("description")))),
        wrong("new-habit-is-completed", &["1.habit-shape"], "A new habit is already completed.").instead(
            creates,
            async |request, upstream| {
                let created = upstream.send(request.clone()).await?;
                let Some(id) = created.id() else { return Ok(created) };
                let done = json!({ "completed_today": true });
                let mut response = upstream.send(request.another(Method::PATCH, &format!("/habits/{id}"), Some(&done))).await?;
                response.head.status = created.head.status;
                response
                    .head
                    .headers
                    .extend(created.head.headers.get("location").map(|it| (hyper::header::LOCATION, it.clone())));
                Ok(response)
            },
        ),
        wrong("created-at-in-seconds", &["1.habit-shape"], "created_at is a Unix time in seconds.")
            .response(any, |_, response| response.edit_habits(|habit| change(habit, "created_at", |_| json!(1_769_846_400)))),
        wrong("created-at-without-zone", &["1.habit-shape"], "created_at has no time zone.").response(any, |_, response| {
            response.edit_habits(|habit| change_text(habit, "created_at", |moment| moment[..19].into()))
        }),
        wrong("created-at-is-the-epoch", &["1.habit-shape"], "created_at is always 1970.").response(any, |_, response| {
            response.edit_habits(|habit| change(habit, "created_at", |_| json!("1970-01-01T00:00:00Z")))
        }),
        wrong("created-at-in-local-time", &["1.habit-shape"], "created_at is two hours ahead but claims to be UTC.")
            .response(any, |_, response| response.edit_habits(|habit| change_text(habit, "created_at", two_hours_ahead))),
        wrong("created-at-in-camel-case", &["1.habit-shape"], "created_at is called createdAt.").response(any, |_, response| {
            response.edit_habits(|habit| {
                if let Some(moment) = habit.remove("created_at") {
                    habit.insert("createdAt".into(), moment);
                }
            })
        }),
        wrong("created-at-is-now", &["1.get-one", "1.list"], "created_at is the time of the response.")
            .response(any, |_, response| response.edit_habits(|habit| change(habit, "created_at", |_| json!(clock::now())))),
    ]
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}

/// An RFC 3339 time with its hour two ahead. The date stays the same, even around midnight.
fn two_hours_ahead(moment: &str) -> String {
    let hour: u8 = moment[11..13].parse().unwrap_or(0);
    format!("{}{:02}{}", &moment[..11], (hour + 2) % 24, &moment[13..])
}

fn change(fields: &mut Map<String, Value>, field: &str, change: impl FnOnce(&Value) -> Value) {
    if let Some(value) = fields.get_mut(field) {
        *value = change(value);
    }
}

fn change_text(fields: &mut Map<String, Value>, field: &str, make: impl FnOnce(&str) -> String) {
    change(fields, field, |value| value.as_str().map_or(Value::Null, |text| make(text).into()));
}
