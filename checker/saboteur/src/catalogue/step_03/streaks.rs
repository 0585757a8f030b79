//! Wrong streaks, and wrong ways to determine the current day.

use std::collections::{BTreeMap, BTreeSet};

use hyper::Method;
use serde_json::{Value, json};

use crate::api::routes::{any, creates, lists, patches};
use crate::clock;
use crate::http::{ConnectionLost, Request, Response, Upstream};
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [representation(), counting(), calendar(), zones()].into_iter().flatten().collect()
}

/// Days counted from 1970.
type Days = BTreeSet<i64>;

/// How many days the other checks of streaks look back at most. A rule that is wrong about the calendar is right about these days,
/// so that it trips the same checks on every day of the year.
const RECENT: i64 = 12;

fn representation() -> Vec<Sabotage> {
    let trips = &["3.streak"];
    vec![
        wrong("streak-is-missing", trips, "Habits have no streak.")
            .response(any, |_, response| response.edit_habits(|habit| drop(habit.remove("streak")))),
        wrong("streak-is-missing-in-the-list", trips, "The habits in the list have no streak.")
            .response(lists, |_, response| response.edit_habits(|habit| drop(habit.remove("streak")))),
        wrong("streak-of-the-list-is-0", trips, "The streaks in the list are 0.")
            .response(lists, |_, response| response.edit_habits(|habit| drop(habit.insert("streak".into(), json!(0))))),
        wrong("streak-is-text", trips, "The streak is a string of digits.").response(any, |_, response| {
            response.edit_habits(|habit| {
                if let Some(Value::Number(streak)) = habit.get("streak") {
                    let text = streak.to_string();
                    habit.insert("streak".into(), text.into());
                }
            })
        }),
        wrong("new-habit-has-no-streak", trips, "POST answers the new habit without a streak.")
            .response(creates, |_, response| response.edit_habits(|habit| drop(habit.remove("streak")))),
        wrong("patch-answers-no-streak", trips, "PATCH answers the streak 0.").response(
            |request| patches(request) && request.field("completed_today").is_none(),
            |_, response| response.edit_habits(|habit| drop(habit.insert("streak".into(), json!(0)))),
        ),
        wrong("list-gives-all-one-streak", trips, "Every habit in the list has the streak of the last one.").response(
            lists,
            |_, response| {
                let last = response.json().and_then(|list| list.as_array()?.last()?.get("streak").cloned());
                response.edit_habits(|habit| drop(habit.insert("streak".into(), last.clone().unwrap_or_default())))
            },
        ),
    ]
}

fn counting() -> Vec<Sabotage> {
    let off = &["3.streak"];
    let yesterday = &["3.streak-yesterday"];
    let gap = &["3.streak-gap"];
    vec![
        rule("streak-counts-steps", off, "The streak is one less than the number of days.", |days, today| {
            (streak(days, today) - 1).max(0)
        }),
        rule("streak-begins-with-1", off, "The streak of a new habit is 1.", |days, today| streak(days, today).max(1)),
        rule("streak-leaves-today-out", off, "The streak does not count today.", |days, today| run(days, today - 1)),
        rule("streak-ends-at-2", off, "The streak is at most 2.", |days, today| streak(days, today).min(2)),
        rule(
            "streak-needs-today",
            &["3.streak-yesterday", "3.streak-gap", "3.import"],
            "The streak is 0 until today is completed.",
            run,
        ),
        rule(
            "streak-waits-for-two-days",
            yesterday,
            "A streak that ended the day before yesterday still counts.",
            |days, today| match streak(days, today) {
                0 => run(days, today - 2),
                streak => streak,
            },
        ),
        rule("streak-never-ends", yesterday, "A streak counts no matter how long ago it ended.", |days, today| {
            match streak(days, today) {
                0 => days.last().map_or(0, |last| run(days, *last)),
                streak => streak,
            }
        }),
        rule(
            "streak-counts-every-day",
            &["3.streak-gap", "3.import-repeated-date"],
            "While a streak lasts, it counts all completed days, even those before a gap.",
            |days, today| if streak(days, today) == 0 { 0 } else { count(days, today) },
        ),
        rule("streak-is-the-longest", gap, "While a streak lasts, the longest one ever is answered.", |days, today| {
            let longest = days.iter().filter(|day| **day <= today).map(|day| run(days, *day)).max().unwrap_or_default();
            if streak(days, today) == 0 { 0 } else { longest }
        }),
        rule("streak-forgives-a-day", gap, "One missed day does not end the streak.", |days, today| {
            let current = streak(days, today);
            let last = if days.contains(&today) { today } else { today - 1 };
            if current == 0 { 0 } else { current + run(days, last - current - 1) }
        }),
        rule("streak-counts-days-to-come", &["3.streak"], "Future days count for the streak.", |days, today| {
            match days.contains(&today) {
                true => streak(days, today) + (1..).take_while(|ahead| days.contains(&(today + ahead))).count() as i64,
                false => streak(days, today),
            }
        }),
    ]
}

