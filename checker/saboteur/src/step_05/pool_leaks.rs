//! Clients that hang up, and servers that leak a pool connection each time.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use crate::api::routes::{completes, creates, imports, lists, patches, reads};
use crate::http::Request;
use crate::sabotage::{Sabotage, wrong};

const POOL: &[&str] = &["5.pool"];

/// A request that is being answered: what happens when its client hangs up.
struct Borrowed<F: Fn()> {
    is_given_back: bool,
    lost: F,
}

impl<F: Fn()> Drop for Borrowed<F> {
    fn drop(&mut self) {
        if !self.is_given_back {
            (self.lost)();
        }
    }
}

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    let writes: fn(&Request) -> bool = |request| creates(request) || imports(request);
    // Every client that hangs up takes one of so many connections along.
    let leaking = |name, breaks, when: fn(&Request) -> bool, connections: usize| {
        let leaked: Rc<Cell<usize>> = Rc::default();
        wrong(name, POOL, breaks).instead(
            move |request| creates(request) || when(request),
            async move |request, upstream| {
                if leaked.get() >= connections {
                    tokio::time::sleep(Duration::from_millis(400)).await;
                    return upstream.problem(&request, 503, "Try again later.").await;
                }
                let leaks = when(&request);
                let leaked = leaked.clone();
                let mut borrowed = Borrowed { is_given_back: !leaks, lost: || leaked.set(leaked.get() + 1) };
                let response = upstream.send(request).await;
                borrowed.is_given_back = true;
                response
            },
        )
    };
    vec![
        leaking("hang-ups-take-connections", "A client that hangs up takes one of 10 connections along.", writes, 10),
        leaking("hang-ups-take-many-connections", "A client that hangs up takes one of 30 connections along.", writes, 30),
        leaking("hang-ups-keep-a-lock", "A client that hangs up leaves a lock behind.", writes, 1),
        leaking(
            "hang-ups-in-imports-take-connections",
            "An import that is given up takes one of 10 connections along.",
            imports,
            10,
        ),
        leaking(
            "hang-ups-in-creates-take-connections",
            "A POST that is given up takes one of 10 connections along.",
            creates,
            10,
        ),
        leaking(
            "hang-ups-in-lists-take-connections",
            "GET /habits that is given up takes one of 10 connections along.",
            lists,
            10,
        ),
        leaking(
            "hang-ups-in-reads-take-connections",
            "GET /habits/{id} that is given up takes one of 10 connections along.",
            reads,
            10,
        ),
        leaking("hang-ups-in-patches-take-connections", "PATCH that is given up takes one of 10 connections along.", patches, 10),
        leaking(
            "hang-ups-in-completions-take-connections",
            "PUT of a completion that is given up takes one of 10 connections along.",
            completes,
            10,
        ),
        refusals(),
        uncommitted(writes),
        wrong("hang-ups-end-the-server", POOL, "The program ends when a client does not wait for its answer.").instead(
            writes,
            async |request, upstream| {
                let mut borrowed = Borrowed { is_given_back: false, lost: || std::process::exit(1) };
                let response = upstream.send(request).await;
                borrowed.is_given_back = true;
                response
            },
        ),
    ]
}

/// A request that is refused after the database was asked keeps its connection, one of 10; whatever succeeds gives all back, so that
/// only many of them in a row show it.
fn refusals() -> Sabotage {
    let kept: Cell<usize> = Cell::default();
    let breaks = "A PATCH of a habit that is not there takes one of 10 connections along.";
    wrong("refusals-take-connections", POOL, breaks).instead(
        |request| patches(request) || creates(request),
        async move |request, upstream| {
            if kept.get() >= 10 {
                return upstream.problem(&request, 503, "Try again later.").await;
            }
            let is_patch = patches(&request);
            let response = upstream.send(request).await?;
            if is_patch {
                kept.set(if response.status() == 404 { kept.get() + 1 } else { 0 });
            }
            Ok(response)
        },
    )
}

/// What is stored over a connection that was given back in the middle of a transaction is seen by nobody else.
fn uncommitted(when: fn(&Request) -> bool) -> Sabotage {
    let poisoned: Rc<Cell<usize>> = Rc::default();
    let breaks = "A client that hangs up leaves a transaction open, on whose connection others store what is never committed.";
    wrong("hang-ups-leave-transactions-open", POOL, breaks).instead(when, async move |request, upstream| {
        let is_create = creates(&request);
        let poisoned = poisoned.clone();
        let mut borrowed = Borrowed { is_given_back: false, lost: || poisoned.set(poisoned.get() + 1) };
        let response = upstream.send(request).await;
        borrowed.is_given_back = true;
        let response = response?;
        if is_create
            && poisoned.get() > 0
            && let Some(id) = response.id()
        {
            upstream.database().run(&format!("DELETE FROM habits WHERE id = {id}")).await?;
        }
        Ok(response)
    })
}
