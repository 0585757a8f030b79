//! A database outage, and the recovery from it.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;
use taps::Fault;

use super::causes::has_cause;
use crate::step_04::expect_not_logged;
use harness::api::{Api, ExtraServer};
use harness::check::{Check, check};
use harness::habit::Habit;
use harness::logline;
use harness::problem::{expect_no_internals, expect_problem, expect_request_id};
use model::{Outcome, Request, Stop};
use probe::Response;
use services::DATABASE;
use services::postgres::Store;

/// The `REQUEST_TIMEOUT_MS` of servers that lose their database.
pub const TIMEOUT_MS: &str = "400";
/// The same as a duration, and the time that the contract allows beyond it.
const TIMEOUT: Duration = Duration::from_millis(400);
const GRACE: Duration = Duration::from_secs(1);
/// The time within which a server must recover.
const RECOVERY: Duration = Duration::from_secs(10);
/// The pause between two attempts, and the number of consecutive successes that make a recovery.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
const SUCCESSES: usize = 3;
/// The time to wait after an outage, to detect a server that exits because of it.
const EXIT_DELAY: Duration = Duration::from_millis(150);

/// Fragments of driver messages about connections, which no response may contain.
const DRIVER_MESSAGES: [&str; 8] = [
    "os error",
    "econn",
    "connection refused",
    "connection reset",
    "broken pipe",
    "unexpected eof",
    "pool timed out",
    "sqlstate",
];

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check(
            "5.database-cut",
            "While the database is unreachable, every route responds 503 with problem details in time and leaks no internals",
        )
        .disturbs(DATABASE)
        .book("when-the-database-is-gone")
        .hints(&[
            "The request was valid, and the client may retry later. Which 5xx status code means this?",
            "In Rust, decide in one place: `impl From<sqlx::Error> for Error`. A connection error is different from an error in your SQL.",
            "Map `sqlx::Error::Io`, `PoolTimedOut`, `PoolClosed` and the SQLSTATE classes 08, 53 and 57 to `Error::Unavailable`, in the one place that converts errors to responses.",
        ])
        .proof(async |api| {
            let server = start_with_short_timeout(api).await?;
            let api = &server.api;
            let habit = new_habit(api).await?;
            let outage = Outage::begin(api)?;
            let password = api.data.token(20);
            let requests = [reads(&habit), writes(api, &habit, &password)].concat();
            let responses = join_all(requests.into_iter().map(|request| respond_in_time(api, request))).await;
            let responses = responses.into_iter().collect::<Outcome<Vec<Response>>>()?;
            let hits = outage.end();
            let (reads, writes) = responses.split_at(reads(&habit).len());
            for response in writes {
                hits.expect_unavailable(response)?;
                expect_no_leak(api, response)?;
                expect_request_id(response)?;
            }
            for response in reads.iter().filter(|response| response.code() != 200) {
                hits.expect_unavailable(response)?;
                expect_no_leak(api, response)?;
            }
            expect_current_if_ok(&reads[0], Habit::list(&reads[0]), &habit)?;
            expect_current_if_ok(&reads[1], Habit::of(&reads[1]).map(|read| vec![read]), &habit)?;
            expect_not_logged(api, &[password]).await
        }),
        check("5.database-cut-logged", "The log contains the cause of a database error, under the x-request-id of the response")
            .needs(&["5.database-cut"])
            .disturbs(DATABASE)
            .book("when-the-database-is-gone")
            .hints(&[
                "The client gets a generic message and a request id. With this id, you want to find the cause in the log: log the error itself.",
                "Where you convert an error to a response, call `tracing::error!(error = ?error, …)`. The event is in the request's span, which has the id.",
            ])
            .proof(async |api| {
                let server = start_with_short_timeout(api).await?;
                let api = &server.api;
                new_habit(api).await?;
                let id = format!("cut-{}", api.data.token(12));
                let log = api.log()?;
                let outage = Outage::begin(api)?;
                let request = Request::new("POST", "/habits").json(&json!({ "name": api.data.name() }));
                let response = respond_in_time(api, request.header("x-request-id", &id)).await?;
                outage.end().expect_unavailable(&response)?;
                expect_request_id(&response)?;
                let id = response.header("x-request-id").unwrap_or_default().to_owned();
                let problem = response.json()?;
                let response_words = ["title", "detail"].map(|field| problem[field].as_str().unwrap_or_default().to_lowercase());
                let deadline = Instant::now() + Duration::from_secs(3);
                loop {
                    let lines = log.lines();
                    if has_cause(&lines, &id, &response_words) {
                        return Ok(());
                    }
                    if Instant::now() > deadline {
                        let expected = format!("a log line with {id} and the cause: the error of the database connection");
                        let under_id: Vec<String> = lines.iter().filter(|line| line.contains(&id)).cloned().collect();
                        let actual = match under_id[..] {
                            [] => format!("no line with this id; the last lines are:\n{}", logline::excerpt(&lines)),
                            _ => format!("no cause in or below the lines with this id:\n{}", logline::excerpt(&under_id)),
                        };
                        return Err(response.fail(expected, actual));
                    }
                    tokio::time::sleep(POLL_INTERVAL).await;
                }
            }),
        check("5.database-back", "When the database is back, the server recovers by itself and has lost no data")
            .needs(&["5.database-cut"])
            .disturbs(DATABASE)
            .book("when-the-database-is-gone")
            .hints(&[
                "Nobody restarts the server. Does it exit, or does it keep using a dead connection?",
                "A connection pool opens new connections by itself, and tests a connection before it hands it out (`before_acquire`).",
            ])
            .proof(async |api| {
                let server = start_with_short_timeout(api).await?;
                let api = &server.api;
                let habit = new_habit(api).await?;
                let outage = Outage::begin(api)?;
                for _ in 0..2 {
                    // Another check covers the responses during the outage.
                    post(api).await?;
                }
                let hits = outage.end();
                let response = await_recovery(api).await?;
                hits.expect_some()?;
                tokio::time::sleep(EXIT_DELAY).await;
                let (_, read) = api.read(&habit).await?;
                read.expect_same(&response, &habit)?;
                Ok(())
            }),
    ]
}

