//! Fuzzing: 300 malformed requests from a seed. A request that breaks the server is shrunk to a minimal one for the report.

mod draft;
mod mutate;
mod odd;
mod shrink;

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;

use crate::step_04::SIGN_IN;
use draft::Draft;
use harness::api::{Api, ExtraServer};
use harness::check::{Check, check};
use harness::route::Values;
use model::{Exchange, NoResponse, Outcome, Request, Stop};
use mutate::{Case, cases};
use shrink::shrink;

/// The number of requests, and how many of them are sent in parallel.
const REQUESTS: usize = 300;
const PARALLEL: usize = 6;
/// The maximum number of requests to shrink one, and the same if each costs a restart of the server.
const TRIES: usize = 600;
const RESTARTS: usize = 30;
/// The maximum number of requests in flight at a crash that are tried one by one.
const SUSPECTS: usize = 12;
/// The time limit for shrinking: with a server that never responds, each try takes long.
const SHRINK_TIME: Duration = Duration::from_secs(30);

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("5.malformed", "The server handles 300 malformed requests from a random seed without a 5xx, and keeps working")
            .book("never-trust-input")
            .hints(&[
                "The report shows a minimal request that causes the failure (fuzzing with shrinking). What does your log say about it?",
                "A 500 for a malformed request means that your code treats a client error as a server error: find the `?` that propagates it.",
                "A connection that closes without a response usually means a panic. `CatchPanicLayer` turns a panic into a 500 response; you still have to fix its cause.",
            ])
            .proof(async |api| {
                let bases = bases(api).await?;
                let cases = cases(api.data.below(u64::MAX), &bases, REQUESTS);
                if let Some((case, breakage)) = first_breaking(api, &bases, &cases).await? {
                    return Err(minimal_failure(api, &bases, case, breakage).await?);
                }
                let habit = api.create_described(&api.data.name(), &api.data.description()).await?;
                let (response, read) = api.read(&habit).await?;
                read.expect_same(&response, &habit)?;
                let (response, list) = api.list().await?;
                match list.iter().any(|listed| listed.id == habit.id) {
                    true => Ok(()),
                    false => Err(response.fail("a list with the habit created after the malformed requests", "a list without it")),
                }
            }),
    ]
}

/// The failure that a malformed request caused.
#[derive(Clone)]
struct Breakage {
    exchange: Rc<Exchange>,
    actual: String,
    /// Whether the server refuses connections.
    is_refused: bool,
}

/// Valid requests to every route, except DELETE /me.
async fn bases(api: &Api) -> Outcome<Vec<Request>> {
    let kept = api.any_habit().await?.id.to_string();
    let routes = api.routes().iter().filter(|route| (route.method, route.path) != ("DELETE", "/me"));
    let mut bases = Vec::new();
    for route in routes {
        let id = match route.method {
            "DELETE" => api.any_habit().await?.id.to_string(),
            _ => kept.clone(),
        };
        bases.push(route.request("", Values { id: &id, date: "2026-01-31", name: &api.data.name() }));
    }
    let (email, password) = (api.email(), api.data.token(12));
    let described = json!({ "name": api.data.name(), "description": "why not", "completed_today": false });
    bases.push(Request::new("PATCH", format!("/habits/{kept}")).json(&described));
    bases.push(Request::new("POST", "/habits").json(&json!({ "name": api.data.name(), "description": "why" })));
    let habits = json!([{ "name": api.data.name(), "description": "why", "completions": ["2026-01-30", "2026-01-31"] }]);
    bases.push(Request::new("POST", "/habits/import").json(&habits));
    bases.push(SIGN_IN.sign_up(&json!({ "email": email, "password": password, "name": "Ada" })));
    bases.push(SIGN_IN.log_in(&json!({ "email": email, "password": password })));
    Ok(bases)
}

