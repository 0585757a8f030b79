//! Wrong servers for step 1: what people really write on their first day.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use hyper::Method;
use serde_json::{Map, Value, json};

use crate::crowd::Crowd;
use crate::memory::Memory;
use crate::message::{Answer, Request, any, creates, deletes, gets, lists, patches, puts, reads};
use crate::proxy::Lost;
use crate::sabotage::Sabotage;

/// The sabotages of step 1, in the order of its checks.
pub fn sabotages() -> Vec<Sabotage> {
    let all = [creating(), shape(), reading(), listing(), patching(), deleting(), ids(), get_safe(), content_type(), docs()];
    all.into_iter().chain([location(), putting(), text()]).flatten().collect()
}

fn wrong(name: &'static str, trips: &'static [&'static str], breaks: &'static str) -> Sabotage {
    Sabotage::new(1, name, trips, breaks)
}

fn creating() -> Vec<Sabotage> {
    vec![
        wrong("create-answers-200", &["1.create"], "POST answers 200 instead of 201.")
            .answer(creates, |_, answer| answer.set_status(200)),
        wrong("create-answers-nothing", &["1.create"], "POST answers 201 without a body.")
            .answer(creates, |_, answer| answer.clear()),
        wrong("create-wraps-the-habit", &["1.create"], "POST answers {\"habit\": …} instead of the habit.")
            .answer(creates, |_, answer| answer.edit(|habit| *habit = json!({ "habit": habit }))),
        wrong("id-is-text", &["1.create"], "The id is a string of digits.")
            .answer(any, |_, answer| answer.edit_habits(|habit| change(habit, "id", |id| id.to_string().into()))),
        wrong("create-leaves-the-name-out", &["1.create"], "POST answers the new habit without its name.")
            .answer(creates, |_, answer| answer.edit_habits(|habit| drop(habit.remove("name")))),
        wrong("create-capitalizes-the-name", &["1.create"], "A new habit's name gets a capital letter.")
            .request(creates, |request| edit_text(request, "name", capitalized)),
    ]
}

fn shape() -> Vec<Sabotage> {
    let touched: Rc<RefCell<BTreeSet<i64>>> = Rc::default();
    let changed = touched.clone();
    vec![
        wrong(
            "new-habit-has-no-description",
            &["1.habit-shape"],
            "A habit lacks its description until that is set for the first time.",
        )
        .request(any, move |request| {
            if !creates(request) && !gets(request) {
                changed.borrow_mut().extend(request.id())
            }
        })
        .answer(any, move |_, answer| {
            answer.edit_habits(|habit| {
                let untouched = habit["id"].as_i64().is_some_and(|id| !touched.borrow().contains(&id));
                if untouched && habit["description"].is_null() {
                    habit.remove("description");
                }
            })
        }),
        wrong(
            "null-is-left-out",
            &["1.habit-shape", "1.patch-null-clears", "1.put-replaces"],
            "A field that is null is left out.",
        )
        .answer(any, |_, answer| answer.edit_habits(|habit| habit.retain(|_, value| !value.is_null()))),
        wrong("false-is-left-out", &["1.habit-shape", "1.patch-completes"], "completed_today is left out while it is false.")
            .answer(any, |_, answer| answer.edit_habits(|habit| habit.retain(|_, value| *value != json!(false)))),
        wrong("completed-is-0-or-1", &["1.habit-shape", "1.patch-completes"], "completed_today is a number.").answer(
            any,
            |_, answer| {
                answer.edit_habits(|habit| change(habit, "completed_today", |value| json!(u8::from(*value == json!(true)))))
            },
        ),
        wrong("no-description-is-empty", &["1.habit-shape"], "A description that was not sent is an empty text.").request(
            creates,
            |request| {
                if request.field("description").is_none() {
                    request.set_field("description", "");
                }
            },
        ),
        wrong("create-drops-the-description", &["1.habit-shape", "1.text-fidelity"], "POST does not store the description.")
            .request(creates, |request| request.edit(|habit| drop(habit.remove("description")))),
        wrong("new-habit-is-completed", &["1.habit-shape"], "A new habit is completed already.").instead(
            creates,
            async |request, server| {
                let created = server.send(request.clone()).await?;
                let Some(id) = created.id() else { return Ok(created) };
                let done = json!({ "completed_today": true });
                let mut answer = server.send(request.another(Method::PATCH, &format!("/habits/{id}"), Some(&done))).await?;
                answer.head.status = created.head.status;
                answer.head.headers.extend(created.head.headers.get("location").map(|it| (hyper::header::LOCATION, it.clone())));
                Ok(answer)
            },
        ),
        wrong("created-at-in-seconds", &["1.habit-shape"], "created_at is a number of seconds.")
            .answer(any, |_, answer| answer.edit_habits(|habit| change(habit, "created_at", |_| json!(1_769_846_400)))),
        wrong("created-at-without-zone", &["1.habit-shape"], "created_at has no time zone.")
            .answer(any, |_, answer| answer.edit_habits(|habit| change_text(habit, "created_at", |moment| moment[..19].into()))),
        wrong("created-at-is-the-epoch", &["1.habit-shape"], "created_at is always 1970.")
            .answer(any, |_, answer| answer.edit_habits(|habit| change(habit, "created_at", |_| json!("1970-01-01T00:00:00Z")))),
        wrong("created-at-in-local-time", &["1.habit-shape"], "created_at is two hours ahead, yet says UTC.")
            .answer(any, |_, answer| answer.edit_habits(|habit| change_text(habit, "created_at", two_hours_ahead))),
        wrong("created-at-in-camel-case", &["1.habit-shape"], "created_at is called createdAt.").answer(any, |_, answer| {
            answer.edit_habits(|habit| {
                if let Some(moment) = habit.remove("created_at") {
                    habit.insert("createdAt".into(), moment);
                }
            })
        }),
        wrong("created-at-is-now", &["1.get-one", "1.list"], "created_at is the moment of the answer.")
            .answer(any, |_, answer| answer.edit_habits(|habit| change(habit, "created_at", |_| json!(now())))),
    ]
}

fn reading() -> Vec<Sabotage> {
    let first = Memory::new();
    let next = Memory::new();
    let (null, error, hang_up) = (Memory::new(), Memory::new(), Memory::new());
    vec![
        wrong("get-one-answers-the-oldest", &["1.get-one"], "GET /habits/{id} answers the oldest habit.")
            .remembering(&first)
            .request(reads, move |request| {
                if let Some(id) = first.live().first().filter(|_| !first.never_saw(request) && !first.saw_go(request)) {
                    request.set_id(id);
                }
            }),
        wrong(
            "get-one-counts-from-zero",
            &["1.get-one"],
            "GET /habits/{id} takes the id for a place in the list, and answers the next habit.",
        )
        .remembering(&next)
        .request(reads, move |request| {
            let live = next.live();
            if let Some(place) = live.iter().position(|id| Some(*id) == request.id()) {
                request.set_id(live.get(place + 1).unwrap_or(&i64::MAX));
            }
        }),
        wrong("get-one-answers-an-array", &["1.get-one"], "GET /habits/{id} answers an array of one habit.").answer(
            reads,
            |_, answer| {
                if answer.is_success() {
                    answer.edit(|habit| *habit = json!([habit]))
                }
            },
        ),
        wrong("get-one-answers-a-part", &["1.get-one"], "GET /habits/{id} answers id and name alone.")
            .answer(reads, |_, answer| answer.edit_habits(|habit| habit.retain(|field, _| field == "id" || field == "name"))),
        wrong("get-unknown-answers-null", &["1.get-unknown"], "GET answers 200 and null for an unknown habit.")
            .remembering(&null)
            .answer(reads, move |request, answer| {
                if null.never_saw(request) {
                    answer.set_status(200);
                    answer.set_json("application/json", &Value::Null);
                }
            }),
        wrong("get-unknown-answers-500", &["1.get-unknown"], "GET answers 500 for an unknown habit.").remembering(&error).answer(
            reads,
            move |request, answer| {
                if error.never_saw(request) {
                    answer.set_plain_error(500, "index out of bounds")
                }
            },
        ),
        wrong("get-unknown-hangs-up", &["1.get-unknown"], "GET closes the connection for an unknown habit, as a panic does.")
            .remembering(&hang_up)
            .instead(reads, async move |request, server| match hang_up.never_saw(&request) {
                true => Err(Lost),
                false => server.send(request).await,
            }),
    ]
}

fn listing() -> Vec<Sabotage> {
    let patched: Rc<RefCell<Vec<i64>>> = Rc::default();
    let touched = patched.clone();
    vec![
        wrong("list-in-an-envelope", &["1.list"], "The list is {\"habits\": […]}.")
            .answer(lists, |_, answer| answer.edit(|list| *list = json!({ "habits": list }))),
        wrong("list-shows-names-only", &["1.list"], "The list shows id and name alone.")
            .answer(lists, |_, answer| answer.edit_habits(|habit| habit.retain(|field, _| field == "id" || field == "name"))),
        wrong("list-forgets-the-newest", &["1.list"], "The list ends one too early.")
            .answer(lists, |_, answer| answer.edit_list(|list| drop(list.pop()))),
        wrong("list-shows-habits-twice", &["1.list"], "The list has every habit twice.")
            .answer(lists, |_, answer| answer.edit_list(|list| list.extend_from_within(..))),
        wrong("list-stops-at-fifty", &["1.ids-parallel"], "The list ends after fifty habits.")
            .answer(lists, |_, answer| answer.edit_list(|list| list.truncate(50))),
        wrong("empty-list-is-null", &["1.list"], "The list is null while there is no habit.").answer(lists, |_, answer| {
            answer.edit(|list| {
                if *list == json!([]) {
                    *list = Value::Null
                }
            })
        }),
        wrong("empty-list-is-404", &["1.list"], "The list is not found while there is no habit.").answer(lists, |_, answer| {
            if answer.json() == Some(json!([])) {
                answer.set_plain_error(404, "no habits")
            }
        }),
        wrong("list-newest-first", &["1.list-order"], "The list begins with the newest habit.")
            .answer(lists, |_, answer| answer.edit_list(|list| list.reverse())),
        wrong("list-sorted-by-name", &["1.list-order"], "The list is sorted by name.")
            .answer(lists, |_, answer| answer.edit_list(|list| list.sort_by_key(|habit| habit["name"].to_string()))),
        wrong("list-sorted-by-id-as-text", &["1.list-order"], "The list is sorted by id as a text: 10 comes before 9.")
            .answer(lists, |_, answer| answer.edit_list(|list| list.sort_by_key(|habit| habit["id"].to_string()))),
        wrong("list-in-hash-order", &["1.list-order"], "The list has the order of a hash map.").answer(lists, |_, answer| {
            answer.edit_list(|list| {
                list.sort_by_key(|habit| habit["id"].as_u64().unwrap_or(0).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17));
            })
        }),
        wrong("list-moves-what-changed", &["1.list-order"], "A habit that is changed moves to the end of the list.")
            .request(patches, move |request| touched.borrow_mut().extend(request.id()))
            .answer(lists, move |_, answer| {
                answer.edit_list(|list| {
                    list.sort_by_key(|habit| patched.borrow().iter().rposition(|id| habit["id"] == *id).map(|place| place + 1));
                })
            }),
    ]
}

