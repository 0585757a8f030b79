//! Step 3 · PostgreSQL: tables and constraints, completions and streaks, an atomic import.

mod completions;
mod extras;
mod import;
mod names;
mod pages;
mod queries;
mod schema;
mod start;
mod streaks;

pub use extras::list_times;

use serde_json::{Value, json};
use time::{Date, Duration, OffsetDateTime};

use harness::api::Api;
use harness::check::Check;
use harness::data::mixed_case;
use harness::habit::Habit;
use harness::problem::expect_problem;
use harness::route::{Route, route};
use harness::step::Step;
use model::{Outcome, Request};
use probe::Response;
use services::DATABASE;
use services::postgres::Store;

/// The number of parallel requests.
const PARALLEL: usize = 20;
/// The delay of each round trip to the database, so that parallel requests overlap there.
const DATABASE_DELAY: std::time::Duration = std::time::Duration::from_millis(5);

/// Step 3.
pub const STEP: Step = Step {
    number: 3,
    slug: "03-databases",
    title: "PostgreSQL",
    fixtures: &[DATABASE],
    sign_in: None,
    routes: ROUTES,
    checks,
    advice: |_| Vec::new(),
};

/// The routes on completions, and the import.
const ROUTES: &[Route] = &[
    route("GET", "/habits/{id}/completions"),
    route("PUT", "/habits/{id}/completions/{date}"),
    route("DELETE", "/habits/{id}/completions/{date}"),
    route("POST", "/habits/import").with_body(|name| json!([{ "name": name }])),
];

/// The checks of step 3.
fn checks() -> Vec<Check> {
    let subjects = [
        start::configuration(),
        schema::tables(),
        completions::checks(),
        schema::rules(),
        start::durability(),
        streaks::checks(),
        names::checks(),
        import::checks(),
        queries::checks(),
        extras::checks(),
        pages::checks(),
    ];
    subjects.into_iter().flatten().collect()
}

/// The current UTC date.
fn today() -> Date {
    OffsetDateTime::now_utc().date()
}

/// The date `days` days before today.
fn days_ago(days: i64) -> Date {
    today() - Duration::days(days)
}

/// The path of a completion.
fn completion(habit: &Habit, day: Date) -> String {
    format!("{}/completions/{day}", habit.path())
}

/// Completes a habit on a day; fails unless the response is 201 or 200.
async fn complete(api: &Api, habit: &Habit, day: Date) -> Outcome<Response> {
    let response = api.http.send(Request::new("PUT", completion(habit, day))).await?;
    response.status([201, 200])?;
    Ok(response)
}

/// Completes a habit on several days.
async fn complete_all(api: &Api, habit: &Habit, days: impl IntoIterator<Item = Date>) -> Outcome {
    for day in days {
        complete(api, habit, day).await?;
    }
    Ok(())
}

/// Imports `count` habits, each completed yesterday and the day before.
async fn import_some(api: &Api, count: usize) -> Outcome {
    let days = [days_ago(2).to_string(), days_ago(1).to_string()];
    let habits: Vec<Value> = (0..count).map(|_| json!({ "name": api.data.name(), "completions": days })).collect();
    api.post("/habits/import", json!(habits)).await?.status(201)?;
    Ok(())
}

/// Fails unless the habit has completions on exactly these days, listed in any order.
async fn expect_days(api: &Api, habit: &Habit, days: &[Date]) -> Outcome {
    let (response, mut listed) = listed_days(api, habit, "").await?;
    let mut expected = days.to_vec();
    expected.sort_unstable();
    listed.sort_unstable_by_key(ToString::to_string);
    response.same(&as_completions(&expected), &json!(listed))?;
    Ok(())
}

/// Fails unless the habit has completions on exactly these days, listed in this order. `query` is empty or begins with `?`.
async fn expect_days_in_order(api: &Api, habit: &Habit, query: &str, days: &[Date]) -> Outcome {
    let (response, listed) = listed_days(api, habit, query).await?;
    response.same(&as_completions(days), &json!(listed))?;
    Ok(())
}

async fn listed_days(api: &Api, habit: &Habit, query: &str) -> Outcome<(Response, Vec<Value>)> {
    let response = api.get(format!("{}/completions{query}", habit.path())).await?;
    response.status(200)?;
    let Value::Array(listed) = response.json()? else {
        return Err(response.fail("a JSON array of completions", "another type of JSON value"));
    };
    // A server may return more fields of a completion than its date.
    Ok((response, listed.iter().map(|completion| json!({ "date": completion["date"] })).collect()))
}

/// The JSON array of completions on these days.
fn as_completions(days: &[Date]) -> Value {
    days.iter().map(|day| json!({ "date": day.to_string() })).collect()
}

/// Fails unless the response is 409 with problem details.
fn expect_conflict(response: &Response) -> Outcome {
    expect_problem(response, 409)?;
    Ok(())
}

/// Fails if the list contains a habit whose name contains this text.
async fn expect_none_named(api: &Api, text: &str) -> Outcome {
    let (response, list) = api.list().await?;
    let name = |habit: &Habit| habit.get("name").as_str().unwrap_or_default().to_lowercase();
    match list.iter().filter(|habit| name(habit).contains(text)).count() {
        0 => Ok(()),
        count => {
            Err(response.fail("a list without any of the rejected habits", format!("a list with {count} of the rejected habits")))
        }
    }
}

/// Removes habits whose size would cost every later list time. Where that does not work, it only takes longer.
async fn clear_away(api: &Api, habits: &[Habit]) {
    if let Some(store) = api.visible::<Store>() {
        let ids: Vec<String> = habits.iter().map(|habit| habit.id.to_string()).collect();
        let _ = store.rows(&format!("DELETE FROM habits WHERE id IN ({})", ids.join(", "))).await;
    }
}
