//! Wrong ways to read one habit and the list, and GET requests that change something.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use hyper::Method;
use serde_json::{Value, json};

use crate::api::history::History;
use crate::api::routes::{any, lists, patches, reads};
use crate::http::ConnectionLost;
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [reading(), listing(), get_safe()].into_iter().flatten().collect()
}

fn reading() -> Vec<Sabotage> {
    let first = History::new();
    let next = History::new();
    let (null, error, hang_up) = (History::new(), History::new(), History::new());
    vec![
        wrong("get-one-answers-the-oldest", &["1.get-one"], "GET /habits/{id} answers the oldest habit, whatever the id.")
            .recording(&first)
            .request(reads, move |request| {
                if let Some(id) =
                    first.existing().first().filter(|_| !first.never_existed(request) && !first.was_deleted(request))
                {
                    request.set_last_segment(id);
                }
            }),
        wrong(
            "get-one-counts-from-zero",
            &["1.get-one"],
            "GET /habits/{id} uses the id as an index into the list and answers the next habit.",
        )
        .recording(&next)
        .request(reads, move |request| {
            let live = next.existing();
            if let Some(place) = live.iter().position(|id| Some(*id) == request.id()) {
                request.set_last_segment(live.get(place + 1).unwrap_or(&i64::MAX));
            }
        }),
        wrong("get-one-answers-an-array", &["1.get-one"], "GET /habits/{id} answers an array of one habit.").response(
            reads,
            |_, response| {
                if response.is_success() {
                    response.edit(|habit| *habit = json!([habit]))
                }
            },
        ),
        wrong("get-one-answers-a-part", &["1.get-one"], "GET /habits/{id} answers only id and name.")
            .response(reads, |_, response| {
                response.edit_habits(|habit| habit.retain(|field, _| field == "id" || field == "name"))
            }),
        wrong("get-unknown-answers-null", &["1.get-unknown"], "GET answers 200 and null for an unknown habit.")
            .recording(&null)
            .response(reads, move |request, response| {
                if null.never_existed(request) {
                    response.set_status(200);
                    response.set_json("application/json", &Value::Null);
                }
            }),
        wrong("get-unknown-answers-500", &["1.get-unknown"], "GET answers 500 for an unknown habit.").recording(&error).response(
            reads,
            move |request, response| {
                if error.never_existed(request) {
                    response.set_plain_error(500, "index out of bounds")
                }
            },
        ),
        wrong("get-unknown-hangs-up", &["1.get-unknown"], "GET closes the connection for an unknown habit, as a panic does.")
            .recording(&hang_up)
            .instead(reads, async move |request, upstream| match hang_up.never_existed(&request) {
                true => Err(ConnectionLost),
                false => upstream.send(request).await,
            }),
    ]
}