fn calendar() -> Vec<Sabotage> {
    let trips = &["3.streak-calendar"];
    /// The streak, cut off at the latest day for which `is_first` holds.
    fn from(days: &Days, today: i64, is_first: fn((u64, u64, u64)) -> bool) -> i64 {
        let streak = streak(days, today);
        let last = if days.contains(&today) { today } else { today - 1 };
        let is_first = |back: &i64| *back > RECENT && is_first(date(last - back));
        (0..streak).find(is_first).map_or(streak, |back| back + 1)
    }
    /// The streak if every day for which `passed` holds counted as completed.
    fn passing(days: &Days, today: i64, passed: fn((u64, u64, u64)) -> bool) -> i64 {
        let (first, last) = (days.first().copied().unwrap_or(today), today - RECENT);
        let more = (first..last).filter(|day| passed(date(*day)));
        streak(&days.iter().copied().chain(more).collect(), today)
    }
    vec![
        rule("streak-ends-at-the-month", trips, "The streak restarts on the first day of a month.", |days, today| {
            from(days, today, |(_, _, day)| day == 1)
        }),
        rule("streak-ends-at-the-year", trips, "The streak restarts on 1 January.", |days, today| {
            from(days, today, |(_, month, day)| (month, day) == (1, 1))
        }),
        rule("streak-ends-at-the-leap-day", trips, "The streak does not reach back beyond 29 February.", |days, today| {
            from(days, today, |(_, month, day)| (month, day) == (2, 29))
        }),
        rule("leap-day-is-overlooked", trips, "A missed 29 February does not end the streak.", |days, today| {
            passing(days, today, |(_, month, day)| (month, day) == (2, 29))
        }),
        rule("last-of-the-year-is-overlooked", trips, "A missed 31 December does not end the streak.", |days, today| {
            passing(days, today, |(_, month, day)| (month, day) == (12, 31))
        }),
        rule("every-month-has-30-days", trips, "A missed 31st does not end the streak.", |days, today| {
            passing(days, today, |(_, _, day)| day == 31)
        }),
        rule("leap-day-does-not-count", trips, "29 February does not count for the streak.", |days, today| {
            let streak = streak(days, today);
            let leap_days = (0..streak).filter(|back| matches!(date(today - back), (_, 2, 29))).count() as i64;
            streak - leap_days
        }),
        rule("streak-ends-at-100", trips, "The streak is at most 100.", |days, today| streak(days, today).min(100)),
        rule("streak-ends-at-365", trips, "The streak is at most 365.", |days, today| streak(days, today).min(365)),
        rule("streak-is-one-byte", trips, "The streak overflows at 256.", |days, today| streak(days, today) % 256),
    ]
}

fn zones() -> Vec<Sabotage> {
    let trips = &["3.utc-days"];
    vec![
        wrong("today-is-local", trips, "PATCH completes the current day in the server's time zone.").instead(
            |request| patches(request) && request.field("completed_today") == Some(json!(true)),
            async |request, upstream| {
                let day = local_day();
                complete_instead(request, upstream, day).await
            },
        ),
        wrong("today-is-that-of-the-database", trips, "PATCH completes the current day in the database's time zone.").instead(
            |request| patches(request) && request.field("completed_today") == Some(json!(true)),
            async |request, upstream| {
                let zone = "SELECT (now() AT TIME ZONE coalesce((SELECT split_part(setting, '=', 2)
                    FROM pg_db_role_setting, unnest(setconfig) AS setting
                    WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
                    AND setting ILIKE 'timezone=%'), 'UTC'))::date - DATE '1970-01-01'";
                let day: Vec<(i32,)> = upstream.database().rows(zone).await?;
                complete_instead(request, upstream, day.first().map_or(clock::today(), |(day,)| i64::from(*day))).await
            },
        ),
        rule("streak-is-local", trips, "The streak ends on the current day in the server's time zone.", |days, _| {
            streak(days, local_day())
        }),
    ]
}

