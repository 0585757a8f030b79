//! Days that there are not, or not yet, and ranges that end before they begin.

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
    [misread(), told(), future(), ranges()].into_iter().flatten().collect()
}

fn misread() -> Vec<Sabotage> {
    let in_path = |name, breaks, when: fn(&Request) -> bool, reading| {
        wrong(name, TRIPS, breaks).request(when, move |request| read_path(request, reading))
    };
    let in_query = |name, breaks, end: &'static str, reading| {
        wrong(name, TRIPS, breaks).request(lists_completions, move |request| read_query(request, end, reading))
    };
    let left_out = |name, breaks, end: &'static str, is_left_out: fn(&str) -> bool| {
        wrong(name, TRIPS, breaks).request(lists_completions, move |request| {
            if request.query_parameter(end).is_some_and(is_left_out) {
                request.set_query_parameter(end, None)
            }
        })
    };
    vec![
        wrong("days-roll-over", TRIPS, "30 February is read as 2 March, wherever it stands.")
            .request(|request| completes(request) || uncompletes(request), |request| read_path(request, rolled))
            .request(imports, |request| read_import(request, rolled))
            .request(lists_completions, |request| {
                read_query(request, "from", rolled);
                read_query(request, "to", rolled);
            }),
        in_path("put-days-roll-over", "PUT of a completion reads 30 February as 2 March.", completes, rolled),
        in_path("delete-days-roll-over", "DELETE of a completion reads 30 February as 2 March.", uncompletes, rolled),
        in_query("from-rolls-over", "`from` reads 30 February as 2 March.", "from", rolled),
        in_query("to-rolls-over", "`to` reads 30 February as 2 March.", "to", rolled),
        wrong("imported-days-roll-over", TRIPS, "An import reads 30 February as 2 March.")
            .request(imports, |request| read_import(request, rolled)),
        in_path("month-is-its-first-day", "PUT of a completion reads 2026-01 as the first of January.", completes, |text| {
            (text.len() == "2026-01".len()).then(|| format!("{text}-01"))
        }),
        in_path(
            "what-follows-a-day-is-cut-off",
            "PUT of a completion reads the first ten characters of a date alone.",
            completes,
            |text| (text.len() > "2026-01-31".len()).then(|| text[.."2026-01-31".len()].to_owned()),
        ),
        in_path(
            "words-are-days",
            "PUT of a completion takes `epoch` for the first of January 1970, as PostgreSQL does.",
            completes,
            |text| (text == "epoch").then(|| clock::iso_date(0)),
        ),
        in_path(
            "yesterday-is-a-day",
            "PUT of a completion takes `yesterday` for a date, as PostgreSQL does.",
            completes,
            |text| (text == "yesterday").then(|| clock::iso_date(clock::today() - 1)),
        ),
        left_out("from-may-be-infinity", "`from=infinity` is taken for an open end.", "from", |text| text == "infinity"),
        left_out("bad-from-is-ignored", "`from` is ignored where it is no date.", "from", |text| !looks_right(text)),
        left_out("bad-to-is-ignored", "`to` is ignored where it is no date.", "to", |text| !looks_right(text)),
        wrong("imported-days-that-are-none-are-left-out", TRIPS, "An import leaves days out that there are not.")
            .request(imports, |request| keep_days(request, |day| exists(day) || !looks_right(day))),
        wrong("year-0-answers-500", TRIPS, "PUT of a completion in the year 0 answers 500.").response(
            |request| completes(request) && day_of(request).starts_with("0000-01-01"),
            |_, response| response.set_problem(500, "Something went wrong."),
        ),
        wrong("imported-year-0-answers-500", TRIPS, "An import with a day of the year 0 answers 500.").response(
            |request| imports(request) && String::from_utf8_lossy(&request.body).contains("0000-01-01"),
            |_, response| response.set_problem(500, "Something went wrong."),
        ),
        wrong("delete-of-no-day-answers-404", TRIPS, "DELETE of a day that there is not answers 404.").response(
            |request| uncompletes(request) && !exists(day_of(request)),
            |_, response| response.set_problem(404, "It was not done on that day."),
        ),
    ]
}

fn told() -> Vec<Sabotage> {
    let on = |name, breaks, when: fn(&Request) -> bool, spoil: fn(&mut Response)| {
        wrong(name, TRIPS, breaks).response(when, move |_, response| {
            if matches!(response.status(), 400 | 422) {
                spoil(response)
            }
        })
    };
    let bad_days = |request: &Request| {
        imports(request)
            && request.any_field("completions", |days| {
                days.as_array().into_iter().flatten().any(|day| day.as_str().is_some_and(|day| !exists(day) || is_to_come(day)))
            })
    };
    vec![
        on(
            "bad-day-in-a-path-is-not-named",
            "The refusal of a date in a path has no errors.",
            completes,
            Response::remove_errors,
        ),
        on("bad-day-in-a-path-is-the-id", "The refusal of a date in a path names the id.", uncompletes, |response| {
            response.rename_error_fields(|_| "id".into())
        }),
        on("bad-range-is-not-named", "The refusal of `from` or `to` has no errors.", lists_completions, Response::remove_errors),
        on("bad-to-is-called-from", "The refusal of `to` names `from`.", lists_completions, |response| {
            response.rename_error_fields(|_| "from".into())
        }),
        on("bad-imported-day-is-not-named", "The refusal of an imported date has no errors.", bad_days, Response::remove_errors),
        on(
            "bad-imported-day-has-no-place",
            "The refusal of an imported date does not say of which habit.",
            bad_days,
            |response| response.rename_error_fields(|_| "completions".into()),
        ),
        on(
            "bad-imported-day-is-of-the-first",
            "The refusal of an imported date always names the first habit.",
            bad_days,
            |response| response.rename_error_fields(|name| name.replacen('1', "0", 1)),
        ),
    ]
}

