//! Servers that do not recover from an outage of their database.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::database_failure::{DatabaseFailure, send_and_detect};
use crate::api::routes::{any, creates, reads};
use crate::http::{ConnectionLost, Request};
use crate::sabotage::{Sabotage, wrong};

const TRIPS: &[&str] = &["5.database-back"];
const DETAIL: &str = "Try again later.";
/// Long enough for the last response to be sent, and too short for anything else.
const LAST_RESPONSE: Duration = Duration::from_millis(10);

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    let (minute, forever) = (Duration::from_secs(60), Duration::from_secs(86_400));
    vec![
        stay_down(
            "outage-never-ends",
            TRIPS,
            "After an outage of the database everything answers 503.",
            DatabaseFailure::Unreachable,
            any,
            forever,
        ),
        stay_down(
            "outage-lasts-a-minute",
            TRIPS,
            "After an outage the database is not used for a minute.",
            DatabaseFailure::Unreachable,
            any,
            minute,
        ),
        stay_down(
            "outage-stops-writing",
            TRIPS,
            "After an outage of the database POST answers 503.",
            DatabaseFailure::Unreachable,
            creates,
            forever,
        ),
        stay_down(
            "outage-stops-reading",
            TRIPS,
            "After an outage of the database GET /habits/{id} answers 503.",
            DatabaseFailure::Unreachable,
            reads,
            forever,
        ),
        stay_down(
            "silence-never-ends",
            &["5.database-slow"],
            "After the database did not respond, everything answers 503.",
            DatabaseFailure::Unresponsive,
            any,
            forever,
        ),
        keep_dead_connection(),
        lose_habits(),
        exit(),
    ]
}

/// Answers 503 for some time after the first failure, without trying.
fn stay_down(
    name: &'static str,
    trips: &'static [&'static str],
    breaks: &'static str,
    awaited: DatabaseFailure,
    is_affected: fn(&Request) -> bool,
    time: Duration,
) -> Sabotage {
    let since: Cell<Option<Instant>> = Cell::default();
    wrong(name, trips, breaks).instead(any, async move |request, upstream| {
        if is_affected(&request) && since.get().is_some_and(|since| since.elapsed() < time) {
            return upstream.problem(&request, 503, DETAIL).await;
        }
        let (response, failure) = send_and_detect(request, upstream).await?;
        if failure == Some(awaited) {
            since.set(Some(Instant::now()));
        }
        Ok(response)
    })
}

fn keep_dead_connection() -> Sabotage {
    let requests: Cell<Option<usize>> = Cell::default();
    wrong("outage-leaves-a-dead-connection", TRIPS, "After an outage of the database every other request gets a dead connection.")
        .instead(any, async move |request, upstream| {
            requests.set(requests.get().map(|count| count + 1));
            if requests.get().is_some_and(|count| count % 2 == 0) {
                return upstream.problem(&request, 503, DETAIL).await;
            }
            let (response, failure) = send_and_detect(request, upstream).await?;
            if failure == Some(DatabaseFailure::Unreachable) {
                requests.set(requests.get().or(Some(0)));
            }
            Ok(response)
        })
}

/// Exits as soon as no request is in flight.
fn exit() -> Sabotage {
    let in_flight: Rc<Cell<usize>> = Rc::default();
    wrong("outage-ends-the-server", TRIPS, "The server exits when the database is down.").instead(
        any,
        async move |request, upstream| {
            in_flight.set(in_flight.get() + 1);
            let outcome = send_and_detect(request, upstream).await;
            in_flight.set(in_flight.get() - 1);
            let (response, failure) = outcome?;
            if failure == Some(DatabaseFailure::Unreachable) {
                let in_flight = in_flight.clone();
                tokio::task::spawn_local(async move {
                    tokio::time::sleep(LAST_RESPONSE).await;
                    while in_flight.get() > 0 {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                    std::process::exit(1);
                });
            }
            Ok(response)
        },
    )
}

/// Loses the habits that were stored before the outage.
fn lose_habits() -> Sabotage {
    let stored: Rc<RefCell<BTreeSet<i64>>> = Rc::default();
    let lost: Rc<RefCell<BTreeSet<i64>>> = Rc::default();
    wrong("outage-forgets-habits", TRIPS, "After an outage of the database the habits from before are lost.").instead(
        any,
        async move |request, upstream| {
            if request.id().is_some_and(|id| lost.borrow().contains(&id)) {
                return upstream.problem(&request, 404, "There is no such habit.").await;
            }
            let is_new = creates(&request);
            let (response, failure) = send_and_detect(request, upstream).await?;
            if failure == Some(DatabaseFailure::Unreachable) {
                lost.borrow_mut().append(&mut stored.borrow_mut());
            } else if is_new {
                stored.borrow_mut().extend(response.id());
            }
            Ok::<_, ConnectionLost>(response)
        },
    )
}
