//! A database that does not answer, and clients that do not wait.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use taps::record::Kind;
use taps::{Fault, Moment};

use super::outage::{expect_nothing_of_the_inside, hurried, in_time, well_again, working};
use harness::api::Api;
use harness::check::{Check, check};
use harness::habit::Habit;
use harness::problem::expect_problem;
use model::{Outcome, Request, Stop};
use probe::Answer;
use services::DATABASE;
use services::postgres::Store;

/// How many clients hang up in each round: more than a pool has connections, most often.
const CLIENTS: u32 = 40;
/// How often each request that is refused comes: more than a pool has connections, most often.
const REFUSED: u32 = 12;
const REFUSED_AT_ONCE: u32 = 4;
/// How long the least patient clients wait.
const PATIENCE: Duration = Duration::from_millis(60);
/// What each round trip to the database is held back meanwhile, and by how much each client is more patient than the one before
/// it. First all hang up during the first round trip, then each at another moment of its work.
const ROUNDS: [(Duration, Duration); 2] =
    [(Duration::from_millis(150), Duration::ZERO), (Duration::from_millis(80), Duration::from_millis(6))];
/// How many habits are stored at once afterwards, so that each connection has its turn.
const STORED: usize = 10;

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("5.database-slow", "When the database does not answer, the request ends in time, and later ones are fine")
            .disturbs(DATABASE)
            .book("timeouts")
            .hints(&[
                "A database that is overloaded takes what you send and says nothing. How long do your clients wait with you?",
                "`tokio::time::timeout` around the handler, or tower-http's `TimeoutLayer`, with REQUEST_TIMEOUT_MS.",
                "Limits of the pool are not enough: an answer can get lost on a connection that was found well. Nor is the layer: where the pool gives no connection, that is 503 too (`unavailable`). Both answer with problem details.",
            ])
            .proof(async |api| {
                let server = hurried(api).await?;
                let api = &server.api;
                working(api).await?;
                let fault = api.fixture::<Store>()?.tap().black_hole();
                let post = || Request::new("POST", "/habits").json(&json!({ "name": api.data.name() }));
                let import = Request::new("POST", "/habits/import").json(&json!([{ "name": api.data.name() }]));
                let answers = join_all([post(), import, post()].map(|request| in_time(api, request))).await;
                if fault.heal() == 0 {
                    return Err(Stop::Inconclusive("the server asked its database for nothing while that was silent".into()));
                }
                for answer in answers {
                    let answer = answer?;
                    expect_timeout(api, &answer)?;
                }
                well_again(api).await?;
                expect_timeout(api, &unanswered(api).await?)?;
                well_again(api).await?;
                Ok(())
            }),
        check("5.pool", "Neither requests that are refused nor 40 clients that hang up while the database is slow take a connection along")
            .disturbs(DATABASE)
            .book("timeouts")
            .hints(&[
                "A client that hangs up ends your handler in the middle, and an error ends it early. Who gives the connection back?",
                "Connections that are dropped go back to the pool by themselves; those that were forgotten, leaked or spawned away do not.",
                "A connection that comes back in the middle of a transaction takes the next request into it, and what that stores is lost. sqlx 0.9.0 does not notice when `BEGIN` was under way: `ROLLBACK` in `after_release`, as the starter's `database.rs` has it.",
            ])
            .proof(async |api| {
                // One stores, and the other does the rest meanwhile: what is waited for is waited for once.
                let (storer, other) = (hurried(api).await?, hurried(api).await?);
                let (storer, other) = (&storer.api, &other.api);
                let habit = working(storer).await?;
                for _ in 0..REFUSED / REFUSED_AT_ONCE {
                    let refused = (0..REFUSED_AT_ONCE).flat_map(|number| refusals(other, &habit, number));
                    join_all(refused.map(|request| other.http.exchange(request))).await;
                }
                well_again(other).await?;
                let mut hits = 0;
                for (held_back, step) in ROUNDS {
                    let slow = storer.fixture::<Store>()?.tap().delay(held_back);
                    let clients = (0..CLIENTS).flat_map(|number| {
                        let requests = [(storer, storing(storer, number)), (other, using(&habit, number))];
                        requests.map(|(api, request)| hang_up(api, request, PATIENCE + step * number))
                    });
                    join_all(clients).await;
                    tokio::time::sleep(held_back).await;
                    hits += slow.heal();
                }
                if hits == 0 {
                    return Err(Stop::Inconclusive("the server asked its database for nothing while that was slow".into()));
                }
                well_again(other).await?;
                well_again(storer).await?;
                expect_committed(storer).await
            }),
    ]
}