/// Creates a habit, before the fault.
pub async fn new_habit(api: &Api) -> Outcome<Habit> {
    api.create_described(&api.data.name(), &api.data.description()).await
}

/// Sends a write; any response will do.
async fn post(api: &Api) -> Outcome<std::rc::Rc<model::Exchange>> {
    api.http.exchange(Request::new("POST", "/habits").json(&json!({ "name": api.data.name() }))).await
}

/// Waits until the server has recovered: until it stores several habits in a row.
pub async fn await_recovery(api: &Api) -> Outcome<Response> {
    let deadline = Instant::now() + RECOVERY;
    let mut successes = 0;
    loop {
        let exchange = post(api).await?;
        successes = if exchange.reply.as_ref().is_ok_and(|reply| reply.status == 201) { successes + 1 } else { 0 };
        if successes == SUCCESSES {
            return Response::of(exchange);
        }
        if Instant::now() > deadline {
            let response = Response::of(exchange)?;
            response.status(201)?;
            return Err(
                response.fail("a server that has recovered, so that every request succeeds", "a server that fails some requests")
            );
        }
        if successes == 0 {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
}

/// Sends a request; fails unless the response arrives within the timeout and a second.
pub async fn respond_in_time(api: &Api, request: Request) -> Outcome<Response> {
    let exchange = api.http.exchange(request).await?;
    let took = exchange.duration;
    let response = Response::of(exchange)?;
    match took <= TIMEOUT + GRACE {
        true => Ok(response),
        false => {
            let expected = format!("a response within REQUEST_TIMEOUT_MS={TIMEOUT_MS} plus 1 s");
            Err(response.fail(expected, format!("a response after {:.1} s", took.as_secs_f32())))
        }
    }
}

/// Requests to which a server may respond from a cache: the list, the habit, and more.
fn reads(habit: &Habit) -> Vec<Request> {
    let days = format!("{}/completions", habit.path());
    ["/habits".to_owned(), habit.path(), "/me".to_owned(), days].map(|path| Request::new("GET", path)).into()
}

/// Fails if the response is 200 and does not have the habit as it is stored.
fn expect_current_if_ok(response: &Response, habits: Outcome<Vec<Habit>>, habit: &Habit) -> Outcome {
    if response.code() != 200 {
        return Ok(());
    }
    match habits?.iter().find(|other| other.id == habit.id) {
        Some(other) => other.expect_same(response, habit).map(drop),
        None => Err(response.fail("status 503, or 200 with the stored data", "status 200 without a stored habit")),
    }
}

/// Requests that need the database.
fn writes(api: &Api, habit: &Habit, password: &str) -> Vec<Request> {
    let body = || json!({ "name": api.data.name() });
    vec![
        Request::new("POST", "/habits").json(&body()),
        Request::new("PATCH", habit.path()).json(&json!({ "description": api.data.description() })),
        Request::new("PUT", format!("{}/completions/2026-01-31", habit.path())),
        Request::new("DELETE", format!("{}/completions/2026-01-31", habit.path())),
        Request::new("DELETE", habit.path()),
        Request::new("DELETE", "/me"),
        Request::new("POST", "/habits/import").json(&json!([body(), body()])),
        Request::new("POST", "/auth/login").json(&json!({ "email": api.email(), "password": password })),
        Request::new("POST", "/auth/signup").json(&json!({ "email": api.email(), "password": password })),
    ]
}

/// An unreachable database: its connections are cut, and new ones are refused.
struct Outage {
    refusal: Fault,
    cut: usize,
}

/// The connections that an outage refused and cut.
struct Hits {
    refused: u64,
    cut: usize,
}

impl Outage {
    fn begin(api: &Api) -> Outcome<Outage> {
        let store = api.fixture::<Store>()?;
        let refusal = store.tap().refuse();
        Ok(Outage { refusal, cut: store.tap().cut_all() })
    }

    fn end(self) -> Hits {
        Hits { refused: self.refusal.end(), cut: self.cut }
    }
}

impl Hits {
    fn expect_some(&self) -> Outcome {
        match self.refused > 0 || self.cut > 0 {
            true => Ok(()),
            false => Err(Stop::Inconclusive("the server had no database connection that the checker could cut".into())),
        }
    }

    /// Fails unless the response is 503 with problem details.
    fn expect_unavailable(&self, response: &Response) -> Outcome {
        self.expect_some()?;
        if response.code() < 300 && self.refused == 0 {
            return Err(Stop::Inconclusive("the server responded without a query to its database".into()));
        }
        expect_problem(response, 503).map(drop)
    }
}

/// Fails if an error leaks internals: libraries, driver messages, or the address of the database.
pub fn expect_no_leak(api: &Api, response: &Response) -> Outcome {
    expect_no_internals(response)?;
    let address = api.fixture::<Store>()?.tap().address();
    let (host, port) = (address.ip().to_string(), format!(":{}", address.port()));
    let text = response.text().to_lowercase();
    match DRIVER_MESSAGES.into_iter().chain([host.as_str(), &port]).find(|leak| text.contains(leak)) {
        Some(leak) => {
            Err(response.fail("an error in your own words, without internals", format!("a body with \"{leak}\": {text}")))
        }
        None => Ok(()),
    }
}

/// Starts a server with a short timeout, for database faults. Its user signs up on a server without one, because hashing a
/// password may take longer than the timeout.
pub async fn start_with_short_timeout(api: &Api) -> Outcome<ExtraServer> {
    let spare = api.spare().await?;
    if !spare.users().has_first() {
        let server = api.start_on(&spare, &[]).await?;
        server.api.user().await?;
        server.kill().await;
    }
    api.start_on(&spare, &[("REQUEST_TIMEOUT_MS", TIMEOUT_MS)]).await
}