/// Sends all requests; returns the first one that broke the server, with the other suspects.
async fn first_breaking(api: &Api, bases: &[Request], cases: &[Case]) -> Outcome<Option<(Vec<Case>, Breakage)>> {
    let next = Cell::new(0);
    let broken: Cell<Vec<(Case, Breakage)>> = Cell::default();
    let is_done = Cell::new(false);
    let worker = || async {
        while let Some(case) = cases.get(next.get()).filter(|_| !is_done.get()) {
            next.set(next.get() + 1);
            if let Some(breakage) = breakage_of(api, &case.draft(bases)).await? {
                is_done.set(true);
                let mut all = broken.take();
                all.push((case.clone(), breakage));
                broken.set(all);
            }
        }
        Outcome::Ok(())
    };
    join_all((0..PARALLEL).map(|_| worker())).await.into_iter().collect::<Outcome>()?;
    let broken = broken.take();
    // A 5xx response identifies its request; after a crash, every request in flight may be the cause.
    let certain = broken.iter().find(|(_, breakage)| breakage.exchange.reply.is_ok());
    let first = certain.or(broken.first()).cloned();
    Ok(first.map(|(case, breakage)| {
        let is_certain = breakage.exchange.reply.is_ok();
        let others = broken.into_iter().map(|(case, _)| case).filter(|other| !is_certain && *other != case);
        (std::iter::once(case.clone()).chain(others).take(SUSPECTS).collect(), breakage)
    }))
}

/// The failure that a request causes, if any: a 5xx, a connection without a response, or a crashed server.
async fn breakage_of(api: &Api, draft: &Draft) -> Outcome<Option<Breakage>> {
    let request = api.http.signed(draft.request()).await?;
    let exchange = match draft.declared_length {
        Some(length) => api.http.probe().exchange_truncated(request, length).await,
        None => api.http.probe().exchange(request).await,
    };
    let (actual, is_refused) = match &exchange.reply {
        Ok(reply) if reply.status < 500 => return Ok(None),
        Ok(reply) => (format!("status {}", model::status_name(reply.status)), false),
        // A client that closes the connection in the middle of a body need not get a response.
        Err(NoResponse::Closed(_) | NoResponse::NotHttp(_)) if draft.declared_length.is_some() => return Ok(None),
        Err(none) => (none.to_string(), matches!(none, NoResponse::Refused)),
    };
    Ok(Some(Breakage { exchange, actual, is_refused }))
}

/// The failure of a minimal request that still breaks the server.
async fn minimal_failure(api: &Api, bases: &[Request], suspects: Vec<Case>, first: Breakage) -> Outcome<Stop> {
    let mut retry = Retry { api, replacement: None, deadline: Instant::now() + SHRINK_TIME };
    let mut found = first;
    for case in suspects {
        let Some(breakage) = retry.send(&case.draft(bases)).await else { continue };
        found = breakage;
        let mut tries = if retry.replacement.is_some() { RESTARTS } else { TRIES };
        let case = shrink(case, &mut tries, async |case| retry.still_breaks(&case.draft(bases), &mut found).await).await;
        shrink(case.draft(bases), &mut tries, async |draft| retry.still_breaks(draft, &mut found).await).await;
        break;
    }
    let expected = "a status code below 500, such as 400, for every request";
    let failure = model::Failure { expected: expected.into(), actual: found.actual, exchange: Some(found.exchange) };
    Ok(Stop::Fail(Box::new(failure)))
}

/// Sends requests again, to the server itself, or to a new one once it has crashed.
struct Retry<'a> {
    api: &'a Api,
    replacement: Option<ExtraServer>,
    /// The deadline of the search.
    deadline: Instant,
}

impl Retry<'_> {
    /// The failure that the request causes on a running server, if any.
    async fn send(&mut self, draft: &Draft) -> Option<Breakage> {
        for _ in 0..2 {
            if Instant::now() > self.deadline {
                return None;
            }
            let api = self.replacement.as_ref().map_or(self.api, |server| &server.api);
            let breakage = breakage_of(api, draft).await.ok()??;
            let has_crashed = breakage.is_refused || breakage.exchange.reply.is_err() && refuses_connections(api).await;
            if !has_crashed {
                return Some(breakage);
            }
            // A new server replaces it. A request that crashed a running server is the cause.
            let was_running = !breakage.is_refused;
            self.replacement = self.api.start_on(self.api.backing().ok()?, &[]).await.ok();
            self.replacement.as_ref()?;
            if was_running {
                return Some(breakage);
            }
        }
        None
    }

    /// Whether the request still breaks the server; updates `found` if so.
    async fn still_breaks(&mut self, draft: &Draft, found: &mut Breakage) -> bool {
        match self.send(draft).await {
            Some(breakage) => {
                *found = breakage;
                true
            }
            None => false,
        }
    }
}

async fn refuses_connections(api: &Api) -> bool {
    let exchange = api.http.probe().exchange(Request::new("GET", "/docs")).await;
    matches!(exchange.reply, Err(NoResponse::Refused))
}
