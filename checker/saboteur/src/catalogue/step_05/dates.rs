//! Invalid and future dates, and ranges whose end is before their start.

use hyper::Method;
use serde_json::{Value, json};

use crate::api::routes::{completes, completion, imports, lists_completions, uncompletes};
use crate::clock;
use crate::database::quote_literal;
use crate::http::{Request, Response};
use crate::sabotage::{Sabotage, wrong};

const TRIPS: &[&str] = &["5.dates"];

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [misreadings(), error_responses(), future(), ranges()].into_iter().flatten().collect()
}

fn misreadings() -> Vec<Sabotage> {
    let read_in_path = |name, breaks, when: fn(&Request) -> bool, reading| {
        wrong(name, TRIPS, breaks).request(when, move |request| read_path(request, reading))
    };
    let read_in_query = |name, breaks, end: &'static str, reading| {
        wrong(name, TRIPS, breaks).request(lists_completions, move |request| read_query(request, end, reading))
    };
    let ignore = |name, breaks, end: &'static str, is_ignored: fn(&str) -> bool| {
        wrong(name, TRIPS, breaks).request(lists_completions, move |request| {
            if request.query_parameter(end).is_some_and(is_ignored) {
                request.set_query_parameter(end, None)
            }
        })
    };
    vec![
        wrong("days-roll-over", TRIPS, "30 February is read as 2 March everywhere.")
            .request(|request| completes(request) || uncompletes(request), |request| read_path(request, roll_over))
            .request(imports, |request| read_import(request, roll_over))
            .request(lists_completions, |request| {
                read_query(request, "from", roll_over);
                read_query(request, "to", roll_over);
            }),
        read_in_path("put-days-roll-over", "PUT of a completion reads 30 February as 2 March.", completes, roll_over),
        read_in_path("delete-days-roll-over", "DELETE of a completion reads 30 February as 2 March.", uncompletes, roll_over),
        read_in_query("from-rolls-over", "`from` reads 30 February as 2 March.", "from", roll_over),
        read_in_query("to-rolls-over", "`to` reads 30 February as 2 March.", "to", roll_over),
        wrong("imported-days-roll-over", TRIPS, "An import reads 30 February as 2 March.")
            .request(imports, |request| read_import(request, roll_over)),
        read_in_path("month-is-its-first-day", "PUT of a completion reads 2026-01 as 1 January 2026.", completes, |text| {
            (text.len() == "2026-01".len()).then(|| format!("{text}-01"))
        }),
        read_in_path(
            "what-follows-a-day-is-cut-off",
            "PUT of a completion ignores what follows the first ten characters of a date.",
            completes,
            |text| (text.len() > "2026-01-31".len()).then(|| text[.."2026-01-31".len()].to_owned()),
        ),
        read_in_path("words-are-days", "PUT of a completion accepts `epoch` as a date, as PostgreSQL does.", completes, |text| {
            (text == "epoch").then(|| clock::iso_date(0))
        }),
        read_in_path(
            "yesterday-is-a-day",
            "PUT of a completion accepts `yesterday` as a date, as PostgreSQL does.",
            completes,
            |text| (text == "yesterday").then(|| clock::iso_date(clock::today() - 1)),
        ),
        ignore("from-may-be-infinity", "`from=infinity` is ignored.", "from", |text| text == "infinity"),
        ignore("bad-from-is-ignored", "An invalid `from` is ignored.", "from", |text| !looks_like_date(text)),
        ignore("bad-to-is-ignored", "An invalid `to` is ignored.", "to", |text| !looks_like_date(text)),
        wrong("imported-days-that-are-none-are-left-out", TRIPS, "An import skips days that do not exist.")
            .request(imports, |request| keep_days(request, |day| is_valid(day) || !looks_like_date(day))),
        wrong("year-0-answers-500", TRIPS, "PUT of a completion in year 0 answers 500.").response(
            |request| completes(request) && day_of(request).starts_with("0000-01-01"),
            |_, response| response.set_problem(500, "Something went wrong."),
        ),
        wrong("imported-year-0-answers-500", TRIPS, "An import with a day in year 0 answers 500.").response(
            |request| imports(request) && String::from_utf8_lossy(&request.body).contains("0000-01-01"),
            |_, response| response.set_problem(500, "Something went wrong."),
        ),
        wrong("delete-of-no-day-answers-404", TRIPS, "DELETE of an invalid day answers 404.").response(
            |request| uncompletes(request) && !is_valid(day_of(request)),
            |_, response| response.set_problem(404, "It was not done on that day."),
        ),
    ]
}

