//! Requests that take longer than they may, and clients that do not wait.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::json;

use super::outage::{Trouble, ask, in_trouble};
use crate::api::routes::{any, completes, creates, imports, lists, patches, reads};
use crate::http::{ConnectionLost, Request, Response};
use crate::sabotage::{Sabotage, wrong};

const SLOW: &[&str] = &["5.database-slow"];
const POOL: &[&str] = &["5.pool"];
/// More than the right server waits for a connection, and less than for an answer, when REQUEST_TIMEOUT_MS is 400.
const LIMIT_OF_THE_POOL: Duration = Duration::from_millis(350);
/// More than any check waits.
const TOO_LONG: Duration = Duration::from_secs(5);

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [waiting(), responses(), hang_ups()].into_iter().flatten().collect()
}

fn waiting() -> Vec<Sabotage> {
    let timeout = |name, breaks, milliseconds: &'static str| {
        wrong(name, SLOW, breaks).startup(move |startup| startup.variables.push(("REQUEST_TIMEOUT_MS", milliseconds.into())))
    };
    let patient = |name, breaks, when: fn(&Request) -> bool| {
        wrong(name, SLOW, breaks).instead(when, async |request, upstream| {
            let (response, trouble) = ask(request, upstream).await?;
            if trouble == Some(Trouble::Silent) {
                tokio::time::sleep(TOO_LONG).await;
            }
            Ok(response)
        })
    };
    vec![
        timeout("requests-may-take-a-minute", "A request ends after a minute, whatever REQUEST_TIMEOUT_MS says.", "60000"),
        timeout("timeout-is-always-5-seconds", "REQUEST_TIMEOUT_MS is not read.", "5000"),
        timeout("timeout-is-in-hundredths", "REQUEST_TIMEOUT_MS is taken for hundredths of a second.", "4000"),
        wrong("lost-answers-are-waited-for", SLOW, "Getting a connection has a limit, but the answer to a statement has none.")
            .instead(creates, async |request, upstream| {
                let begun = Instant::now();
                let response = upstream.send(request).await?;
                if response.status() == 503 && begun.elapsed() > LIMIT_OF_THE_POOL {
                    tokio::time::sleep(TOO_LONG).await;
                }
                Ok(response)
            }),
        patient("imports-have-no-timeout", "An import waits for a silent database.", imports),
        patient("creates-have-no-timeout", "POST /habits waits for a silent database.", creates),
    ]
}

fn responses() -> Vec<Sabotage> {
    let late =
        |name, breaks, change: fn(&Request, &mut Response)| in_trouble(wrong(name, SLOW, breaks), Trouble::Silent, any, change);
    vec![
        late("timeout-answers-500", "A request that takes too long is answered by 500.", |_, response| {
            response.set_problem(500, "Oops.")
        }),
        late("timeout-answers-404", "A request that takes too long is answered by 404.", |_, response| {
            response.set_problem(404, "Nothing.")
        }),
        late("timeout-answers-400", "A request that takes too long is answered by 400.", |_, response| {
            response.set_problem(400, "Slow.")
        }),
        late("timeout-is-no-problem", "A timeout is answered by 503 without problem details.", |_, response| {
            response.set_plain_error(503, "timeout")
        }),
        late("timeout-says-nothing", "A timeout is answered by 408 without a body, as a layer does by itself.", |_, response| {
            response.set_status(408);
            response.clear();
        }),
        late("timeout-tells-the-library", "The answer to a request that takes too long names the library.", |_, response| {
            response.set_problem(503, "tokio::time::error::Elapsed: deadline has elapsed")
        }),
        late("timeout-answers-201", "POST answers 201 when the database is silent.", |request, response| {
            response.set_status(201);
            match creates(request) {
                true => response.set_json("application/json", &json!({ "id": 1, "name": request.field("name") })),
                false => response.set_json("application/json", &json!([])),
            }
        }),
        wrong("timeout-hangs-up", SLOW, "A request that takes too long ends with the connection.").instead(
            any,
            async |request, upstream| match ask(request, upstream).await? {
                (_, Some(Trouble::Silent)) => Err(ConnectionLost),
                (response, _) => Ok(response),
            },
        ),
    ]
}

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

fn hang_ups() -> Vec<Sabotage> {
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
