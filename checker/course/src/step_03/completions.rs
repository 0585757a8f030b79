//! Completions: the days on which a habit was done.

use futures_util::future::join_all;
use serde_json::{Value, json};
use time::macros::date;

use super::{DATABASE_DELAY, PARALLEL, complete, complete_all, completion, days_ago, expect_days, expect_days_in_order, today};
use harness::check::{Check, check};
use harness::habit::Habit;
use harness::problem::expect_problem;
use model::{Outcome, Request};
use probe::Response;
use services::postgres::Store;

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("3.complete", "PUT /habits/{id}/completions/{date} responds 201 the first time, 200 after that, and stores one row")
            .needs(&["3.tables"])
            .book("completing-a-day")
            .hints(&[
                "PUT is idempotent: sending it twice has the same effect as sending it once. The status code says whether the completion is new.",
                "`INSERT … ON CONFLICT DO NOTHING` affects one row or none: `rows_affected()` says whether the completion is new.",
                "The response body is `{\"date\": \"2026-01-31\"}` in both cases.",
            ])
            .proof(async |api| {
                let (habit, other) = (api.any_habit().await?, api.any_habit().await?);
                let days = [days_ago(40), days_ago(3)];
                for (habit, day) in [(&habit, days[0]), (&habit, days[1]), (&other, days[0])] {
                    for status in [201, 200, 200] {
                        let response = api.http.send(Request::new("PUT", completion(habit, day))).await?;
                        response.status(status)?;
                        expect_date(&response, &day.to_string())?;
                    }
                }
                expect_days(api, &habit, &days).await?;
                expect_days(api, &other, &days[..1]).await?;
                expect_rows(api, &habit, 2).await
            }),
        check("3.complete-parallel", "20 parallel PUTs of the same day get one 201 and nineteen 200s, and store one row")
            .needs(&["3.complete"])
            .book("completing-a-day")
            .hints(&[
                "Check-then-insert is a race condition: between the SELECT and the INSERT, another request runs its SELECT too.",
                "Insert without a SELECT and let the unique constraint decide: `ON CONFLICT (habit_id, completed_on) DO NOTHING`.",
            ])
            .proof(async |api| {
                let habit = api.any_habit().await?;
                for day in [days_ago(2), days_ago(1)] {
                    let delay = api.visible::<Store>().map(|store| store.tap().delay(DATABASE_DELAY));
                    let requests = (0..PARALLEL).map(|_| complete(api, &habit, day));
                    let responses = join_all(requests).await.into_iter().collect::<Outcome<Vec<Response>>>()?;
                    drop(delay);
                    let first = responses.iter().filter(|response| response.code() == 201).count();
                    if first != 1 {
                        return Err(responses[0].fail("201 for exactly one of 20 requests", format!("201 for {first} of them")));
                    }
                }
                expect_days(api, &habit, &[days_ago(2), days_ago(1)]).await?;
                expect_rows(api, &habit, 2).await
            }),
        check("3.uncomplete", "DELETE of a completion responds 204, then 404, and keeps all other completions")
            .needs(&["3.complete"])
            .book("completing-a-day")
            .hints(&["The number of rows that the DELETE statement affected says whether there was such a completion: `rows_affected()`."])
            .proof(async |api| {
                let (habit, other) = (api.any_habit().await?, api.any_habit().await?);
                let days = [days_ago(3), days_ago(2), days_ago(1)];
                complete_all(api, &habit, days).await?;
                complete_all(api, &other, days).await?;
                api.delete(completion(&habit, days[1])).await?.status(204)?;
                api.delete(completion(&habit, days[1])).await?.status(404)?;
                api.delete(completion(&habit, days_ago(400))).await?.status(404)?;
                expect_days(api, &habit, &[days[0], days[2]]).await?;
                expect_days(api, &other, &days).await?;
                // A deleted completion can be added again.
                complete(api, &habit, days[1]).await?.status(201)?;
                Ok(())
            }),
        check("3.completions-range", "GET /habits/{id}/completions lists the days in order; from and to are inclusive and optional")
            .needs(&["3.complete"])
            .book("completing-a-day")
            .hints(&[
                "The rows of a table have no order: use `ORDER BY`. `BETWEEN` includes both of its bounds.",
                "Bind `NULL` for an absent bound: `BETWEEN COALESCE($2, '-infinity') AND COALESCE($3, 'infinity')`.",
            ])
            .proof(async |api| {
                let habit = api.any_habit().await?;
                expect_days_in_order(api, &habit, "", &[]).await?;
                let days = [
                    date!(2023 - 09 - 30),
                    date!(2023 - 12 - 31),
                    date!(2024 - 01 - 01),
                    date!(2024 - 02 - 29),
                    date!(2024 - 03 - 01),
                    date!(2024 - 10 - 02),
                ];
                complete_all(api, &habit, [3, 0, 5, 1, 4, 2].map(|index| days[index])).await?;
                expect_days_in_order(api, &habit, "", &days).await?;
                expect_days_in_order(api, &habit, "?from=2023-12-31&to=2024-02-29", &days[1..4]).await?;
                expect_days_in_order(api, &habit, "?from=2024-01-02", &days[3..]).await?;
                expect_days_in_order(api, &habit, "?from=2024-01-01", &days[2..]).await?;
                expect_days_in_order(api, &habit, "?to=2024-02-29", &days[..4]).await?;
                expect_days_in_order(api, &habit, "?from=2024-03-01&to=2024-03-01", &days[4..5]).await?;
                expect_days_in_order(api, &habit, "?from=2024-04-01&to=2024-09-30", &[]).await
            }),
        check("3.completions-unknown", "PUT, DELETE and GET of completions respond 404 for an unknown habit")
            .needs(&["3.complete"])
            .book("completing-a-day")
            .hints(&[
                "A habit without completions and an unknown habit are different things: the first is an empty list, the second is a 404.",
                "PUT: the insert violates the foreign key, so use `on_constraint` with the name of that constraint. GET: select the habit before its completions.",
            ])
            .proof(async |api| {
                let path = format!("{}/completions", api.unknown_path().await?);
                let day = format!("{path}/{}", days_ago(1));
                expect_problem(&api.http.send(Request::new("PUT", &day)).await?, 404)?;
                expect_problem(&api.delete(&day).await?, 404)?;
                expect_problem(&api.get(&path).await?, 404)?;
                Ok(())
            }),
        check("3.patch-is-completion", "completed_today is true if and only if today has a completion, whichever route added or removed it")
            .needs(&["3.uncomplete"])
            .book("completing-a-day")
            .hints(&[
                "There is no column `completed_today`. Derive it: does `completions` have a row for today?",
                "PATCH with `true` inserts that row; PATCH with `false` deletes it. Make both idempotent: the row may already exist, or already be gone.",
            ])
            .proof(async |api| {
                let habit = api.any_habit().await?;
                complete(api, &habit, days_ago(1)).await?;
                let today = today();
                for completed in [true, true, false, false] {
                    api.patch(habit.path(), json!({ "completed_today": completed })).await?.status(200)?;
                    let days = [days_ago(1), today];
                    expect_days(api, &habit, if completed { &days } else { &days[..1] }).await?;
                }
                for completed in [true, false] {
                    let method = if completed { "PUT" } else { "DELETE" };
                    api.http.send(Request::new(method, completion(&habit, today))).await?.status([200, 201, 204])?;
                    let (response, read) = api.read(&habit).await?;
                    read.expect(&response, "completed_today", completed)?;
                    let (response, list) = api.list().await?;
                    let listed = list.iter().find(|listed| listed.id == habit.id);
                    listed.unwrap_or(&habit).expect(&response, "completed_today", completed)?;
                }
                Ok(())
            }),
    ]
}

fn expect_date(response: &Response, day: &str) -> Outcome {
    match response.json()? {
        Value::Object(completion) if completion.get("date").is_some_and(|date| date == day) => Ok(()),
        other => Err(response.fail(json!({ "date": day }).to_string(), other.to_string())),
    }
}

/// Fails unless the table `completions` has this many rows for a habit. Skipped where the database is not accessible.
async fn expect_rows(api: &harness::api::Api, habit: &Habit, rows: u64) -> Outcome {
    let Some(store) = api.visible::<Store>() else { return Ok(()) };
    match store.count(&format!("FROM completions WHERE habit_id = {}", habit.id)).await? {
        count if count == rows => Ok(()),
        count => {
            let expected = format!("{rows} rows in completions for habit {}", habit.id);
            Err(model::Stop::fail(expected, format!("{count} rows")))
        }
    }
}