fn error_responses() -> Vec<Sabotage> {
    let on_rejection = |name, breaks, when: fn(&Request) -> bool, change: fn(&mut Response)| {
        wrong(name, TRIPS, breaks).response(when, move |_, response| {
            if matches!(response.status(), 400 | 422) {
                change(response)
            }
        })
    };
    let bad_days = |request: &Request| {
        imports(request)
            && request.any_field("completions", |days| {
                days.as_array().into_iter().flatten().any(|day| day.as_str().is_some_and(|day| !is_valid(day) || is_future(day)))
            })
    };
    vec![
        on_rejection(
            "bad-day-in-a-path-is-not-named",
            "The error response to an invalid date in a path lacks `errors`.",
            completes,
            Response::remove_errors,
        ),
        on_rejection(
            "bad-day-in-a-path-is-the-id",
            "The error response to an invalid date in a path names the field \"id\".",
            uncompletes,
            |response| response.rename_error_fields(|_| "id".into()),
        ),
        on_rejection(
            "bad-range-is-not-named",
            "The error response to an invalid `from` or `to` lacks `errors`.",
            lists_completions,
            Response::remove_errors,
        ),
        on_rejection(
            "bad-to-is-called-from",
            "The error response to an invalid `to` names the field \"from\".",
            lists_completions,
            |response| response.rename_error_fields(|_| "from".into()),
        ),
        on_rejection(
            "bad-imported-day-is-not-named",
            "The error response to an invalid date in an import lacks `errors`.",
            bad_days,
            Response::remove_errors,
        ),
        on_rejection(
            "bad-imported-day-has-no-place",
            "The error response to an invalid date in an import lacks the habit's index.",
            bad_days,
            |response| response.rename_error_fields(|_| "completions".into()),
        ),
        on_rejection(
            "bad-imported-day-is-of-the-first",
            "The error response to an invalid date in an import always names the first habit.",
            bad_days,
            |response| response.rename_error_fields(|name| name.replacen('1', "0", 1)),
        ),
    ]
}

fn future() -> Vec<Sabotage> {
    let accept = |name, breaks, is_accepted: fn(&str) -> bool| {
        wrong(name, TRIPS, breaks).instead(
            move |request| completes(request) && is_accepted(day_of(request)),
            async |request, upstream| {
                let Some((id, day)) = completion(&request) else { return upstream.send(request).await };
                let mut response = upstream.send(request.another(Method::GET, &format!("/habits/{id}"), None)).await?;
                if response.status() == 200 {
                    let add = format!("INSERT INTO completions VALUES ({id}, {}) ON CONFLICT DO NOTHING", quote_literal(day));
                    upstream.database().run(&add).await?;
                    response.set_status(201);
                    response.set_json("application/json", &json!({ "date": day }));
                }
                Ok(response)
            },
        )
    };
    let reject = |name, breaks, when: fn(&Request) -> bool| {
        wrong(name, TRIPS, breaks).response(when, |_, response| response.set_problem(400, "That day has not come yet."))
    };
    vec![
        accept("days-to-come-can-be-done", "PUT accepts completions of any future day.", is_future),
        accept("tomorrow-can-be-done", "PUT accepts a completion of tomorrow.", |day| day == clock::iso_date(clock::today() + 1)),
        accept("next-years-can-be-done", "PUT accepts completions that are a year or more in the future.", |day| {
            is_valid(day) && *day >= *clock::iso_date(clock::today() + 365)
        }),
        wrong("import-leaves-days-to-come-out", TRIPS, "An import skips future days.")
            .request(imports, |request| keep_days(request, |day| !is_future(day))),
        wrong("import-takes-tomorrow", TRIPS, "An import treats tomorrow as today.").request(imports, |request| {
            read_import(request, |day| (day == clock::iso_date(clock::today() + 1)).then(|| clock::iso_date(clock::today())))
        }),
        wrong("import-refuses-today", &["5.dates", "3.import"], "An import rejects today as a future day.").request(
            imports,
            |request| {
                read_import(request, |day| (day == clock::iso_date(clock::today())).then(|| clock::iso_date(clock::today() + 1)))
            },
        ),
        reject("delete-refuses-days-to-come", "DELETE rejects a future day.", |request| {
            uncompletes(request) && is_future(day_of(request))
        }),
        reject("from-refuses-days-to-come", "A future `from` is rejected.", |request| {
            lists_completions(request) && request.query_parameter("from").is_some_and(is_future)
        }),
        reject("to-refuses-days-to-come", "A future `to` is rejected.", |request| {
            lists_completions(request) && request.query_parameter("to").is_some_and(is_future)
        }),
    ]
}

