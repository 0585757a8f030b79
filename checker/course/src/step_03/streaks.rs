//! Streaks: the number of consecutive completed days.

use std::rc::Rc;

use serde_json::json;
use time::{Date, Duration, Month};

use super::{complete, complete_all, completion, days_ago, expect_days, today};
use harness::api::Api;
use harness::backing::Backing;
use harness::check::{Check, check};
use harness::habit::Habit;
use model::{Outcome, Request, Stop};
use services::DATABASE;
use services::postgres::Store;

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("3.streak", "A habit has a streak: 0 when new, n after n consecutive days up to today, in the list too")
            .needs(&["3.complete"])
            .book("streaks")
            .hints(&[
                "Do not store the streak in a column: it changes with the date. Write a pure function of the completed days and today's date.",
                "Go back from today, one day at a time, while the day is among the completed days. Count the steps.",
                "Every response with a habit includes the streak: POST, PATCH, GET by id and the list.",
            ])
            .proof(async |api| {
                let response = api.post("/habits", json!({ "name": api.data.name() })).await?;
                response.status(201)?;
                let habit = Habit::of(&response)?;
                habit.expect(&response, "streak", 0)?;
                expect_streak(api, &habit, 0).await?;
                let length = 3 + api.data.below(6) as i64;
                for days in 0..length {
                    complete(api, &habit, days_ago(days)).await?;
                    expect_streak(api, &habit, days + 1).await?;
                }
                let response = api.patch(habit.path(), json!({ "description": api.data.description() })).await?;
                Habit::of(&response)?.expect(&response, "streak", length)?;
                let other = api.any_habit().await?;
                expect_streak(api, &habit, length).await?;
                expect_streak(api, &other, 0).await?;
                // A future day may be stored or rejected, but does not count.
                complete(api, &other, today()).await?;
                api.http.send(Request::new("PUT", completion(&other, days_ago(-1)))).await?;
                expect_streak(api, &other, 1).await
            }),
        check(
            "3.streak-yesterday",
            "A streak up to yesterday still counts while today is not completed; an earlier one is over",
        )
        .needs(&["3.streak"])
        .book("streaks")
        .hints(&[
            "In the morning, nobody has completed today's habit yet. The streak is lost only when the day is over.",
            "If today is not completed, start counting at yesterday. If yesterday is not completed either, the streak is 0.",
        ])
        .proof(async |api| {
            let length = 2 + api.data.below(5) as i64;
            let habit = api.any_habit().await?;
            complete_all(api, &habit, (1..=length).map(days_ago)).await?;
            expect_streak(api, &habit, length).await?;
            let response = api.patch(habit.path(), json!({ "completed_today": true })).await?;
            response.status(200)?;
            Habit::of(&response)?.expect(&response, "streak", length + 1)?;
            expect_streak(api, &habit, length + 1).await?;
            let broken = api.any_habit().await?;
            complete_all(api, &broken, (2..=length + 1).map(days_ago)).await?;
            expect_streak(api, &broken, 0).await
        }),
        check("3.streak-gap", "A missing day ends the streak, no matter how many completed days come before it")
            .needs(&["3.streak"])
            .book("streaks")
            .hints(&["A streak is not the total number of completed days. Stop counting at the first gap."])
            .proof(async |api| {
                for (days, streak) in [(&[0, 1, 3, 4, 5, 6][..], 2), (&[0, 2, 3][..], 1), (&[1, 2, 4, 5, 6, 7, 8][..], 2)] {
                    let habit = api.any_habit().await?;
                    complete_all(api, &habit, days.iter().copied().map(days_ago)).await?;
                    expect_streak(api, &habit, streak).await?;
                }
                Ok(())
            }),
        check("3.utc-days", "The server uses UTC dates, whatever the time zones of the server and the database")
            .needs(&["3.streak", "3.patch-is-completion"])
            .disturbs(DATABASE)
            .book("streaks")
            .hints(&[
                "What day is it in Auckland, and what day in Honolulu? Local time depends on the time zone: use the current date in UTC.",
                "In Rust, use `OffsetDateTime::now_utc().date()`. In SQL, `CURRENT_DATE` depends on the session's time zone.",
            ])
            .proof(async |api| {
                let (backing, zone) = (api.spare().await?, zone_with_another_date());
                let store = backing.fixture::<Store>()?;
                let set = |setting: &str| {
                    format!("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I {setting}', current_database()); END $$")
                };
                store.rows(&set(&format!("SET timezone = ''{zone}''"))).await?;
                let outcome = check_in_zone(api, &backing, zone).await;
                store.rows(&set("RESET timezone")).await?;
                outcome
            }),
        check("3.streak-calendar", "A streak continues across the ends of months and years and across 29 February")
            .needs(&["3.tables", "3.streak-gap"])
            .book("streaks")
            .hints(&[
                "Do not compare day-of-month numbers: 1 follows 31, and the day after 28 February depends on the year (leap years).",
                "A date type handles calendar arithmetic: `day.previous_day()`, or the difference of two dates in days.",
            ])
            .proof(async |api| {
                let today = today();
                let first = leap_day_before(today) - Duration::days(10);
                for missing in [None, Some(leap_day_before(today)), last_of_year(today), last_of_long_month(today)] {
                    let habit = api.any_habit().await?;
                    let without = missing.map(|day| format!(" WHERE day::date <> '{day}'")).unwrap_or_default();
                    let days = format!("generate_series('{first}'::date, '{today}', '1 day') AS day{without}");
                    let values = [("habit_id", &*habit.id.to_string()), ("completed_on", "day::date")];
                    let inserted = api.fixture::<Store>()?.insert("completions", &values, &days).await?;
                    inserted.map_err(|refusal| Stop::fail("a table completions that accepts dates over several years", refusal.message))?;
                    let streak = (today - missing.unwrap_or(first - Duration::days(1))).whole_days();
                    expect_streak(api, &habit, streak).await?;
                    super::clear_away(api, &[habit]).await;
                }
                Ok(())
            }),
    ]
}

