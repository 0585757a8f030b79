//! A database that is gone, and comes back.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;
use taps::Fault;

use super::causes::tells_cause;
use crate::step_04::expect_not_logged;
use harness::api::{Api, ExtraServer};
use harness::check::{Check, check};
use harness::habit::Habit;
use harness::logline;
use harness::problem::{expect_no_internals, expect_problem, expect_request_id};
use model::{Outcome, Request, Stop};
use probe::Answer;
use services::DATABASE;
use services::postgres::Store;

/// What servers that lose their database get as `REQUEST_TIMEOUT_MS`.
pub const TIMEOUT_MS: &str = "400";
/// The same, and what the contract gives them beyond it.
const TIMEOUT: Duration = Duration::from_millis(400);
const GRACE: Duration = Duration::from_secs(1);
/// How long a server may take to find its database again.
const RECOVERY: Duration = Duration::from_secs(10);
/// How long it is waited between two looks, and how many in a row have to be good.
const LOOK: Duration = Duration::from_millis(20);
const GOOD: usize = 3;
/// A program that gives up because of an outage may end only so long after it, and nothing tells that one does not end.
const AFTERMATH: Duration = Duration::from_millis(150);

/// What drivers say of a connection, beside what is said in one's own words.
const TRACES: [&str; 8] = [
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
            "With the database gone, every route answers 503 problem details in time, and says nothing of the inside",
        )
        .disturbs(DATABASE)
        .book("when-the-database-is-gone")
        .hints(&[
            "The client did nothing wrong, and may try again later: which status says that?",
            "In Rust one place decides: `impl From<sqlx::Error> for Error`. An error of the connection is another thing than one of your SQL.",
            "`sqlx::Error::Io`, `PoolTimedOut`, `PoolClosed` and SQLSTATE classes 08, 53 and 57 become `Error::Unavailable`, in the one place that makes answers of errors.",
        ])
        .proof(async |api| {
            let server = hurried(api).await?;
            let api = &server.api;
            let habit = working(api).await?;
            let outage = Outage::begin(api)?;
            let password = api.data.token(20);
            let requests = [reads(&habit), writes(api, &habit, &password)].concat();
            let answers = join_all(requests.into_iter().map(|request| in_time(api, request))).await;
            let answers = answers.into_iter().collect::<Outcome<Vec<Answer>>>()?;
            let hits = outage.end();
            let (reads, writes) = answers.split_at(reads(&habit).len());
            for answer in writes {
                hits.expect_gone(answer)?;
                expect_nothing_of_the_inside(api, answer)?;
                expect_request_id(answer)?;
            }
            for answer in reads.iter().filter(|answer| answer.code() != 200) {
                hits.expect_gone(answer)?;
                expect_nothing_of_the_inside(api, answer)?;
            }
            expect_remembered(&reads[0], Habit::list(&reads[0]), &habit)?;
            expect_remembered(&reads[1], Habit::of(&reads[1]).map(|read| vec![read]), &habit)?;
            expect_not_logged(api, &[password]).await
        }),
        check("5.database-cut-logged", "What really happened is in the log, under the x-request-id of the answer")
            .needs(&["5.database-cut"])
            .disturbs(DATABASE)
            .book("when-the-database-is-gone")
            .hints(&[
                "The client gets a sentence and an id. With the id you want to find all that is known: log the error itself.",
                "Where an error becomes an answer, `tracing::error!(error = ?error, …)` writes it into the request's span, which has the id.",
            ])
            .proof(async |api| {
                let server = hurried(api).await?;
                let api = &server.api;
                working(api).await?;
                let id = format!("cut-{}", api.data.token(12));
                let log = api.log()?;
                let outage = Outage::begin(api)?;
                let request = Request::new("POST", "/habits").json(&json!({ "name": api.data.name() }));
                let answer = in_time(api, request.header("x-request-id", &id)).await?;
                outage.end().expect_gone(&answer)?;
                expect_request_id(&answer)?;
                let id = answer.header("x-request-id").unwrap_or_default().to_owned();
                let told = answer.json()?;
                let own_words = ["title", "detail"].map(|field| told[field].as_str().unwrap_or_default().to_lowercase());
                let deadline = Instant::now() + Duration::from_secs(3);
                loop {
                    let lines = log.lines();
                    if tells_cause(&lines, &id, &own_words) {
                        return Ok(());
                    }
                    if Instant::now() > deadline {
                        let expected = format!("in the log, with {id}, what was wrong with the connection to the database");
                        let under_id: Vec<String> = lines.iter().filter(|line| line.contains(&id)).cloned().collect();
                        let actual = match under_id[..] {
                            [] => format!("no line with that id; the last lines are:\n{}", logline::shown(&lines)),
                            _ => format!("nothing of it in or below the lines with that id:\n{}", logline::shown(&under_id)),
                        };
                        return Err(answer.fail(expected, actual));
                    }
                    tokio::time::sleep(LOOK).await;
                }
            }),
        check("5.database-back", "Once the database is back the server is well again by itself, and nothing is lost")
            .needs(&["5.database-cut"])
            .disturbs(DATABASE)
            .book("when-the-database-is-gone")
            .hints(&[
                "Nobody restarts the server. Does it end, or keep a connection that is dead?",
                "A pool opens new connections by itself, and tries one before it gives it out (`before_acquire`).",
            ])
            .proof(async |api| {
                let server = hurried(api).await?;
                let api = &server.api;
                let habit = working(api).await?;
                let outage = Outage::begin(api)?;
                for _ in 0..2 {
                    // What is answered meanwhile is another check's business.
                    post(api).await?;
                }
                let hits = outage.end();
                let answer = well_again(api).await?;
                hits.expect_some()?;
                tokio::time::sleep(AFTERMATH).await;
                let (_, read) = api.read(&habit).await?;
                read.expect_same(&answer, &habit)?;
                Ok(())
            }),
    ]
}

