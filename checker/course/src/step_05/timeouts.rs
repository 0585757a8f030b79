//! A database that does not respond, and clients that disconnect.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use taps::postgres::Kind;
use taps::{Fault, Moment};

use super::outage::{await_recovery, expect_no_leak, new_habit, respond_in_time, start_with_short_timeout};
use harness::api::Api;
use harness::check::{Check, check};
use harness::habit::Habit;
use harness::problem::expect_problem;
use model::{Outcome, Request, Stop};
use probe::Response;
use services::DATABASE;
use services::postgres::Store;

/// The number of clients that disconnect from each server in each round. Over both rounds each kind of request gets at least 40 of them,
/// more than the usual size of a connection pool, so that a leak on one route alone exhausts it.
const CLIENTS: u32 = 80;
/// How often each invalid request is sent, more than the usual size of a connection pool, and how many of them in parallel.
const REJECTED: u32 = 12;
const REJECTED_PARALLEL: u32 = 4;
/// The time after which the first clients disconnect.
const PATIENCE: Duration = Duration::from_millis(60);
/// For each round, the delay of each round trip to the database, and how much longer each client waits than the one before it.
/// In the first round, all clients disconnect during the first round trip; in the second, each at another point.
const ROUNDS: [(Duration, Duration); 2] =
    [(Duration::from_millis(150), Duration::ZERO), (Duration::from_millis(80), Duration::from_millis(3))];
/// The number of habits created in parallel afterwards, to use every connection of the pool.
const STORED: usize = 10;

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("5.database-slow", "When the database does not respond, a request times out within the limit, and the server recovers")
            .disturbs(DATABASE)
            .book("timeouts")
            .hints(&[
                "An overloaded database accepts a query and does not respond. How long do your clients wait for a response?",
                "Put a timeout of REQUEST_TIMEOUT_MS around the handler: `tokio::time::timeout` around `next.run(request)`, or tower's `TimeoutLayer` with axum's `HandleErrorLayer`. (tower-http's layer of that name cannot respond with problem details.)",
                "The pool's timeouts are not enough: a query can hang on a connection that passed its test. The layer alone is not enough either: a timeout of the pool (no connection available) is a 503 too (`unavailable`). Respond with problem details in both cases.",
            ])
            .proof(async |api| {
                let server = start_with_short_timeout(api).await?;
                let api = &server.api;
                new_habit(api).await?;
                let fault = api.fixture::<Store>()?.tap().black_hole();
                let post = || Request::new("POST", "/habits").json(&json!({ "name": api.data.name() }));
                let import = Request::new("POST", "/habits/import").json(&json!([{ "name": api.data.name() }]));
                let responses = join_all([post(), import, post()].map(|request| respond_in_time(api, request))).await;
                if fault.end() == 0 {
                    return Err(Stop::Inconclusive("the server sent no query to its database while it was unresponsive".into()));
                }
                for response in responses {
                    let response = response?;
                    expect_timeout(api, &response)?;
                }
                await_recovery(api).await?;
                expect_timeout(api, &write_without_database_response(api).await?)?;
                await_recovery(api).await?;
                Ok(())
            }),
        check("5.pool", "Neither rejected requests nor clients that disconnect while the database is slow leak a pool connection")
            .disturbs(DATABASE)
            .book("timeouts")
            .hints(&[
                "When a client disconnects, your handler is cancelled; an error makes it return early. Who returns the connection to the pool?",
                "A connection returns to the pool when it is dropped (RAII). A connection that is forgotten, leaked, or moved into a spawned task does not: a connection leak.",
                "A connection that returns to the pool with an open transaction runs the next request inside it, and its writes are lost. sqlx 0.9.0 does not notice a `BEGIN` that was cancelled in flight: run `ROLLBACK` in `after_release`, as the starter's `database.rs` does.",
            ])
            .proof(async |api| {
                // One server gets the inserts and the other one the rest, so that both share one wait.
                let (storer, other) = (start_with_short_timeout(api).await?, start_with_short_timeout(api).await?);
                let (storer, other) = (&storer.api, &other.api);
                let habit = new_habit(storer).await?;
                for _ in 0..REJECTED / REJECTED_PARALLEL {
                    let requests = (0..REJECTED_PARALLEL).flat_map(|number| rejected_requests(other, &habit, number));
                    join_all(requests.map(|request| other.http.exchange(request))).await;
                }
                await_recovery(other).await?;
                let mut hits = 0;
                for (delay, step) in ROUNDS {
                    let fault = storer.fixture::<Store>()?.tap().delay(delay);
                    let clients = (0..CLIENTS).flat_map(|number| {
                        let requests = [(storer, insert(storer, number)), (other, other_request(&habit, number))];
                        requests.map(|(api, request)| send_and_disconnect(api, request, PATIENCE + step * number))
                    });
                    join_all(clients).await;
                    tokio::time::sleep(delay).await;
                    hits += fault.end();
                }
                if hits == 0 {
                    return Err(Stop::Inconclusive("the server sent no query to its database while it was slow".into()));
                }
                await_recovery(other).await?;
                await_recovery(storer).await?;
                expect_committed(storer).await
            }),
    ]
}

