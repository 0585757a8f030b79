//! Clients that hang up, and servers that leak a pool connection each time.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use crate::api::routes::{completes, creates, imports, lists, patches, reads};
use crate::http::Request;
use crate::sabotage::{Sabotage, wrong};

const TRIPS: &[&str] = &["5.pool"];

/// Runs `act` if the client hangs up before it gets its response.
struct OnHangUp<F: Fn()> {
    is_done: bool,
    act: F,
}

impl<F: Fn()> Drop for OnHangUp<F> {
    fn drop(&mut self) {
        if !self.is_done {
            (self.act)();
        }
    }
}

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    let writes: fn(&Request) -> bool = |request| creates(request) || imports(request);
    // Every client that hangs up leaks one of so many connections.
    let leak = |name, breaks, when: fn(&Request) -> bool, connections: usize| {
        let leaked: Rc<Cell<usize>> = Rc::default();
        wrong(name, TRIPS, breaks).instead(
            move |request| creates(request) || when(request),
            async move |request, upstream| {
                if leaked.get() >= connections {
                    tokio::time::sleep(Duration::from_millis(400)).await;
                    return upstream.problem(&request, 503, "Try again later.").await;
                }
                let leaks = when(&request);
                let leaked = leaked.clone();
                let mut guard = OnHangUp { is_done: !leaks, act: || leaked.set(leaked.get() + 1) };
                let response = upstream.send(request).await;
                guard.is_done = true;
                response
            },
        )
    };
    vec![
        leak("hang-ups-take-connections", "A client that hangs up leaks one of 10 pool connections.", writes, 10),
        leak("hang-ups-take-many-connections", "A client that hangs up leaks one of 30 pool connections.", writes, 30),
        leak("hang-ups-keep-a-lock", "A client that hangs up leaves a lock behind that is never released.", writes, 1),
        leak("hang-ups-in-imports-take-connections", "A canceled import leaks one of 10 pool connections.", imports, 10),
        leak("hang-ups-in-creates-take-connections", "A canceled POST leaks one of 10 pool connections.", creates, 10),
        leak("hang-ups-in-lists-take-connections", "A canceled GET /habits leaks one of 10 pool connections.", lists, 10),
        leak("hang-ups-in-reads-take-connections", "A canceled GET /habits/{id} leaks one of 10 pool connections.", reads, 10),
        leak("hang-ups-in-patches-take-connections", "A canceled PATCH leaks one of 10 pool connections.", patches, 10),
        leak(
            "hang-ups-in-completions-take-connections",
            "A canceled PUT of a completion leaks one of 10 pool connections.",
            completes,
            10,
        ),
        leak("hang-ups-in-lists-take-many-connections", "A canceled GET /habits leaks one of 30 pool connections.", lists, 30),
        leak("hang-ups-in-patches-take-many-connections", "A canceled PATCH leaks one of 30 pool connections.", patches, 30),
        leak_on_404(),
        leave_transaction_open(writes),
        wrong("hang-ups-end-the-server", TRIPS, "The server exits when a client hangs up.").instead(
            writes,
            async |request, upstream| {
                let mut guard = OnHangUp { is_done: false, act: || std::process::exit(1) };
                let response = upstream.send(request).await;
                guard.is_done = true;
                response
            },
        ),
    ]
}

/// Each PATCH of an unknown habit leaks one of 10 connections. A successful one returns them all, so that only many in a row show the
/// leak.
fn leak_on_404() -> Sabotage {
    let kept: Cell<usize> = Cell::default();
    let breaks = "PATCH of an unknown habit leaks one of 10 pool connections.";
    wrong("refusals-take-connections", TRIPS, breaks).instead(
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

/// A connection returns to the pool with an open transaction. What is stored over it later is never committed.
fn leave_transaction_open(when: fn(&Request) -> bool) -> Sabotage {
    let open: Rc<Cell<usize>> = Rc::default();
    let breaks =
        "A client that hangs up leaves a transaction open in a pool connection, so that later writes are never committed.";
    wrong("hang-ups-leave-transactions-open", TRIPS, breaks).instead(when, async move |request, upstream| {
        let is_create = creates(&request);
        let open = open.clone();
        let mut guard = OnHangUp { is_done: false, act: || open.set(open.get() + 1) };
        let response = upstream.send(request).await;
        guard.is_done = true;
        let response = response?;
        if is_create
            && open.get() > 0
            && let Some(id) = response.id()
        {
            upstream.database().run(&format!("DELETE FROM habits WHERE id = {id}")).await?;
        }
        Ok(response)
    })
}