fn patching() -> Vec<Sabotage> {
    let memory = Memory::new();
    let neighbors = memory.clone();
    let unknown = [Memory::new(), Memory::new(), Memory::new()];
    let [ok, upsert, error] = unknown.clone();
    let [ok_memory, upsert_memory, error_memory] = unknown;
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
        wrong("patch-unknown-answers-500", &["1.patch-unknown"], "PATCH answers 500 for an unknown habit.")
            .remembering(&error_memory)
            .answer(patches, move |request, answer| {
                if error.never_saw(request) {
                    answer.set_plain_error(500, "no such key")
                }
            }),
    ]
}

fn deleting() -> Vec<Sabotage> {
    let hidden: Rc<RefCell<BTreeSet<i64>>> = Rc::default();
    let hide = hidden.clone();
    let ghosts: Rc<RefCell<Vec<Value>>> = Rc::default();
    let haunt = ghosts.clone();
    let again = [Memory::new(), Memory::new(), Memory::new(), Memory::new()];
    let [twice, gone, never, error] = again.clone();
    let [twice_memory, gone_memory, never_memory, error_memory] = again;
    let (next, newest) = (Memory::new(), Memory::new());
    let (next_memory, newest_memory) = (next.clone(), newest.clone());
    let kept: RefCell<BTreeSet<i64>> = RefCell::default();
    vec![
        wrong("delete-answers-200", &["1.delete"], "DELETE answers 200 with a message.").answer(deletes, |_, answer| {
            if answer.is_success() {
                answer.set_status(200);
                answer.set_json("application/json", &json!({ "message": "deleted" }));
            }
        }),
        wrong("delete-does-nothing", &["1.delete"], "DELETE answers 204 and keeps the habit.").instead(
            deletes,
            async move |request, server| {
                let first_time = request.id().is_some_and(|id| kept.borrow_mut().insert(id));
                pretend_to_delete(request, server, first_time).await
            },
        ),
        wrong("delete-hides-from-the-list-alone", &["1.delete"], "A deleted habit is gone from the list, yet can be read.")
            .instead(deletes, async move |request, server| {
                let first_time = request.id().is_some_and(|id| hide.borrow_mut().insert(id));
                pretend_to_delete(request, server, first_time).await
            })
            .answer(lists, move |_, answer| {
                answer.edit_list(|list| {
                    list.retain(|habit| habit["id"].as_i64().is_none_or(|id| !hidden.borrow().contains(&id)));
                })
            }),
        wrong("delete-leaves-it-in-the-list", &["1.delete"], "A deleted habit cannot be read, yet stays in the list.")
            .instead(deletes, async move |request, server| {
                let habit = read(&request, server).await?;
                let answer = server.send(request).await?;
                if answer.is_success() {
                    haunt.borrow_mut().push(habit);
                }
                Ok(answer)
            })
            .answer(lists, move |_, answer| {
                answer.edit_list(|list| {
                    list.extend(ghosts.borrow().iter().cloned());
                    list.sort_by_key(|habit| habit["id"].as_i64());
                })
            }),
        wrong("delete-takes-the-next-along", &["1.delete"], "DELETE removes the habit and the one after it.")
            .remembering(&next_memory)
            .instead(deletes, async move |request, server| {
                let after = next.live().into_iter().find(|id| Some(*id) > request.id());
                let answer = server.send(request.clone()).await?;
                if let Some(after) = after.filter(|_| answer.is_success()) {
                    server.send(request.another(Method::DELETE, &format!("/habits/{after}"), None)).await?;
                }
                Ok(answer)
            }),
        wrong("delete-removes-the-newest", &["1.delete"], "DELETE removes the newest habit, whatever the id.")
            .remembering(&newest_memory)
            .request(deletes, move |request| {
                if let Some(last) = newest.live().last().filter(|_| !newest.never_saw(request) && !newest.saw_go(request)) {
                    request.set_id(last);
                }
            }),
        wrong("delete-again-answers-204", &["1.delete-again"], "DELETE answers 204 for a habit that is gone.")
            .answer(deletes, move |request, answer| {
                if twice.saw_go(request) {
                    answer.set_status(204);
                    answer.clear();
                }
            })
            .remembering(&twice_memory),
        wrong("delete-again-answers-410", &["1.delete-again"], "DELETE answers 410 for a habit that is gone.")
            .answer(deletes, move |request, answer| {
                if gone.saw_go(request) {
                    answer.set_plain_error(410, "gone")
                }
            })
            .remembering(&gone_memory),
        wrong("delete-unknown-answers-204", &["1.delete-again"], "DELETE answers 204 for a habit that never was.")
            .remembering(&never_memory)
            .answer(deletes, move |request, answer| {
                if never.never_saw(request) {
                    answer.set_status(204);
                    answer.clear();
                }
            }),
        wrong("delete-unknown-answers-500", &["1.delete-again"], "DELETE answers 500 for a habit that never was.")
            .remembering(&error_memory)
            .answer(deletes, move |request, answer| {
                if error.never_saw(request) {
                    answer.set_plain_error(500, "index out of bounds")
                }
            }),
    ]
}