fn ranges() -> Vec<Sabotage> {
    vec![
        wrong("backward-range-is-empty", TRIPS, "A range whose `from` is after its `to` answers an empty array.").response(
            is_backward,
            |_, response| {
                response.set_status(200);
                response.set_json("application/json", &json!([]));
            },
        ),
        wrong("backward-range-is-turned", TRIPS, "A range whose `from` is after its `to` is swapped.").request(
            is_backward,
            |request| {
                let ends = ["from", "to"].map(|end| request.query_parameter(end).map(str::to_owned));
                request.set_query_parameter("from", ends[1].as_deref());
                request.set_query_parameter("to", ends[0].as_deref());
            },
        ),
        wrong(
            "backward-range-is-not-named",
            TRIPS,
            "The error response to a range whose `from` is after its `to` lacks `errors`.",
        )
        .response(is_backward, |_, response| response.remove_errors()),
        wrong("order-of-the-ends-counts", TRIPS, "A range is validated only if the parameter `from` precedes `to`.").request(
            |request| is_backward(request) && request.head.uri.query().is_some_and(|query| query.starts_with("to")),
            |request| request.set_query_parameter("to", None),
        ),
    ]
}

fn is_backward(request: &Request) -> bool {
    let end = |name| request.query_parameter(name).filter(|day| is_valid(day));
    lists_completions(request) && end("from").zip(end("to")).is_some_and(|(from, to)| from > to)
}

fn day_of(request: &Request) -> &str {
    completion(request).map_or("", |(_, day)| day)
}

fn read_path(request: &mut Request, reading: fn(&str) -> Option<String>) {
    if let Some(day) = reading(day_of(request)) {
        request.set_last_segment(day);
    }
}

fn read_query(request: &mut Request, end: &str, reading: fn(&str) -> Option<String>) {
    if let Some(day) = request.query_parameter(end).and_then(reading) {
        request.set_query_parameter(end, Some(&day))
    }
}

fn read_import(request: &mut Request, reading: fn(&str) -> Option<String>) {
    request.edit_objects(|habit| {
        for day in habit.get_mut("completions").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(read) = day.as_str().and_then(reading) {
                *day = read.into();
            }
        }
    });
}

fn keep_days(request: &mut Request, is_kept: fn(&str) -> bool) {
    request.edit_objects(|habit| {
        if let Some(days) = habit.get_mut("completions").and_then(Value::as_array_mut) {
            days.retain(|day| day.as_str().is_none_or(is_kept));
        }
    });
}

/// Whether a text has the form of a date.
fn looks_like_date(text: &str) -> bool {
    parts(text).is_some()
}

fn parts(text: &str) -> Option<[u32; 3]> {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts[..] else { return None };
    let is_number = |part: &str, length| part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_one = is_number(year, 4) && is_number(month, 2) && is_number(day, 2);
    is_one.then(|| [year, month, day].map(|part| part.parse().unwrap_or_default()))
}

/// The number of days in the month.
fn days_in_month([year, month, _]: [u32; 3]) -> u32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn is_valid(text: &str) -> bool {
    parts(text).is_some_and(|parts| (1..=12).contains(&parts[1]) && (1..=days_in_month(parts)).contains(&parts[2]))
}

fn is_future(text: &str) -> bool {
    is_valid(text) && *text > *clock::iso_date(clock::today())
}

/// A day after the end of its month, as a day of the next month.
fn roll_over(text: &str) -> Option<String> {
    let parts = parts(text)?;
    let [year, month, day] = parts;
    let is_behind = (1..12).contains(&month) && day > days_in_month(parts) && day <= 31;
    is_behind.then(|| format!("{year:04}-{:02}-{:02}", month + 1, day - days_in_month(parts)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_after_the_end_of_a_month_roll_over() {
        let days = ["2026-02-30", "2025-02-29", "2024-02-29", "2026-04-31", "2026-01-32"].map(roll_over);
        let expected = [Some("2026-03-02"), Some("2025-03-01"), None, Some("2026-05-01"), None];
        assert_eq!(days, expected.map(|day| day.map(str::to_owned)));
    }
}