/// A habit of a server that works.
pub async fn working(api: &Api) -> Outcome<Habit> {
    api.create_described(&api.data.name(), &api.data.description()).await
}

/// Sends a write, whatever comes of it.
async fn post(api: &Api) -> Outcome<std::rc::Rc<model::Exchange>> {
    api.http.exchange(Request::new("POST", "/habits").json(&json!({ "name": api.data.name() }))).await
}

/// Waits until the server stores habits again, several in a row.
pub async fn well_again(api: &Api) -> Outcome<Answer> {
    let deadline = Instant::now() + RECOVERY;
    let mut good = 0;
    loop {
        let exchange = post(api).await?;
        good = if exchange.reply.as_ref().is_ok_and(|reply| reply.status == 201) { good + 1 } else { 0 };
        if good == GOOD {
            return Answer::of(exchange);
        }
        if Instant::now() > deadline {
            let answer = Answer::of(exchange)?;
            answer.status(201)?;
            return Err(answer.fail("a server that works again, request after request", "a server that works now and then"));
        }
        if good == 0 {
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// The answer to a request, which has to come within the timeout and a second.
pub async fn in_time(api: &Api, request: Request) -> Outcome<Answer> {
    let exchange = api.http.exchange(request).await?;
    let took = exchange.duration;
    let answer = Answer::of(exchange)?;
    match took <= TIMEOUT + GRACE {
        true => Ok(answer),
        false => {
            let expected = format!("an answer within REQUEST_TIMEOUT_MS={TIMEOUT_MS} and a second");
            Err(answer.fail(expected, format!("an answer after {:.1} s", took.as_secs_f32())))
        }
    }
}

/// Requests that a server may answer from what it remembers: the list, the habit, and more.
fn reads(habit: &Habit) -> Vec<Request> {
    let days = format!("{}/completions", habit.path());
    ["/habits".to_owned(), habit.path(), "/me".to_owned(), days].map(|path| Request::new("GET", path)).into()
}

/// Fails when a habit is answered with 200, and not as it is.
fn expect_remembered(answer: &Answer, habits: Outcome<Vec<Habit>>, habit: &Habit) -> Outcome {
    if answer.code() != 200 {
        return Ok(());
    }
    match habits?.iter().find(|other| other.id == habit.id) {
        Some(other) => other.expect_same(answer, habit).map(drop),
        None => Err(answer.fail("status 503, or what is stored", "status 200 without a habit that is stored")),
    }
}

/// Requests that cannot be answered from what a server remembers.
fn writes(api: &Api, habit: &Habit, password: &str) -> Vec<Request> {
    let named = || json!({ "name": api.data.name() });
    vec![
        Request::new("POST", "/habits").json(&named()),
        Request::new("PATCH", habit.path()).json(&json!({ "description": api.data.description() })),
        Request::new("PUT", format!("{}/completions/2026-01-31", habit.path())),
        Request::new("DELETE", format!("{}/completions/2026-01-31", habit.path())),
        Request::new("DELETE", habit.path()),
        Request::new("DELETE", "/me"),
        Request::new("POST", "/habits/import").json(&json!([named(), named()])),
        Request::new("POST", "/auth/login").json(&json!({ "email": api.email(), "password": password })),
        Request::new("POST", "/auth/signup").json(&json!({ "email": api.email(), "password": password })),
    ]
}

/// A database that is out of reach: its connections are cut, and new ones refused.
struct Outage {
    refusal: Fault,
    cut: usize,
}

/// What an outage has hit.
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
        Hits { refused: self.refusal.heal(), cut: self.cut }
    }
}

impl Hits {
    fn expect_some(&self) -> Outcome {
        match self.refused > 0 || self.cut > 0 {
            true => Ok(()),
            false => Err(Stop::Inconclusive("the server had no connection to its database that could be cut".into())),
        }
    }

    /// Fails unless the answer says that the service is not available.
    fn expect_gone(&self, answer: &Answer) -> Outcome {
        self.expect_some()?;
        if answer.code() < 300 && self.refused == 0 {
            return Err(Stop::Inconclusive("the server answered without asking its database".into()));
        }
        expect_problem(answer, 503).map(drop)
    }
}

/// Fails when an error shows what the server works with, or where that is.
pub fn expect_nothing_of_the_inside(api: &Api, answer: &Answer) -> Outcome {
    expect_no_internals(answer)?;
    let address = api.fixture::<Store>()?.tap().address();
    let (host, port) = (address.ip().to_string(), format!(":{}", address.port()));
    let text = answer.text().to_lowercase();
    match TRACES.into_iter().chain([host.as_str(), &port]).find(|trace| text.contains(trace)) {
        Some(trace) => Err(answer.fail("an error told in your own words", format!("a body with \"{trace}\": {text}"))),
        None => Ok(()),
    }
}

/// A server that loses its database, or whose database is slow. Who is signed in there has been before: a short timeout need not
/// last for a password's hash.
pub async fn hurried(api: &Api) -> Outcome<ExtraServer> {
    let spare = api.spare().await?;
    if !spare.users().has_first() {
        let patient = api.start_on(&spare, &[]).await?;
        patient.api.user().await?;
        patient.kill().await;
    }
    api.start_on(&spare, &[("REQUEST_TIMEOUT_MS", TIMEOUT_MS)]).await
}