fn expect_timeout(api: &Api, answer: &Answer) -> Outcome {
    expect_problem(answer, [503, 504, 408])?;
    expect_nothing_of_the_inside(api, answer)
}

/// A write during which the database falls silent, not before it is asked to store something: whoever tries its connections first
/// finds them well.
async fn unanswered(api: &Api) -> Outcome<Answer> {
    let (store, name) = (api.fixture::<Store>()?, api.data.name());
    let silence: Rc<RefCell<Option<Fault>>> = Rc::default();
    let post = Request::new("POST", "/habits").json(&json!({ "name": name }));
    let (database, begun) = (store.clone(), silence.clone());
    let waiting = store.tap().cut_next(Moment::Before, move |statement| {
        if statement.kind == Kind::Executed && statement.place_of(&name).is_some() {
            begun.replace(Some(database.tap().black_hole()));
        }
        false
    });
    let answer = in_time(api, post).await;
    drop(waiting);
    match silence.take().map_or(0, Fault::heal) {
        0 => Err(Stop::Inconclusive("the checker did not see a habit's name on its way to the database".into())),
        _ => answer,
    }
}

/// Requests of which the database, or what it finds, is the reason to refuse them.
fn refusals(api: &Api, habit: &Habit, number: u32) -> [Request; 4] {
    let nowhere = i64::from(i32::MAX) - i64::from(number);
    let taken = json!({ "name": habit.get("name") });
    [
        Request::new("PATCH", format!("/habits/{nowhere}")).json(&json!({ "description": "why" })),
        Request::new("PUT", format!("/habits/{nowhere}/completions/2025-01-01")),
        Request::new("POST", "/habits").json(&taken),
        Request::new("POST", "/habits/import").json(&json!([{ "name": api.data.name() }, taken])),
    ]
}

/// What a client asks for who hangs up: what most often needs a transaction.
fn storing(api: &Api, number: u32) -> Request {
    match number % 2 {
        0 => Request::new("POST", "/habits").json(&json!({ "name": api.data.name() })),
        _ => Request::new("POST", "/habits/import").json(&json!([{ "name": api.data.name() }])),
    }
}

/// The rest of what is done with a habit, each client on a day of its own.
fn using(habit: &Habit, number: u32) -> Request {
    let path = format!("/habits/{}", habit.id);
    match number % 4 {
        0 => Request::new("GET", "/habits"),
        1 => Request::new("PUT", format!("{path}/completions/2025-{:02}-{:02}", number / 28 + 1, number % 28 + 1)),
        2 => Request::new("GET", path),
        _ => Request::new("PATCH", path).json(&json!({ "description": "why" })),
    }
}

/// Sends a request, and closes the connection when there is no answer in time.
async fn hang_up(api: &Api, request: Request, patience: Duration) {
    let _ = tokio::time::timeout(patience, api.http.exchange(request)).await;
}

/// Fails when a habit is answered with 201 that nobody else can see: a connection was given back in the middle of a transaction.
async fn expect_committed(api: &Api) -> Outcome {
    let create = |_| api.post("/habits", json!({ "name": api.data.name() }));
    for answer in join_all((0..STORED).map(create)).await {
        let answer = answer?;
        if answer.code() == 201 {
            let id = Habit::of(&answer)?.id;
            if api.fixture::<Store>()?.count(&format!("FROM habits WHERE id = {id}")).await? != 1 {
                return Err(answer.fail("a habit that is stored", "status 201, and no other connection to the database sees it: it was stored in a transaction that is still open"));
            }
        }
    }
    Ok(())
}