fn ids() -> Vec<Sabotage> {
    let (shared, lost, refused) = (Crowd::default(), Crowd::default(), Crowd::default());
    let newest = Cell::new(json!(1));
    vec![
        wrong("parallel-creates-share-an-id", &["1.ids-parallel"], "Habits created at the same time get the same id.").instead(
            creates,
            async move |request, server| {
                let visit = shared.enter();
                tokio::time::sleep(RACE).await;
                let mut answer = server.send(request.clone()).await?;
                let Some(id) = answer.id() else { return Ok(answer) };
                match visit.was_alone {
                    true => newest.set(json!(id)),
                    false => {
                        server.send(request.another(Method::DELETE, &format!("/habits/{id}"), None)).await?;
                        let other = newest.take();
                        answer.edit_habits(|habit| drop(habit.insert("id".into(), other.clone())));
                        newest.set(other);
                    }
                }
                Ok(answer)
            },
        ),
        wrong("parallel-creates-are-lost", &["1.ids-parallel"], "Of habits created at the same time one is kept.").instead(
            creates,
            async move |request, server| {
                let visit = lost.enter();
                tokio::time::sleep(RACE).await;
                let answer = server.send(request.clone()).await?;
                if let Some(id) = answer.id().filter(|_| !visit.was_alone) {
                    server.send(request.another(Method::DELETE, &format!("/habits/{id}"), None)).await?;
                }
                Ok(answer)
            },
        ),
        wrong("parallel-creates-are-refused", &["1.ids-parallel"], "Of habits created at the same time some are answered 503.")
            .instead(creates, async move |request, server| {
                let visit = refused.enter();
                tokio::time::sleep(RACE).await;
                let mut answer = server.send(request).await?;
                if !visit.was_alone {
                    answer.set_plain_error(503, "the store is locked");
                }
                Ok(answer)
            }),
        wrong("id-is-the-count", &["1.ids-not-reused"], "A new id is the number of habits plus one.").renumbered(|taken, _| {
            let count = i64::try_from(taken.len()).unwrap_or(0);
            (count + 1..).find(|id| !taken.contains(id)).unwrap_or(1)
        }),
        wrong("id-is-the-highest-plus-one", &["1.ids-not-reused"], "A new id is the highest there is plus one.")
            .renumbered(|taken, _| taken.last().map_or(1, |highest| highest + 1)),
        wrong("id-fills-the-gap", &["1.ids-not-reused"], "A new id is the least that is free.")
            .renumbered(|taken, free| free.first().copied().unwrap_or_else(|| taken.last().map_or(1, |highest| highest + 1))),
    ]
}