/// Responds to a PATCH of `completed_today` by completing this day.
async fn complete_instead(mut request: Request, upstream: &Upstream, day: i64) -> Result<Response, ConnectionLost> {
    if day == clock::today() {
        return upstream.send(request).await;
    }
    let path = format!("{}/completions/{}", request.path(), clock::iso_date(day));
    upstream.send(request.another(Method::PUT, &path, None)).await?;
    request.edit(|fields| drop(fields.remove("completed_today")));
    let mut response = upstream.send(request).await?;
    response.edit_habits(|habit| {
        habit.insert("completed_today".into(), true.into());
        habit.insert("streak".into(), 1.into());
    });
    Ok(response)
}

/// The current day in the time zone `TZ`, if that is written like `Etc/GMT-14`.
fn local_day() -> i64 {
    let zone = std::env::var("TZ").unwrap_or_default();
    // These names have the sign reversed.
    let hours: i64 = zone.strip_prefix("Etc/GMT").and_then(|west| west.parse().ok()).unwrap_or_default();
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    (i64::try_from(since.as_secs()).unwrap_or_default() - hours * 3600).div_euclid(86_400)
}

/// A server that counts streaks by another rule. It reads the days of all habits in a response with a single query.
fn rule(name: &'static str, trips: &'static [&'static str], breaks: &'static str, rule: fn(&Days, i64) -> i64) -> Sabotage {
    wrong(name, trips, breaks).instead(any, async move |request, upstream| {
        let mut response = upstream.send(request).await?;
        recount(&mut response, upstream, rule).await?;
        Ok(response)
    })
}

async fn recount(response: &mut Response, upstream: &Upstream, rule: fn(&Days, i64) -> i64) -> Result<(), ConnectionLost> {
    let mut ids = Vec::new();
    let mut learn = |value: &Value| ids.extend(value.get("streak").and_then(|_| value.get("id")?.as_i64()));
    match response.json().filter(|_| response.is_success()) {
        Some(Value::Array(items)) => items.iter().for_each(learn),
        Some(one) => learn(&one),
        None => {}
    }
    if ids.is_empty() {
        return Ok(());
    }
    let ids: Vec<String> = ids.iter().map(i64::to_string).collect();
    let days = "SELECT habit_id, array_agg(completed_on - DATE '1970-01-01') FROM completions";
    let days = format!("{days} WHERE habit_id IN ({}) GROUP BY habit_id", ids.join(", "));
    let days: Vec<(i64, Vec<i32>)> = upstream.database().rows(&days).await?;
    let days = days.into_iter().map(|(id, days)| (id, days.into_iter().map(i64::from).collect()));
    let days: BTreeMap<i64, Days> = days.collect();
    let today = clock::today();
    response.edit_habits(|habit| {
        let none = Days::new();
        let days = habit.get("id").and_then(Value::as_i64).and_then(|id| days.get(&id)).unwrap_or(&none);
        habit.insert("streak".into(), rule(days, today).into());
    });
    Ok(())
}

/// The correct rule.
fn streak(days: &Days, today: i64) -> i64 {
    run(days, if days.contains(&today) { today } else { today - 1 })
}

/// The number of consecutive days that end with `last`.
fn run(days: &Days, last: i64) -> i64 {
    (0..).take_while(|back| days.contains(&(last - back))).count() as i64
}

/// The number of days up to today.
fn count(days: &Days, today: i64) -> i64 {
    days.range(..=today).count() as i64
}

fn date(day: i64) -> (u64, u64, u64) {
    clock::date(u64::try_from(day).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_correct_streak_ends_today_or_yesterday() {
        let days = |back: &[i64]| back.iter().map(|back| 20_000 - back).collect::<Days>();
        assert_eq!(streak(&days(&[]), 20_000), 0);
        assert_eq!(streak(&days(&[0, 1, 3]), 20_000), 2);
        assert_eq!(streak(&days(&[1, 2, 4]), 20_000), 2);
        assert_eq!(streak(&days(&[2, 3]), 20_000), 0);
    }
}
