//! 300 requests that make no sense, from a seed. What breaks the server is made as small as it can be, and shown.

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
use harness::route::Filling;
use model::{Exchange, NoAnswer, Outcome, Request, Stop};
use mutate::{Case, cases};
use shrink::shrink;

/// How many requests are sent, and how many at once.
const REQUESTS: usize = 300;
const AT_ONCE: usize = 6;
/// How many requests may be sent to make one smaller, and how many where each one costs a start of the server.
const TRIES: usize = 600;
const STARTS: usize = 30;
/// How many requests that were on the way when a server ended are tried one by one.
const SUSPECTS: usize = 12;
/// How long a smaller request is looked for: a server that never answers makes each try a long one.
const SEARCH: Duration = Duration::from_secs(30);

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("5.malformed", "300 malformed requests, other ones with each seed, bring no 5xx and no silence, and the server stays well")
            .book("never-trust-input")
            .hints(&[
                "The request below is the smallest that still does it. What does your log say of it?",
                "A 500 for what a client sent means that an error was taken for one of the server: find the `?` that let it through.",
                "A connection that is closed without an answer is a panic, most often. `CatchPanicLayer` makes it an answer; the cause stays yours.",
            ])
            .proof(async |api| {
                let bases = bases(api).await?;
                let cases = cases(api.data.below(u64::MAX), &bases, REQUESTS);
                if let Some((case, breakage)) = first_broken(api, &bases, &cases).await? {
                    return Err(smallest(api, &bases, case, breakage).await?);
                }
                let habit = api.create_described(&api.data.name(), &api.data.description()).await?;
                let (answer, read) = api.read(&habit).await?;
                read.expect_same(&answer, &habit)?;
                let (answer, list) = api.list().await?;
                match list.iter().any(|listed| listed.id == habit.id) {
                    true => Ok(()),
                    false => Err(answer.fail("a list with the habit that was made after the malformed requests", "a list without it")),
                }
            }),
    ]
}

/// What a malformed request did.
#[derive(Clone)]
struct Breakage {
    exchange: Rc<Exchange>,
    actual: String,
    /// Whether nobody listens any more.
    is_end: bool,
}

/// Valid requests to every route, but for those that take the user away.
async fn bases(api: &Api) -> Outcome<Vec<Request>> {
    let kept = api.any_habit().await?.id.to_string();
    let routes = api.routes().iter().filter(|route| (route.method, route.path) != ("DELETE", "/me"));
    let mut bases = Vec::new();
    for route in routes {
        let id = match route.method {
            "DELETE" => api.any_habit().await?.id.to_string(),
            _ => kept.clone(),
        };
        bases.push(route.request("", Filling { id: &id, date: "2026-01-31", name: &api.data.name() }));
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

/// Sends all, and gives the first that broke something.
async fn first_broken(api: &Api, bases: &[Request], cases: &[Case]) -> Outcome<Option<(Vec<Case>, Breakage)>> {
    let next = Cell::new(0);
    let broken: Cell<Vec<(Case, Breakage)>> = Cell::default();
    let is_over = Cell::new(false);
    let work = || async {
        while let Some(case) = cases.get(next.get()).filter(|_| !is_over.get()) {
            next.set(next.get() + 1);
            if let Some(breakage) = broken_by(api, &case.draft(bases)).await? {
                is_over.set(true);
                let mut all = broken.take();
                all.push((case.clone(), breakage));
                broken.set(all);
            }
        }
        Outcome::Ok(())
    };
    join_all((0..AT_ONCE).map(|_| work())).await.into_iter().collect::<Outcome>()?;
    let broken = broken.take();
    // An answer that tells of a fault says which request it was; of a server that ended, every request on the way may be the cause.
    let certain = broken.iter().find(|(_, breakage)| breakage.exchange.reply.is_ok());
    let first = certain.or(broken.first()).cloned();
    Ok(first.map(|(case, breakage)| {
        let is_certain = breakage.exchange.reply.is_ok();
        let others = broken.into_iter().map(|(case, _)| case).filter(|other| !is_certain && *other != case);
        (std::iter::once(case.clone()).chain(others).take(SUSPECTS).collect(), breakage)
    }))
}

/// What a request breaks: a 5xx, a connection without an answer, a server that is gone.
async fn broken_by(api: &Api, draft: &Draft) -> Outcome<Option<Breakage>> {
    let request = api.http.signed(draft.request()).await?;
    let exchange = match draft.told {
        Some(told) => api.http.probe().exchange_truncated(request, told).await,
        None => api.http.probe().exchange(request).await,
    };
    let (actual, is_end) = match &exchange.reply {
        Ok(reply) if reply.status < 500 => return Ok(None),
        Ok(reply) => (format!("status {}", model::status_name(reply.status)), false),
        // Whoever ends a connection in the middle of a body need not be answered.
        Err(NoAnswer::Closed(_) | NoAnswer::NotHttp(_)) if draft.told.is_some() => return Ok(None),
        Err(none) => (none.to_string(), matches!(none, NoAnswer::Refused)),
    };
    Ok(Some(Breakage { exchange, actual, is_end }))
}

/// The failure, told by the smallest request that still breaks something.
async fn smallest(api: &Api, bases: &[Request], suspects: Vec<Case>, first: Breakage) -> Outcome<Stop> {
    let mut bench = Bench { api, own: None, until: Instant::now() + SEARCH };
    let mut found = first;
    for case in suspects {
        let Some(breakage) = bench.try_out(&case.draft(bases)).await else { continue };
        found = breakage;
        let mut tries = if bench.own.is_some() { STARTS } else { TRIES };
        let case = shrink(case, &mut tries, async |case| bench.keep(&case.draft(bases), &mut found).await).await;
        shrink(case.draft(bases), &mut tries, async |draft| bench.keep(draft, &mut found).await).await;
        break;
    }
    let expected = "an answer below 500, such as 400, to whatever is sent";
    let failure = model::Failure { expected: expected.into(), actual: found.actual, exchange: Some(found.exchange) };
    Ok(Stop::Fail(Box::new(failure)))
}

/// Where requests are tried out again: the server itself, or one of our own in its place once it has ended.
struct Bench<'a> {
    api: &'a Api,
    own: Option<ExtraServer>,
    /// When it is enough.
    until: Instant,
}

impl Bench<'_> {
    async fn try_out(&mut self, draft: &Draft) -> Option<Breakage> {
        for _ in 0..2 {
            if Instant::now() > self.until {
                return None;
            }
            let api = self.own.as_ref().map_or(self.api, |own| &own.api);
            let breakage = broken_by(api, draft).await.ok()??;
            let is_gone = breakage.is_end || breakage.exchange.reply.is_err() && is_gone(api).await;
            if !is_gone {
                return Some(breakage);
            }
            // A new one takes its place; what broke a server that was well is the cause.
            let was_well = !breakage.is_end;
            self.own = self.api.start_on(self.api.backing().ok()?, &[]).await.ok();
            self.own.as_ref()?;
            if was_well {
                return Some(breakage);
            }
        }
        None
    }

    async fn keep(&mut self, draft: &Draft, found: &mut Breakage) -> bool {
        match self.try_out(draft).await {
            Some(breakage) => {
                *found = breakage;
                true
            }
            None => false,
        }
    }
}

async fn is_gone(api: &Api) -> bool {
    let exchange = api.http.probe().exchange(Request::new("GET", "/docs")).await;
    matches!(exchange.reply, Err(NoAnswer::Refused))
}