/// How long a server that loses races looks away between choosing an id and storing the habit.
const RACE: Duration = Duration::from_millis(10);

fn get_safe() -> Vec<Sabotage> {
    let seen: RefCell<BTreeSet<i64>> = RefCell::default();
    let known = Memory::new();
    let known_memory = known.clone();
    let completed: Rc<RefCell<BTreeSet<i64>>> = Rc::default();
    vec![
        wrong("get-completes", &["1.get-safe"], "Reading a habit a second time completes it.").instead(
            |request| request.id().is_some(),
            async move |request, server| {
                let answer = server.send(request.clone()).await?;
                let id = request.id().unwrap_or_default();
                if !reads(&request) {
                    seen.borrow_mut().remove(&id);
                } else if !seen.borrow_mut().insert(id) && answer.is_success() {
                    let done = json!({ "completed_today": true });
                    server.send(request.another(Method::PATCH, request.path(), Some(&done))).await?;
                }
                Ok(answer)
            },
        ),
        wrong("get-unknown-creates", &["1.get-safe"], "Asking for an unknown habit leaves a blank one in the list.")
            .remembering(&known_memory)
            .instead(reads, async move |request, server| {
                if known.never_saw(&request) {
                    server.send(request.another(Method::POST, "/habits", Some(&json!({ "name": "unnamed" })))).await?;
                }
                server.send(request).await
            }),
        wrong("list-uncompletes", &["1.get-safe"], "The list sets every habit back to not completed.").instead(
            any,
            async move |request, server| {
                let answer = server.send(request.clone()).await?;
                if let Some(id) = request.id().filter(|_| request.field("completed_today") == Some(json!(true))) {
                    completed.borrow_mut().insert(id);
                }
                if lists(&request) {
                    for id in completed.take() {
                        let undo = json!({ "completed_today": false });
                        server.send(request.another(Method::PATCH, &format!("/habits/{id}"), Some(&undo))).await?;
                    }
                }
                Ok(answer)
            },
        ),
    ]
}