fn listing() -> Vec<Sabotage> {
    let patched: Rc<RefCell<Vec<i64>>> = Rc::default();
    let touched = patched.clone();
    let first_seen: RefCell<BTreeMap<i64, Value>> = RefCell::default();
    vec![
        wrong("list-in-an-envelope", &["1.list"], "The list is wrapped in {\"habits\": […]}.")
            .response(lists, |_, response| response.edit(|list| *list = json!({ "habits": list }))),
        wrong("list-shows-names-only", &["1.list"], "The list shows only id and name.").response(lists, |_, response| {
            response.edit_habits(|habit| habit.retain(|field, _| field == "id" || field == "name"))
        }),
        wrong("list-forgets-the-newest", &["1.list"], "The list lacks the last habit.")
            .response(lists, |_, response| response.edit_list(|list| drop(list.pop()))),
        wrong("list-shows-habits-twice", &["1.list"], "The list contains every habit twice.")
            .response(lists, |_, response| response.edit_list(|list| list.extend_from_within(..))),
        wrong("list-stops-at-fifty", &["1.ids-parallel"], "The list ends after fifty habits.")
            .response(lists, |_, response| response.edit_list(|list| list.truncate(50))),
        wrong("empty-list-is-null", &["1.list"], "An empty list is null.").response(lists, |_, response| {
            response.edit(|list| {
                if *list == json!([]) {
                    *list = Value::Null
                }
            })
        }),
        wrong("empty-list-is-404", &["1.list"], "An empty list answers 404.").response(lists, |_, response| {
            if response.json() == Some(json!([])) {
                response.set_plain_error(404, "no habits")
            }
        }),
        wrong("list-newest-first", &["1.list-order"], "The list begins with the newest habit.")
            .response(lists, |_, response| response.edit_list(|list| list.reverse())),
        wrong("list-sorted-by-name", &["1.list-order"], "The list is sorted by name.")
            .response(lists, |_, response| response.edit_list(|list| list.sort_by_key(|habit| habit["name"].to_string()))),
        wrong("list-sorted-by-id-as-text", &["1.list-order"], "The list is sorted by id as a string: 10 comes before 9.")
            .response(lists, |_, response| response.edit_list(|list| list.sort_by_key(|habit| habit["id"].to_string()))),
        wrong("list-in-hash-order", &["1.list-order"], "The list has the order of a hash map.").response(lists, |_, response| {
            response.edit_list(|list| {
                list.sort_by_key(|habit| habit["id"].as_u64().unwrap_or(0).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17));
            })
        }),
        wrong("list-shows-old-versions", &["1.patch-partial"], "The list shows each habit as it was when it was first listed.")
            .response(lists, move |_, response| {
                response.edit_list(|list| {
                    for habit in list {
                        let id = habit["id"].as_i64().unwrap_or_default();
                        *habit = first_seen.borrow_mut().entry(id).or_insert(habit.clone()).clone();
                    }
                })
            }),
        wrong("list-moves-what-changed", &["1.list-order"], "A changed habit moves to the end of the list.")
            .request(patches, move |request| touched.borrow_mut().extend(request.id()))
            .response(lists, move |_, response| {
                response.edit_list(|list| {
                    list.sort_by_key(|habit| patched.borrow().iter().rposition(|id| habit["id"] == *id).map(|place| place + 1));
                })
            }),
    ]
}

fn get_safe() -> Vec<Sabotage> {
    let seen: RefCell<BTreeSet<i64>> = RefCell::default();
    let known = History::new();
    let known_history = known.clone();
    // The completed habits, and whether each was listed since.
    let completed: RefCell<BTreeMap<i64, bool>> = RefCell::default();
    vec![
        wrong("get-toggles", &["1.get-safe"], "Reading a habit a second time toggles completed_today.").instead(
            |request| request.id().is_some(),
            async move |request, upstream| {
                let response = upstream.send(request.clone()).await?;
                let id = request.id().unwrap_or_default();
                if !reads(&request) {
                    seen.borrow_mut().remove(&id);
                } else if !seen.borrow_mut().insert(id) && response.is_success() {
                    let toggled =
                        json!({ "completed_today": response.json().is_some_and(|habit| habit["completed_today"] == json!(false)) });
                    upstream.send(request.another(Method::PATCH, request.path(), Some(&toggled))).await?;
                }
                Ok(response)
            },
        ),
        wrong("get-unknown-creates", &["1.get-safe"], "GET of an unknown habit adds an unnamed habit to the list.")
            .recording(&known_history)
            .instead(reads, async move |request, upstream| {
                if known.never_existed(&request) {
                    upstream.send(request.another(Method::POST, "/habits", Some(&json!({ "name": "unnamed" })))).await?;
                }
                upstream.send(request).await
            }),
        wrong("list-uncompletes", &["1.get-safe"], "Reading the list a second time sets every habit back to not completed.").instead(
            any,
            async move |request, upstream| {
                let response = upstream.send(request.clone()).await?;
                if let Some(id) = request.id().filter(|_| request.field("completed_today") == Some(json!(true))) {
                    completed.borrow_mut().insert(id, false);
                }
                if lists(&request) {
                    let (listed_before, first_time): (BTreeMap<_, _>, BTreeMap<_, _>) =
                        completed.take().into_iter().partition(|(_, listed)| *listed);
                    completed.replace(first_time.into_keys().map(|id| (id, true)).collect());
                    for id in listed_before.into_keys() {
                        let undo = json!({ "completed_today": false });
                        upstream.send(request.another(Method::PATCH, &format!("/habits/{id}"), Some(&undo))).await?;
                    }
                }
                Ok(response)
            },
        ),
    ]
}
