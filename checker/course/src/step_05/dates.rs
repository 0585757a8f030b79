//! Validation of dates: impossible, malformed and future ones.

use serde_json::json;
use time::{Duration, OffsetDateTime};

use super::{Stored, expect_field, expect_no_server_error, expect_one_of};
use harness::api::Api;
use harness::check::{Check, check};
use harness::habit::Habit;
use model::{Outcome, Request};

/// Invalid dates. PostgreSQL accepts some of them.
const INVALID_DATES: [&str; 13] = [
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
        check("5.dates", "Invalid dates, future completions and ranges that end before they begin are rejected, and the error names the field")
            .book("dates")
            .hints(&[
                "30 February does not exist, `infinity` is a date only in PostgreSQL, and nobody can complete a habit on a future day.",
                "Reject a future completion in PUT and in the import. `from`, `to` and DELETE accept any day. If `from` is after `to`, respond with an error, not with an empty list.",
                "`time::Date` parses strictly with a format description. The error names the field: `date`, `from` or `to`, and `0.completions` in an import.",
            ])
            .proof(async |api| {
                let before = Stored::now(api).await?;
                expect_invalid_dates_rejected(api, &before.habit).await?;
                expect_future_rejected(api, &before.habit).await?;
                let days = format!("{}/completions", before.habit.path());
                for query in ["?from=2026-01-02&to=2026-01-01", "?to=2025-12-31&from=2026-01-01"] {
                    expect_one_of(&api.get(format!("{days}{query}")).await?, &["from", "to"])?;
                }
                let response = api.get(&days).await?;
                response.status(200)?.same(&json!([]), &response.json()?)?;
                before.expect_unchanged(api).await?;
                // Today is not in the future.
                let today = OffsetDateTime::now_utc().date().to_string();
                let import = json!([{ "name": api.data.name(), "completions": [today] }]);
                api.post("/habits/import", import).await?.status(201)?;
                expect_year_0_handled(api).await
            }),
    ]
}

async fn expect_invalid_dates_rejected(api: &Api, habit: &Habit) -> Outcome {
    let days = format!("{}/completions", habit.path());
    for day in INVALID_DATES {
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

/// ISO 8601 has a year 0, PostgreSQL has not. The server may accept or reject it, but must not fail.
async fn expect_year_0_handled(api: &Api) -> Outcome {
    let days = format!("{}/completions", api.any_habit().await?.path());
    let day = "0000-01-01";
    let import = json!([{ "name": api.data.name(), "completions": [day] }]);
    for request in [
        Request::new("PUT", format!("{days}/{day}")),
        Request::new("GET", format!("{days}?from={day}&to={day}")),
        Request::new("DELETE", format!("{days}/{day}")),
        Request::new("POST", "/habits/import").json(&import),
    ] {
        expect_no_server_error(&api.http.send(request).await?)?;
    }
    Ok(())
}

async fn expect_future_rejected(api: &Api, habit: &Habit) -> Outcome {
    let days = format!("{}/completions", habit.path());
    let today = OffsetDateTime::now_utc().date();
    for day in [today + Duration::days(1), today + Duration::days(400), time::macros::date!(9999 - 12 - 31)] {
        expect_field(&api.http.send(Request::new("PUT", format!("{days}/{day}"))).await?, "date")?;
        let import = json!([{ "name": api.data.name(), "completions": [today.to_string(), day.to_string()] }]);
        expect_field(&api.post("/habits/import", import).await?, "0.completions")?;
        // GET and DELETE may name a future day.
        api.get(format!("{days}?from={day}")).await?.status(200)?;
        api.get(format!("{days}?to={day}")).await?.status(200)?;
        api.delete(format!("{days}/{day}")).await?.status(404)?;
    }
    Ok(())
}