fn content_type() -> Vec<Sabotage> {
    vec![
        wrong("json-as-text", &["1.content-type"], "JSON is sent as text/plain.").answer(any, |_, answer| {
            if answer.json().is_some() {
                answer.set_header("content-type", "text/plain; charset=utf-8")
            }
        }),
        wrong("create-as-html", &["1.content-type"], "POST sends JSON as text/html.")
            .answer(creates, |_, answer| answer.set_header("content-type", "text/html; charset=utf-8")),
        wrong("list-as-text", &["1.content-type"], "The list is sent as text/plain.")
            .answer(lists, |_, answer| answer.set_header("content-type", "text/plain; charset=utf-8")),
        wrong("habit-as-bytes", &["1.content-type"], "GET /habits/{id} sends application/octet-stream.").answer(
            reads,
            |_, answer| {
                if answer.is_success() {
                    answer.set_header("content-type", "application/octet-stream")
                }
            },
        ),
        wrong("patch-without-type", &["1.content-type"], "PATCH sends no Content-Type.").answer(patches, |_, answer| {
            if answer.is_success() {
                answer.remove_header("content-type")
            }
        }),
    ]
}

fn docs() -> Vec<Sabotage> {
    let page = |request: &Request| gets(request) && request.path().trim_end_matches('/') == "/docs";
    let document = |request: &Request| gets(request) && request.path() == "/openapi.json";
    let add = |markup: &'static str| {
        move |_: &Request, answer: &mut Answer| {
            if answer.is_success() {
                let html = String::from_utf8_lossy(&answer.body).into_owned();
                answer.set_bytes(html.replacen("</head>", "", 0) + markup);
            }
        }
    };
    vec![
        wrong("docs-are-missing", &["1.docs-page"], "There is no /docs.")
            .answer(page, |_, answer| answer.set_plain_error(404, "not found")),
        wrong("docs-script-from-a-cdn", &["1.docs-page"], "/docs loads its script from another host.")
            .answer(page, add("<script src=\"https://cdn.example/swagger-ui-bundle.js\"></script>")),
        wrong("docs-style-from-a-cdn", &["1.docs-page"], "/docs loads a style sheet from another host.")
            .answer(page, add("<link rel=\"stylesheet\" href=\"//cdn.example/swagger-ui.css\">")),
        wrong("docs-script-is-missing", &["1.docs-page"], "/docs loads a script that is not there.")
            .answer(page, add("<script src=\"/docs/no-such-file.js\"></script>")),
        wrong("docs-are-plain", &["1.docs-page"], "/docs is a page to read, with nothing to try.").answer(page, |_, answer| {
            if answer.is_success() {
                answer.set_body(
                    "text/html; charset=utf-8",
                    "<!doctype html><title>Habits</title><h1>Habits</h1><p>POST /habits creates a habit.",
                );
            }
        }),
        wrong("docs-as-text", &["1.docs-page"], "/docs is sent as text/plain.").answer(page, |_, answer| {
            if answer.is_success() {
                answer.set_header("content-type", "text/plain")
            }
        }),
        wrong("docs-lead-elsewhere", &["1.docs-page"], "/docs redirects to another host.").answer(page, |_, answer| {
            answer.set_status(302);
            answer.clear();
            answer.set_header("location", "https://docs.example/habits");
        }),
        wrong("openapi-is-missing", &["1.openapi"], "There is no /openapi.json.")
            .answer(document, |_, answer| answer.set_plain_error(404, "not found")),
        wrong("openapi-is-yaml", &["1.openapi"], "/openapi.json is YAML.")
            .answer(document, |_, answer| answer.set_body("application/yaml", "openapi: 3.1.0\ninfo:\n  title: Habits\n")),
        wrong("openapi-is-swagger-2", &["1.openapi"], "The document is Swagger 2.0.").answer(document, |_, answer| {
            answer.edit(|document| {
                if let Some(fields) = document.as_object_mut() {
                    fields.remove("openapi");
                    fields.insert("swagger".into(), "2.0".into());
                }
            })
        }),
        wrong("openapi-has-no-info", &["1.openapi"], "The document has no title and no version.")
            .answer(document, |_, answer| answer.edit(|document| forget(document, "info"))),
        wrong("openapi-forgets-delete", &["1.openapi"], "The document does not name DELETE /habits/{id}.")
            .answer(document, |_, answer| answer.edit(|document| for_each_path(document, |_, item| forget(item, "delete")))),
        wrong("openapi-forgets-the-list", &["1.openapi"], "The document does not name GET /habits.").answer(
            document,
            |_, answer| {
                answer.edit(|document| {
                    for_each_path(document, |path, item| {
                        if path.ends_with("/habits") {
                            forget(item, "get")
                        }
                    })
                })
            },
        ),
        wrong("openapi-forgets-the-item", &["1.openapi"], "The document does not name /habits/{id}.").answer(
            document,
            |_, answer| {
                answer.edit(|document| {
                    if let Some(paths) = document["paths"].as_object_mut() {
                        paths.retain(|path, _| !path.contains('{'));
                    }
                })
            },
        ),
        wrong("openapi-forgets-the-parameter", &["1.openapi"], "The document does not declare the id in the path.").answer(
            document,
            |_, answer| {
                answer.edit(|document| {
                    for_each_path(document, |_, item| {
                        forget(item, "parameters");
                        for operation in item.as_object_mut().into_iter().flat_map(Map::values_mut) {
                            forget(operation, "parameters");
                        }
                    })
                })
            },
        ),
    ]
}