fn future() -> Vec<Sabotage> {
    let done_ahead = |name, breaks, is_taken: fn(&str) -> bool| {
        wrong(name, TRIPS, breaks).instead(
            move |request| completes(request) && is_taken(day_of(request)),
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
    let refused = |name, breaks, when: fn(&Request) -> bool| {
        wrong(name, TRIPS, breaks).response(when, |_, response| response.set_problem(400, "That day has not come yet."))
    };
    vec![
        done_ahead("days-to-come-can-be-done", "PUT stores a completion of any day to come.", is_to_come),
        done_ahead("tomorrow-can-be-done", "PUT stores a completion of tomorrow.", |day| {
            day == clock::iso_date(clock::today() + 1)
        }),
        done_ahead("next-years-can-be-done", "PUT stores a completion of a day that is a year away or more.", |day| {
            exists(day) && *day >= *clock::iso_date(clock::today() + 365)
        }),
        wrong("import-leaves-days-to-come-out", TRIPS, "An import leaves days out that have not come yet.")
            .request(imports, |request| keep_days(request, |day| !is_to_come(day))),
        wrong("import-takes-tomorrow", TRIPS, "An import takes tomorrow for today.").request(imports, |request| {
            read_import(request, |day| (day == clock::iso_date(clock::today() + 1)).then(|| clock::iso_date(clock::today())))
        }),
        wrong("import-refuses-today", &["5.dates", "3.import"], "An import refuses the present day as one to come.").request(
            imports,
            |request| {
                read_import(request, |day| (day == clock::iso_date(clock::today())).then(|| clock::iso_date(clock::today() + 1)))
            },
        ),
        refused("delete-refuses-days-to-come", "DELETE refuses a day that has not come yet.", |request| {
            uncompletes(request) && is_to_come(day_of(request))
        }),
        refused("from-refuses-days-to-come", "`from` refuses a day that has not come yet.", |request| {
            lists_completions(request) && request.query_parameter("from").is_some_and(is_to_come)
        }),
        refused("to-refuses-days-to-come", "`to` refuses a day that has not come yet.", |request| {
            lists_completions(request) && request.query_parameter("to").is_some_and(is_to_come)
        }),
    ]
}

fn ranges() -> Vec<Sabotage> {
    vec![
        wrong("backward-range-is-empty", TRIPS, "A range that ends before it begins is empty.").response(
            is_backward,
            |_, response| {
                response.set_status(200);
                response.set_json("application/json", &json!([]));
            },
        ),
        wrong("backward-range-is-turned", TRIPS, "A range that ends before it begins is turned around.").request(
            is_backward,
            |request| {
                let ends = ["from", "to"].map(|end| request.query_parameter(end).map(str::to_owned));
                request.set_query_parameter("from", ends[1].as_deref());
                request.set_query_parameter("to", ends[0].as_deref());
            },
        ),
        wrong("backward-range-is-not-named", TRIPS, "The refusal of a range that ends before it begins has no errors.")
            .response(is_backward, |_, response| response.remove_errors()),
        wrong("order-of-the-ends-counts", TRIPS, "A range is looked at only where `from` stands before `to`.").request(
            |request| is_backward(request) && request.head.uri.query().is_some_and(|query| query.starts_with("to")),
            |request| request.set_query_parameter("to", None),
        ),
    ]
}

fn is_backward(request: &Request) -> bool {
    let end = |name| request.query_parameter(name).filter(|day| exists(day));
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
fn looks_right(text: &str) -> bool {
    parts(text).is_some()
}

fn parts(text: &str) -> Option<[u32; 3]> {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts[..] else { return None };
    let is_number = |part: &str, length| part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_one = is_number(year, 4) && is_number(month, 2) && is_number(day, 2);
    is_one.then(|| [year, month, day].map(|part| part.parse().unwrap_or_default()))
}

/// How many days the month has.
fn length([year, month, _]: [u32; 3]) -> u32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn exists(text: &str) -> bool {
    parts(text).is_some_and(|parts| (1..=12).contains(&parts[1]) && (1..=length(parts)).contains(&parts[2]))
}

fn is_to_come(text: &str) -> bool {
    exists(text) && *text > *clock::iso_date(clock::today())
}

/// A day behind the end of its month, counted on into the next.
fn rolled(text: &str) -> Option<String> {
    let parts = parts(text)?;
    let [year, month, day] = parts;
    let is_behind = (1..12).contains(&month) && day > length(parts) && day <= 31;
    is_behind.then(|| format!("{year:04}-{:02}-{:02}", month + 1, day - length(parts)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_that_there_are_not_roll_over() {
        let days = ["2026-02-30", "2025-02-29", "2024-02-29", "2026-04-31", "2026-01-32"].map(rolled);
        let expected = [Some("2026-03-02"), Some("2025-03-01"), None, Some("2026-05-01"), None];
        assert_eq!(days, expected.map(|day| day.map(str::to_owned)));
    }
}
