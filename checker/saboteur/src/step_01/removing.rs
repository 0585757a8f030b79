//! Wrong ways to delete a habit, and to choose the id of the next.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};

use super::{read, wrong};
use crate::crowd::Crowd;
use crate::memory::Memory;
use crate::message::{Answer, Request, creates, deletes, lists};
use crate::sabotage::Sabotage;
use crate::upstream::{Lost, Upstream};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [deleting(), ids()].into_iter().flatten().collect()
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

/// Answers 204 for a habit that is there, the first time, and removes nothing; 404 after that.
async fn pretend_to_delete(request: Request, server: &Upstream, first_time: bool) -> Result<Answer, Lost> {
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
