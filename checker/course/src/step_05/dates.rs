//! Days that there are, and days that have come.

use serde_json::json;
use time::{Duration, OffsetDateTime};

use super::{Untouched, expect_field, expect_one_of, expect_unbroken};
use harness::api::Api;
use harness::check::{Check, check};
use harness::habit::Habit;
use model::{Outcome, Request};

/// What is no day. PostgreSQL takes some of them.
const NO_DAYS: [&str; 13] = [
    "2026-02-30",
    "2025-02-29",
    "2026-04-31",
    "2026-13-01",
    "2026-00-10",
    "2026-01-00",
    "0000-00-00",
    "2026-01",
    "31-01-2026",
    "yesterday",
    "infinity",
    "epoch",
    "2026-01-31x",
];

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("5.dates", "Impossible and malformed dates, completions in the future, and from after to are refused, and named")
            .book("dates")
            .hints(&[
                "There is no 30 February, `infinity` is a date to PostgreSQL only, and nobody can have done tomorrow's walk yet.",
                "A completion of tomorrow is refused in PUT and in an import; `from`, `to` and DELETE may name any day. When `from` is after `to`, that is a mistake too, and no empty list.",
                "`time::Date` parses strictly with a format description. What is wrong is named: `date`, `from` or `to`, and in an import `0.completions`.",
            ])
            .proof(async |api| {
                let before = Untouched::now(api).await?;
                impossible(api, &before.habit).await?;
                to_come(api, &before.habit).await?;
                let days = format!("{}/completions", before.habit.path());
                for query in ["?from=2026-01-02&to=2026-01-01", "?to=2025-12-31&from=2026-01-01"] {
                    expect_one_of(&api.get(format!("{days}{query}")).await?, &["from", "to"])?;
                }
                let answer = api.get(&days).await?;
                answer.status(200)?.same(&json!([]), &answer.json()?)?;
                before.expect(api).await?;
                // Today has come.
                let today = OffsetDateTime::now_utc().date().to_string();
                let import = json!([{ "name": api.data.name(), "completions": [today] }]);
                api.post("/habits/import", import).await?.status(201)?;
                year_0(api).await
            }),
    ]
}

async fn impossible(api: &Api, habit: &Habit) -> Outcome {
    let days = format!("{}/completions", habit.path());
    for day in NO_DAYS {
        expect_field(&api.http.send(Request::new("PUT", format!("{days}/{day}"))).await?, "date")?;
        expect_field(&api.delete(format!("{days}/{day}")).await?, "date")?;
        for end in ["from", "to"] {
            expect_field(&api.get(format!("{days}?{end}={day}")).await?, end)?;
        }
        let import = json!([{ "name": api.data.name() }, { "name": api.data.name(), "completions": ["2024-02-29", day] }]);
        expect_field(&api.post("/habits/import", import).await?, "1.completions")?;
    }
    Ok(())
}

/// There is a year 0 in ISO 8601 and none in PostgreSQL. Whether it has days is left open; it breaks nothing.
async fn year_0(api: &Api) -> Outcome {
    let days = format!("{}/completions", api.any_habit().await?.path());
    let day = "0000-01-01";
    let import = json!([{ "name": api.data.name(), "completions": [day] }]);
    for request in [
        Request::new("PUT", format!("{days}/{day}")),
        Request::new("GET", format!("{days}?from={day}&to={day}")),
        Request::new("DELETE", format!("{days}/{day}")),
        Request::new("POST", "/habits/import").json(&import),
    ] {
        expect_unbroken(&api.http.send(request).await?)?;
    }
    Ok(())
}

async fn to_come(api: &Api, habit: &Habit) -> Outcome {
    let days = format!("{}/completions", habit.path());
    let today = OffsetDateTime::now_utc().date();
    for day in [today + Duration::days(1), today + Duration::days(400), time::macros::date!(9999 - 12 - 31)] {
        expect_field(&api.http.send(Request::new("PUT", format!("{days}/{day}"))).await?, "date")?;
        let import = json!([{ "name": api.data.name(), "completions": [today.to_string(), day.to_string()] }]);
        expect_field(&api.post("/habits/import", import).await?, "0.completions")?;
        // Asking for it is no mistake.
        api.get(format!("{days}?from={day}")).await?.status(200)?;
        api.get(format!("{days}?to={day}")).await?.status(200)?;
        api.delete(format!("{days}/{day}")).await?.status(404)?;
    }
    Ok(())
}