fn location() -> Vec<Sabotage> {
    let moved = |to: fn(i64) -> String| {
        move |_: &Request, answer: &mut Answer| {
            if let Some(id) = answer.id() {
                answer.set_header("location", &to(id));
            }
        }
    };
    vec![
        wrong("location-is-missing", &["1.location"], "POST answers without Location.")
            .answer(creates, |_, answer| answer.remove_header("location")),
        wrong("location-is-the-list", &["1.location"], "Location is /habits/.").answer(creates, moved(|_| "/habits/".into())),
        wrong("location-is-the-next", &["1.location"], "Location names the next id.")
            .answer(creates, moved(|id| format!("/habits/{}", id + 1))),
        wrong("location-is-elsewhere", &["1.location"], "Location names a host that is not this one.")
            .answer(creates, moved(|id| format!("http://habits.example/habits/{id}"))),
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

fn text() -> Vec<Sabotage> {
    let stored = |name, breaks, change: fn(&str) -> String| {
        wrong(name, &["1.text-fidelity"], breaks).request(any, move |request| {
            edit_text(request, "name", change);
            edit_text(request, "description", change);
        })
    };
    let named = |name, breaks, change: fn(&str) -> String| {
        wrong(name, &["1.text-fidelity"], breaks).request(any, move |request| edit_text(request, "name", change))
    };
    vec![
        named("names-cut-at-64-characters", "Names are cut at 64 characters.", |text| text.chars().take(64).collect()),
        named("names-cut-at-100-bytes", "Names are cut at 100 bytes.", |text| cut(text, 100, char::len_utf8)),
        named("names-cut-at-255-bytes", "Names are cut at 255 bytes.", |text| cut(text, 255, char::len_utf8)),
        named("names-cut-at-100-utf-16-units", "Names are cut at 100 UTF-16 units.", |text| cut(text, 100, char::len_utf16)),
        stored("text-is-ascii", "What is not ASCII becomes a question mark.", |text| {
            text.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect()
        }),
        stored("text-is-latin-1", "UTF-8 is taken for Latin-1.", |text| text.bytes().map(char::from).collect()),
        stored("text-without-emoji", "Code points above U+FFFF are dropped.", |text| {
            text.chars().filter(|c| c.len_utf8() < 4).collect()
        }),
        stored("text-is-composed", "A letter and its accent become one code point.", |text| text.replace("e\u{301}", "\u{e9}")),
        stored("text-without-joiners", "Zero-width joiners are dropped.", |text| text.replace('\u{200d}', "")),
        stored("text-is-escaped-for-html", "Text is stored escaped for HTML.", |text| {
            text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
        }),
        stored("text-loses-backslashes", "Backslashes are dropped.", |text| text.replace('\\', "")),
        stored("text-is-percent-decoded", "%20 becomes a space.", |text| text.replace("%20", " ")),
        stored("text-in-one-line", "Line ends become spaces.", |text| text.replace('\n', " ")),
        stored("text-without-quotes", "Quotation marks are dropped.", |text| text.replace('"', "")),
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

/// The habit in the path, or null.
async fn read(request: &Request, server: &crate::proxy::Upstream) -> Result<Value, Lost> {
    let answer = server.send(request.another(Method::GET, request.path(), None)).await?;
    Ok(answer.json().filter(|_| answer.is_success()).unwrap_or_default())
}

/// Answers 204 for a habit that is there, the first time, and removes nothing; 404 after that.
async fn pretend_to_delete(request: Request, server: &crate::proxy::Upstream, first_time: bool) -> Result<Answer, Lost> {
    if !first_time {
        return server.send(request.another(Method::DELETE, &format!("/habits/{}", i64::MAX), None)).await;
    }
    let mut answer = server.send(request.another(Method::GET, request.path(), None)).await?;
    if answer.is_success() {
        answer.set_status(204);
        answer.clear();
    }
    Ok(answer)
}

/// PUT that takes a field from the stored habit when it is left out.
async fn keep(field: &str, mut request: Request, server: &crate::proxy::Upstream) -> Result<Answer, Lost> {
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

fn change(fields: &mut Map<String, Value>, field: &str, change: impl FnOnce(&Value) -> Value) {
    if let Some(value) = fields.get_mut(field) {
        *value = change(value);
    }
}

fn change_text(fields: &mut Map<String, Value>, field: &str, make: impl FnOnce(&str) -> String) {
    change(fields, field, |value| value.as_str().map_or(Value::Null, |text| make(text).into()));
}

fn edit_text(request: &mut Request, field: &str, make: impl FnOnce(&str) -> String) {
    if let Some(Value::String(text)) = request.field(field) {
        request.set_field(field, make(&text));
    }
}

fn forget(value: &mut Value, field: &str) {
    if let Some(fields) = value.as_object_mut() {
        fields.remove(field);
    }
}

fn for_each_path(document: &mut Value, mut change: impl FnMut(&str, &mut Value)) {
    for (path, item) in document["paths"].as_object_mut().into_iter().flatten() {
        change(path, item);
    }
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}

/// As many characters as fit into `most`, by the given measure.
fn cut(text: &str, most: usize, size: impl Fn(char) -> usize) -> String {
    let mut used = 0;
    text.chars()
        .take_while(|c| {
            used += size(*c);
            used <= most
        })
        .collect()
}

/// The hour of an RFC 3339 moment moved by two, around midnight on the same day.
fn two_hours_ahead(moment: &str) -> String {
    let hour: u8 = moment[11..13].parse().unwrap_or(0);
    format!("{}{:02}{}", &moment[..11], (hour + 2) % 24, &moment[13..])
}

/// The present moment as RFC 3339 has it, in microseconds.
fn now() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let (days, seconds) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:06}Z", since.subsec_micros())
}

/// The Gregorian date of a day since 1970, counted in years that begin in March and eras of 400 years.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let of_month = day - (153 * month + 2) / 5 + 1;
    let (year, month) = if month < 10 { (year + era * 400, month + 3) } else { (year + era * 400 + 1, month - 9) };
    (year, month, of_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates() {
        assert_eq!(date(0), (1970, 1, 1));
        assert_eq!(date(19_782), (2024, 2, 29));
        assert_eq!(date(20_484), (2026, 1, 31));
    }

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(cut("ab💧💧", 6, char::len_utf8), "ab💧");
        assert_eq!(cut("ab💧💧", 5, char::len_utf16), "ab💧");
    }
}
