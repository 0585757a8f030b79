//! Wrong ways to complete a habit on a day, and to list its days.

use hyper::Method;
use serde_json::{Value, json};

use crate::api::routes::{completes, completion, habit_id, lists_completions, uncompletes};
use crate::clock;
use crate::http::{Request, Response};
use crate::race::{self, InFlight};
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [completing(), parallel(), uncompleting(), ranges(), unknown()].into_iter().flatten().collect()
}

fn completing() -> Vec<Sabotage> {
    let on_success = |name, breaks, change: fn(&mut Response)| {
        wrong(name, &["3.complete"], breaks).response(completes, move |_, response| {
            if response.is_success() {
                change(response)
            }
        })
    };
    vec![
        on_success("complete-answers-always-201", "PUT of a completion always answers 201.", |response| response.set_status(201)),
        on_success("complete-answers-always-200", "PUT of a completion always answers 200.", |response| response.set_status(200)),
        on_success("complete-answers-nothing", "PUT of a completion answers without a body.", |response| response.clear()),
        on_success("complete-again-answers-nothing", "PUT of an existing completion answers without a body.", |response| {
            if response.status() == 200 {
                response.clear()
            }
        }),
        on_success("complete-answers-204", "PUT of an existing completion answers 204.", |response| {
            if response.status() == 200 {
                response.set_status(204);
                response.clear();
            }
        }),
        on_success("complete-again-is-a-conflict", "PUT of an existing completion answers 409.", |response| {
            if response.status() == 200 {
                response.set_problem(409, "It was done already.")
            }
        }),
        on_success("complete-answers-the-date-alone", "PUT of a completion answers a string instead of an object.", |response| {
            response.edit(|body| *body = body["date"].clone())
        }),
        on_success("date-is-called-completed-on", "PUT of a completion answers the date as completed_on.", |response| {
            response.edit(|body| *body = json!({ "completed_on": body["date"] }))
        }),
        on_success("date-has-a-time", "PUT of a completion answers a date with a time.", |response| {
            response.edit(|body| body["date"] = format!("{}T00:00:00Z", body["date"].as_str().unwrap_or_default()).into())
        }),
        wrong("complete-again-takes-it-back", &["3.complete"], "PUT of an existing completion removes it.").instead(
            completes,
            async |request, upstream| {
                let response = upstream.send(request.clone()).await?;
                if response.status() == 200 {
                    let mut taken = request;
                    taken.head.method = Method::DELETE;
                    upstream.send(taken).await?;
                }
                Ok(response)
            },
        ),
        wrong("complete-stores-nothing", &["3.complete"], "PUT of a completion answers 201 but stores no row.").instead(
            completes,
            async |request, upstream| {
                let response = upstream.send(request.clone()).await?;
                if response.status() == 201 {
                    upstream
                        .database()
                        .run(&format!("DELETE FROM completions WHERE habit_id = {}", habit_id(&request).unwrap_or_default()))
                        .await?;
                }
                Ok(response)
            },
        ),
        wrong("complete-completes-every-habit", &["3.complete"], "PUT of a completion completes every habit on that day.")
            .instead(completes, async |request, upstream| {
                let response = upstream.send(request.clone()).await?;
                if let Some((_, date)) = completion(&request).filter(|_| response.is_success()) {
                    let all = format!("INSERT INTO completions SELECT id, '{date}' FROM habits ON CONFLICT DO NOTHING");
                    upstream.database().run(&all).await?;
                }
                Ok(response)
            }),
        wrong("complete-forgets-the-day-before", &["3.complete"], "A habit keeps only its latest completion.").instead(
            completes,
            async |request, upstream| {
                let response = upstream.send(request.clone()).await?;
                if let Some((id, date)) = completion(&request).filter(|_| response.is_success()) {
                    let others = format!("DELETE FROM completions WHERE habit_id = {id} AND completed_on <> '{date}'");
                    upstream.database().run(&others).await?;
                }
                Ok(response)
            },
        ),
    ]
}

fn parallel() -> Vec<Sabotage> {
    let trips = &["3.complete-parallel"];
    let (all, fail) = (InFlight::default(), InFlight::default());
    vec![
        wrong("parallel-completes-are-all-new", trips, "All of several PUTs of one day at the same time answer 201.").instead(
            completes,
            async move |request, upstream| {
                let guard = all.enter();
                tokio::time::sleep(race::WINDOW).await;
                let mut response = upstream.send(request).await?;
                if guard.overlaps && response.is_success() {
                    response.set_status(201);
                }
                Ok(response)
            },
        ),
        wrong("parallel-completes-fail", trips, "All but one of several PUTs of one day at the same time answer 500.").instead(
            completes,
            async move |request, upstream| {
                let guard = fail.enter();
                tokio::time::sleep(race::WINDOW).await;
                let mut response = upstream.send(request).await?;
                if guard.overlaps && response.status() == 200 {
                    response.set_problem(500, "Something went wrong.");
                }
                Ok(response)
            },
        ),
    ]
}