/// Fails unless the habit has this streak, in GET by id and in the list.
async fn expect_streak(api: &Api, habit: &Habit, streak: i64) -> Outcome {
    let (response, read) = api.read(habit).await?;
    read.expect(&response, "streak", streak)?;
    let (response, list) = api.list().await?;
    match list.iter().find(|listed| listed.id == habit.id) {
        Some(listed) => listed.expect(&response, "streak", streak).map(drop),
        None => Err(response.fail(format!("habit {} in the list", habit.id), "a list without it")),
    }
}

/// Fails unless a server in this time zone uses UTC dates.
async fn check_in_zone(api: &Api, backing: &Rc<Backing>, zone: &str) -> Outcome {
    let server = api.start_on(backing, &[("TZ", zone)]).await?;
    let habit = server.api.any_habit().await?;
    let response = server.api.patch(habit.path(), json!({ "completed_today": true })).await?;
    Habit::of(&response)?.expect(&response, "completed_today", true)?.expect(&response, "streak", 1)?;
    expect_days(&server.api, &habit, &[today()]).await?;
    // With a local date of yesterday, the first streak would have a future day; with one of tomorrow, the second would be over.
    for ends in [0, 1] {
        let other = server.api.any_habit().await?;
        complete_all(&server.api, &other, [days_ago(ends), days_ago(ends + 1)]).await?;
        expect_streak(&server.api, &other, 2).await?;
    }
    Ok(())
}

/// A time zone in which the current date differs from UTC.
fn zone_with_another_date() -> &'static str {
    // These names invert the sign (POSIX): the first is UTC+14, the second UTC-12.
    if time::OffsetDateTime::now_utc().hour() >= 11 { "Etc/GMT-14" } else { "Etc/GMT+12" }
}

/// The latest 29 February, more than 5 days in the past.
fn leap_day_before(today: Date) -> Date {
    let years = (today.year() - 8..=today.year()).rev();
    let mut days = years.filter_map(|year| Date::from_calendar_date(year, Month::February, 29).ok());
    days.find(|day| *day < today - Duration::days(5)).unwrap_or(today)
}

/// The latest 31 December, more than 2 days in the past.
fn last_of_year(today: Date) -> Option<Date> {
    let last = |year| Date::from_calendar_date(year, Month::December, 31).ok();
    last(today.year() - 1).filter(|day| *day < today - Duration::days(2)).or_else(|| last(today.year() - 2))
}

/// The latest 31st of a month, at least 3 days in the past.
fn last_of_long_month(today: Date) -> Option<Date> {
    (3..100).map(|days| today - Duration::days(days)).find(|day| day.day() == 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    #[test]
    fn the_missing_days_are_calendar_edges_in_the_past() {
        let today = date!(2026 - 01 - 02);
        assert_eq!(leap_day_before(today), date!(2024 - 02 - 29));
        assert_eq!(leap_day_before(date!(2024 - 03 - 02)), date!(2020 - 02 - 29));
        assert_eq!(leap_day_before(date!(2104 - 02 - 01)), date!(2096 - 02 - 29));
        assert_eq!(last_of_year(today), Some(date!(2024 - 12 - 31)));
        assert_eq!(last_of_long_month(today), Some(date!(2025 - 10 - 31)), "31 December is too recent");
    }
}
