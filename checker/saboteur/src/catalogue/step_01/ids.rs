//! Wrong ways to choose the id of a new habit.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use hyper::Method;
use serde_json::{Value, json};

use crate::api::routes::{any, creates, deletes};
use crate::http::{Request, Response};
use crate::race::{self, InFlight};
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    let (shared, lost, refused) = (InFlight::default(), InFlight::default(), InFlight::default());
    let newest = Cell::new(json!(1));
    vec![
        wrong("parallel-creates-share-an-id", &["1.ids-parallel"], "Habits created at the same time get the same id.").instead(
            creates,
            async move |request, upstream| {
                let guard = shared.enter();
                tokio::time::sleep(race::WINDOW).await;
                let mut response = upstream.send(request.clone()).await?;
                let Some(id) = response.id() else { return Ok(response) };
                match guard.overlaps {
                    false => newest.set(json!(id)),
                    true => {
                        upstream.send(request.another(Method::DELETE, &format!("/habits/{id}"), None)).await?;
                        let other = newest.take();
                        response.edit_habits(|habit| drop(habit.insert("id".into(), other.clone())));
                        newest.set(other);
                    }
                }
                Ok(response)
            },
        ),
        wrong("parallel-creates-are-lost", &["1.ids-parallel"], "Only one of several habits created at the same time is kept.")
            .instead(creates, async move |request, upstream| {
                let guard = lost.enter();
                tokio::time::sleep(race::WINDOW).await;
                let response = upstream.send(request.clone()).await?;
                if let Some(id) = response.id().filter(|_| guard.overlaps) {
                    upstream.send(request.another(Method::DELETE, &format!("/habits/{id}"), None)).await?;
                }
                Ok(response)
            }),
        wrong("parallel-creates-are-refused", &["1.ids-parallel"], "Some of several habits created at the same time answer 503.")
            .instead(creates, async move |request, upstream| {
                let guard = refused.enter();
                tokio::time::sleep(race::WINDOW).await;
                let mut response = upstream.send(request).await?;
                if guard.overlaps {
                    response.set_plain_error(503, "the store is locked");
                }
                Ok(response)
            }),
        wrong("id-is-the-count", &["1.ids-not-reused"], "A new id is the number of habits plus one.").assign_ids(|taken, _| {
            let count = i64::try_from(taken.len()).unwrap_or(0);
            (count + 1..).find(|id| !taken.contains(id)).unwrap_or(1)
        }),
        wrong("id-is-the-highest-plus-one", &["1.ids-not-reused"], "A new id is the highest existing id plus one.")
            .assign_ids(|taken, _| taken.last().map_or(1, |highest| highest + 1)),
        wrong("id-fills-the-gap", &["1.ids-not-reused"], "A new id is the lowest free one.")
            .assign_ids(|taken, free| free.first().copied().unwrap_or_else(|| taken.last().map_or(1, |highest| highest + 1))),
    ]
}

impl Sabotage {
    /// Gives new habits ids of its own. Clients see them instead of the upstream server's everywhere.
    ///
    /// `choose` gets the ids in use and those that were freed, both in ascending order.
    fn assign_ids(self, choose: impl Fn(&BTreeSet<i64>, &BTreeSet<i64>) -> i64 + 'static) -> Self {
        let ids = Rc::new(RefCell::new(Ids::default()));
        let known = ids.clone();
        let to_upstream = move |request: &mut Request| {
            if let Some(id) = request.id() {
                request.set_last_segment(known.borrow().upstream.get(&id).copied().unwrap_or(UNKNOWN));
            }
        };
        let to_client = move |request: &Request, response: &mut Response| {
            let mut ids = ids.borrow_mut();
            if let Some(upstream) = response.id().filter(|_| creates(request) && response.is_success()) {
                let client = choose(&ids.in_use(), &ids.freed);
                ids.assign(client, upstream);
            }
            response.edit_habits(|habit| {
                let upstream = habit.get("id").and_then(Value::as_i64);
                if let Some(client) = upstream.and_then(|upstream| ids.client.get(&upstream)) {
                    habit.insert("id".into(), (*client).into());
                }
            });
            if let Some(id) = response.id().filter(|_| creates(request) && response.header("location").is_some()) {
                response.set_header("location", &format!("/habits/{id}"));
            }
            if deletes(request) && response.is_success() {
                ids.free(request.id());
            }
        };
        self.request(any, to_upstream).response(any, to_client)
    }
}

/// An id that the upstream server never assigns.
const UNKNOWN: i64 = i64::MAX - 7;

#[derive(Default)]
struct Ids {
    /// From the client's ids to the upstream server's.
    upstream: BTreeMap<i64, i64>,
    /// From the upstream server's ids to the client's.
    client: BTreeMap<i64, i64>,
    freed: BTreeSet<i64>,
}

impl Ids {
    fn in_use(&self) -> BTreeSet<i64> {
        self.upstream.keys().copied().collect()
    }

    fn assign(&mut self, client: i64, upstream: i64) {
        self.freed.remove(&client);
        self.upstream.insert(client, upstream);
        self.client.insert(upstream, client);
    }

    fn free(&mut self, client: Option<i64>) {
        if let Some((client, upstream)) = client.and_then(|client| self.upstream.remove_entry(&client)) {
            self.client.remove(&upstream);
            self.freed.insert(client);
        }
    }
}