fn uncompleting() -> Vec<Sabotage> {
    let trips = &["3.uncomplete"];
    let run_after = |name, breaks, sql: fn(i64, &str) -> String| {
        wrong(name, trips, breaks).instead(uncompletes, async move |request, upstream| {
            let response = upstream.send(request.clone()).await?;
            if let Some((id, date)) = completion(&request).filter(|_| response.is_success()) {
                upstream.database().run(&sql(id, date)).await?;
            }
            Ok(response)
        })
    };
    vec![
        wrong("uncomplete-answers-200", trips, "DELETE of a completion answers 200.").response(uncompletes, |_, response| {
            if response.is_success() {
                response.set_status(200);
                response.set_json("application/json", &json!({ "deleted": true }));
            }
        }),
        wrong("uncomplete-again-answers-204", trips, "DELETE of a completion that does not exist answers 204.").instead(
            uncompletes,
            async |request, upstream| {
                let habit = upstream
                    .send(request.another(Method::GET, &format!("/habits/{}", habit_id(&request).unwrap_or_default()), None))
                    .await?;
                let mut response = upstream.send(request).await?;
                if habit.is_success() && response.status() == 404 {
                    response.set_status(204);
                    response.clear();
                }
                Ok(response)
            },
        ),
        run_after(
            "uncomplete-takes-the-others-along",
            "DELETE of a completion removes all completions of the habit.",
            |id, _| format!("DELETE FROM completions WHERE habit_id = {id}"),
        ),
        run_after("uncomplete-takes-the-day-from-all", "DELETE of a completion removes that day from every habit.", |_, date| {
            format!("DELETE FROM completions WHERE completed_on = '{date}'")
        }),
        run_after("uncomplete-does-nothing", "DELETE of a completion answers 204 and removes nothing.", |id, date| {
            format!("INSERT INTO completions VALUES ({id}, '{date}')")
        }),
    ]
}

fn ranges() -> Vec<Sabotage> {
    let trips = &["3.completions-range"];
    let change_list = |name, breaks, change: fn(&Request, &mut Vec<Value>)| {
        wrong(name, trips, breaks)
            .response(lists_completions, move |request, response| response.edit_list(|list| change(request, list)))
    };
    let change_query = |name, breaks, change: fn(&mut Request)| wrong(name, trips, breaks).request(lists_completions, change);
    vec![
        change_list("range-leaves-from-out", "The day `from` is missing from the list.", |request, list| {
            list.retain(|day| day["date"].as_str() != request.query_parameter("from"))
        }),
        change_list("range-leaves-to-out", "The day `to` is missing from the list.", |request, list| {
            list.retain(|day| day["date"].as_str() != request.query_parameter("to"))
        }),
        change_list("days-are-listed-newest-first", "Completions are listed in descending order.", |_, list| list.reverse()),
        change_list(
            "days-of-a-range-are-newest-first",
            "The completions of a range are listed in descending order.",
            |request, list| {
                if request.head.uri.query().is_some() {
                    list.reverse()
                }
            },
        ),
        wrong("no-days-are-null", trips, "An empty list of completions is null.").response(lists_completions, |_, response| {
            response.edit(|list| {
                if list.as_array().is_some_and(Vec::is_empty) {
                    *list = Value::Null
                }
            })
        }),
        change_query("from-is-ignored", "`from` is ignored.", |request| request.set_query_parameter("from", None)),
        change_query("to-is-ignored", "`to` is ignored.", |request| request.set_query_parameter("to", None)),
        change_query("from-needs-to", "`from` without `to` is ignored.", |request| {
            if request.query_parameter("to").is_none() {
                request.set_query_parameter("from", None)
            }
        }),
        change_query("missing-from-is-last-year", "Without `from` the list begins 300 days ago.", |request| {
            if request.query_parameter("from").is_none() {
                request.set_query_parameter("from", Some(&clock::iso_date(clock::today() - 300)))
            }
        }),
        change_list("range-compares-days-of-the-year", "`to` ignores the year.", |request, list| {
            let end = |date: &str| date.get(5..).unwrap_or_default().to_owned();
            if let Some(to) = request.query_parameter("to") {
                list.retain(|day| end(day["date"].as_str().unwrap_or_default()) <= end(to))
            }
        }),
        change_query("one-day-is-no-range", "A range of one day is always empty.", |request| {
            if request.query_parameter("from").is_some() && request.query_parameter("from") == request.query_parameter("to") {
                request.set_query_parameter("to", Some("0001-01-01"))
            }
        }),
    ]
}

fn unknown() -> Vec<Sabotage> {
    let trips = &["3.completions-unknown"];
    let for_unknown = |name, breaks, when: fn(&Request) -> bool, change: fn(&Request, &mut Response)| {
        wrong(name, trips, breaks).instead(when, async move |request, upstream| {
            let habit = upstream
                .send(request.another(Method::GET, &format!("/habits/{}", habit_id(&request).unwrap_or_default()), None))
                .await?;
            let mut response = upstream.send(request.clone()).await?;
            if habit.status() == 404 {
                change(&request, &mut response)
            }
            Ok(response)
        })
    };
    vec![
        for_unknown(
            "complete-unknown-answers-500",
            "PUT of a completion answers 500 for an unknown habit.",
            completes,
            |_, response| response.set_problem(500, "Something went wrong."),
        ),
        for_unknown(
            "complete-unknown-answers-201",
            "PUT of a completion answers 201 for an unknown habit.",
            completes,
            |request, response| {
                response.set_status(201);
                response.set_json("application/json", &json!({ "date": completion(request).map_or("", |(_, date)| date) }));
            },
        ),
        for_unknown(
            "complete-unknown-is-a-conflict",
            "PUT of a completion answers 409 for an unknown habit.",
            completes,
            |_, response| response.set_problem(409, "There is no such habit."),
        ),
        for_unknown(
            "uncomplete-unknown-answers-204",
            "DELETE of a completion answers 204 for an unknown habit.",
            uncompletes,
            |_, response| {
                response.set_status(204);
                response.clear();
            },
        ),
        for_unknown(
            "days-of-unknown-are-none",
            "GET of completions answers an empty array for an unknown habit.",
            lists_completions,
            |_, response| {
                response.set_status(200);
                response.set_json("application/json", &json!([]));
            },
        ),
        for_unknown(
            "days-of-unknown-are-no-problem",
            "The 404 for completions of an unknown habit is not problem details.",
            lists_completions,
            |_, response| response.set_plain_error(404, "not found"),
        ),
    ]
}
