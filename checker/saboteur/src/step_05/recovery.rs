//! Servers that do not get over the loss of their database, or over its silence.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::database_failure::{Trouble, ask};
use crate::api::routes::{any, creates, reads};
use crate::http::{ConnectionLost, Request};
use crate::sabotage::{Sabotage, wrong};

const BACK: &[&str] = &["5.database-back"];
const AGAIN: &str = "Try again later.";
/// Time for the last answer to get out, and too little for anything else.
const LAST_WORD: Duration = Duration::from_millis(10);

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    let (minute, forever) = (Duration::from_secs(60), Duration::from_secs(86_400));
    vec![
        shut("outage-never-ends", BACK, "Once the database was gone, everything answers 503.", Trouble::Gone, any, forever),
        shut(
            "outage-lasts-a-minute",
            BACK,
            "Once the database was gone, it is not asked for a minute.",
            Trouble::Gone,
            any,
            minute,
        ),
        shut(
            "outage-stops-writing",
            BACK,
            "Once the database was gone, nothing is stored any more.",
            Trouble::Gone,
            creates,
            forever,
        ),
        shut(
            "outage-stops-reading",
            BACK,
            "Once the database was gone, GET /habits/{id} answers 503.",
            Trouble::Gone,
            reads,
            forever,
        ),
        shut(
            "silence-never-ends",
            &["5.database-slow"],
            "Once the database was silent, everything answers 503.",
            Trouble::Silent,
            any,
            forever,
        ),
        every_other(),
        forgetting(),
        ending(),
    ]
}

/// Answers 503 without asking anybody, from the first trouble on.
fn shut(
    name: &'static str,
    trips: &'static [&'static str],
    breaks: &'static str,
    meant: Trouble,
    what: fn(&Request) -> bool,
    time: Duration,
) -> Sabotage {
    let since: Cell<Option<Instant>> = Cell::default();
    wrong(name, trips, breaks).instead(any, async move |request, upstream| {
        if what(&request) && since.get().is_some_and(|since| since.elapsed() < time) {
            return upstream.problem(&request, 503, AGAIN).await;
        }
        let (response, trouble) = ask(request, upstream).await?;
        if trouble == Some(meant) {
            since.set(Some(Instant::now()));
        }
        Ok(response)
    })
}

fn every_other() -> Sabotage {
    let asked: Cell<Option<usize>> = Cell::default();
    wrong("outage-leaves-a-dead-connection", BACK, "One of two connections stays dead after the database was gone.").instead(
        any,
        async move |request, upstream| {
            asked.set(asked.get().map(|count| count + 1));
            if asked.get().is_some_and(|count| count % 2 == 0) {
                return upstream.problem(&request, 503, AGAIN).await;
            }
            let (response, trouble) = ask(request, upstream).await?;
            if trouble == Some(Trouble::Gone) {
                asked.set(asked.get().or(Some(0)));
            }
            Ok(response)
        },
    )
}

/// Ends as soon as nobody waits for an answer any more.
fn ending() -> Sabotage {
    let inside: Rc<Cell<usize>> = Rc::default();
    wrong("outage-ends-the-server", BACK, "The program ends when the database is gone.").instead(
        any,
        async move |request, upstream| {
            inside.set(inside.get() + 1);
            let asked = ask(request, upstream).await;
            inside.set(inside.get() - 1);
            let (response, trouble) = asked?;
            if trouble == Some(Trouble::Gone) {
                let inside = inside.clone();
                tokio::task::spawn_local(async move {
                    tokio::time::sleep(LAST_WORD).await;
                    while inside.get() > 0 {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                    std::process::exit(1);
                });
            }
            Ok(response)
        },
    )
}

/// What it stored before is not found afterwards.
fn forgetting() -> Sabotage {
    let stored: Rc<RefCell<BTreeSet<i64>>> = Rc::default();
    let lost: Rc<RefCell<BTreeSet<i64>>> = Rc::default();
    wrong("outage-forgets-habits", BACK, "A habit from before the database was gone is not found afterwards.").instead(
        any,
        async move |request, upstream| {
            if request.id().is_some_and(|id| lost.borrow().contains(&id)) {
                return upstream.problem(&request, 404, "There is no such habit.").await;
            }
            let is_new = creates(&request);
            let (response, trouble) = ask(request, upstream).await?;
            if trouble == Some(Trouble::Gone) {
                lost.borrow_mut().append(&mut stored.borrow_mut());
            } else if is_new {
                stored.borrow_mut().extend(response.id());
            }
            Ok::<_, ConnectionLost>(response)
        },
    )
}