fn expect_timeout(api: &Api, response: &Response) -> Outcome {
    expect_problem(response, [503, 504, 408])?;
    expect_no_leak(api, response)
}

/// Sends a write, and silences the database only when it receives the insert, so that a connection test before it succeeds.
async fn write_without_database_response(api: &Api) -> Outcome<Response> {
    let (store, name) = (api.fixture::<Store>()?, api.data.name());
    let fault: Rc<RefCell<Option<Fault>>> = Rc::default();
    let post = Request::new("POST", "/habits").json(&json!({ "name": name }));
    let (database, started) = (store.clone(), fault.clone());
    let waiting = store.tap().cut_next(Moment::Before, move |statement| {
        if statement.kind == Kind::Executed && statement.place_of(&name).is_some() {
            started.replace(Some(database.tap().black_hole()));
        }
        false
    });
    let response = respond_in_time(api, post).await;
    drop(waiting);
    match fault.take().map_or(0, Fault::end) {
        0 => Err(Stop::Inconclusive("the checker saw no statement with the habit's name".into())),
        _ => response,
    }
}

/// Requests that are rejected because of a constraint or a missing row.
fn rejected_requests(api: &Api, habit: &Habit, number: u32) -> [Request; 4] {
    let unknown = i64::from(i32::MAX) - i64::from(number);
    let taken = json!({ "name": habit.get("name") });
    [
        Request::new("PATCH", format!("/habits/{unknown}")).json(&json!({ "description": "why" })),
        Request::new("PUT", format!("/habits/{unknown}/completions/2025-01-01")),
        Request::new("POST", "/habits").json(&taken),
        Request::new("POST", "/habits/import").json(&json!([{ "name": api.data.name() }, taken])),
    ]
}

/// A request that inserts, most often in a transaction.
fn insert(api: &Api, number: u32) -> Request {
    match number % 2 {
        0 => Request::new("POST", "/habits").json(&json!({ "name": api.data.name() })),
        _ => Request::new("POST", "/habits/import").json(&json!([{ "name": api.data.name() }])),
    }
}

/// One of the other requests for a habit, with a different day for each client.
fn other_request(habit: &Habit, number: u32) -> Request {
    let path = format!("/habits/{}", habit.id);
    match number % 4 {
        0 => Request::new("GET", "/habits"),
        1 => Request::new("PUT", format!("{path}/completions/2025-{:02}-{:02}", number / 28 + 1, number % 28 + 1)),
        2 => Request::new("GET", path),
        _ => Request::new("PATCH", path).json(&json!({ "description": "why" })),
    }
}

/// Sends a request, and closes the connection if the response does not arrive in time.
async fn send_and_disconnect(api: &Api, request: Request, patience: Duration) {
    let _ = tokio::time::timeout(patience, api.http.exchange(request)).await;
}

/// Fails if a 201 response is for a habit that other connections do not see: the pool has a connection with an open transaction.
async fn expect_committed(api: &Api) -> Outcome {
    let create = |_| api.post("/habits", json!({ "name": api.data.name() }));
    for response in join_all((0..STORED).map(create)).await {
        let response = response?;
        if response.code() == 201 {
            let id = Habit::of(&response)?.id;
            if api.fixture::<Store>()?.count(&format!("FROM habits WHERE id = {id}")).await? != 1 {
                return Err(response.fail(
                    "a committed habit",
                    "status 201, but no other database connection sees the habit: its transaction is still open",
                ));
            }
        }
    }
    Ok(())
}
