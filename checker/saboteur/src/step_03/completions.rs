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
    let put = |name, breaks, spoil: fn(&mut Response)| {
        wrong(name, &["3.complete"], breaks).response(completes, move |_, response| {
            if response.is_success() {
                spoil(response)
            }
        })
    };
    vec![
        put("complete-answers-always-201", "PUT of a completion answers 201 every time.", |response| response.set_status(201)),
        put("complete-answers-always-200", "PUT of a completion answers 200 every time.", |response| response.set_status(200)),
        put("complete-answers-nothing", "PUT of a completion answers without a body.", |response| response.clear()),
        put("complete-again-answers-nothing", "PUT of a completion that is there answers without a body.", |response| {
            if response.status() == 200 {
                response.clear()
            }
        }),
        put("complete-answers-204", "PUT of a completion that is there answers 204.", |response| {
            if response.status() == 200 {
                response.set_status(204);
                response.clear();
            }
        }),
        put("complete-again-is-a-conflict", "PUT of a completion that is there answers 409.", |response| {
            if response.status() == 200 {
                response.set_problem(409, "It was done already.")
            }
        }),
        put("complete-answers-the-date-alone", "PUT of a completion answers a text in place of an object.", |response| {
            response.edit(|body| *body = body["date"].clone())
        }),
        put("date-is-called-completed-on", "The date of a completion is called completed_on in PUT's answer.", |response| {
            response.edit(|body| *body = json!({ "completed_on": body["date"] }))
        }),
        put("date-has-a-time", "The date of a completion has a time of day in PUT's answer.", |response| {
            response.edit(|body| body["date"] = format!("{}T00:00:00Z", body["date"].as_str().unwrap_or_default()).into())
        }),
        wrong("complete-again-takes-it-back", &["3.complete"], "PUT of a completion that is there takes it away.").instead(
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
        wrong("complete-stores-nothing", &["3.complete"], "PUT of a completion answers, and stores no row.").instead(
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
        wrong("complete-completes-every-habit", &["3.complete"], "PUT of a completion completes every habit.").instead(
            completes,
            async |request, upstream| {
                let response = upstream.send(request.clone()).await?;
                if let Some((_, date)) = completion(&request).filter(|_| response.is_success()) {
                    let all = format!("INSERT INTO completions SELECT id, '{date}' FROM habits ON CONFLICT DO NOTHING");
                    upstream.database().run(&all).await?;
                }
                Ok(response)
            },
        ),
        wrong("complete-forgets-the-day-before", &["3.complete"], "A habit keeps the newest of its completions alone.").instead(
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
        wrong("parallel-completes-are-all-new", trips, "PUTs of one day at the same time all answer 201.").instead(
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
        wrong("parallel-completes-fail", trips, "Of PUTs of one day at the same time all but one answer 500.").instead(
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
    let more = |name, breaks, sql: fn(i64, &str) -> String| {
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
        wrong("uncomplete-again-answers-204", trips, "DELETE of a completion that is not there answers 204.").instead(
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
        more("uncomplete-takes-the-others-along", "DELETE of a completion removes all of the habit.", |id, _| {
            format!("DELETE FROM completions WHERE habit_id = {id}")
        }),
        more("uncomplete-takes-the-day-from-all", "DELETE of a completion removes that day from every habit.", |_, date| {
            format!("DELETE FROM completions WHERE completed_on = '{date}'")
        }),
        more("uncomplete-does-nothing", "DELETE of a completion answers 204 and removes nothing.", |id, date| {
            format!("INSERT INTO completions VALUES ({id}, '{date}')")
        }),
    ]
}

fn ranges() -> Vec<Sabotage> {
    let trips = &["3.completions-range"];
    let days = |name, breaks, change: fn(&Request, &mut Vec<Value>)| {
        wrong(name, trips, breaks)
            .response(lists_completions, move |request, response| response.edit_list(|list| change(request, list)))
    };
    let ends = |name, breaks, change: fn(&mut Request)| wrong(name, trips, breaks).request(lists_completions, change);
    vec![
        days("range-leaves-from-out", "The day `from` is not in the list.", |request, list| {
            list.retain(|day| day["date"].as_str() != request.query_parameter("from"))
        }),
        days("range-leaves-to-out", "The day `to` is not in the list.", |request, list| {
            list.retain(|day| day["date"].as_str() != request.query_parameter("to"))
        }),
        days("days-are-listed-newest-first", "Days are listed in descending order.", |_, list| list.reverse()),
        days("days-of-a-range-are-newest-first", "Days between two ends are listed in descending order.", |request, list| {
            if request.head.uri.query().is_some() {
                list.reverse()
            }
        }),
        wrong("no-days-are-null", trips, "A list without days is null.").response(lists_completions, |_, response| {
            response.edit(|list| {
                if list.as_array().is_some_and(Vec::is_empty) {
                    *list = Value::Null
                }
            })
        }),
        ends("from-is-ignored", "`from` is ignored.", |request| request.set_query_parameter("from", None)),
        ends("to-is-ignored", "`to` is ignored.", |request| request.set_query_parameter("to", None)),
        ends("from-needs-to", "`from` alone is ignored.", |request| {
            if request.query_parameter("to").is_none() {
                request.set_query_parameter("from", None)
            }
        }),
        ends("missing-from-is-last-year", "Without `from` the list begins 300 days ago.", |request| {
            if request.query_parameter("from").is_none() {
                request.set_query_parameter("from", Some(&clock::iso_date(clock::today() - 300)))
            }
        }),
        days("range-compares-days-of-the-year", "`to` compares month and day without the year.", |request, list| {
            let end = |date: &str| date.get(5..).unwrap_or_default().to_owned();
            if let Some(to) = request.query_parameter("to") {
                list.retain(|day| end(day["date"].as_str().unwrap_or_default()) <= end(to))
            }
        }),
        ends("one-day-is-no-range", "A range of one day is empty.", |request| {
            if request.query_parameter("from").is_some() && request.query_parameter("from") == request.query_parameter("to") {
                request.set_query_parameter("to", Some("0001-01-01"))
            }
        }),
    ]
}

fn unknown() -> Vec<Sabotage> {
    let trips = &["3.completions-unknown"];
    let told = |name, breaks, when: fn(&Request) -> bool, spoil: fn(&Request, &mut Response)| {
        wrong(name, trips, breaks).instead(when, async move |request, upstream| {
            let habit = upstream
                .send(request.another(Method::GET, &format!("/habits/{}", habit_id(&request).unwrap_or_default()), None))
                .await?;
            let mut response = upstream.send(request.clone()).await?;
            if habit.status() == 404 {
                spoil(&request, &mut response)
            }
            Ok(response)
        })
    };
    vec![
        told(
            "complete-unknown-answers-500",
            "PUT of a completion answers 500 for an unknown habit.",
            completes,
            |_, response| response.set_problem(500, "Something went wrong."),
        ),
        told(
            "complete-unknown-answers-201",
            "PUT of a completion answers 201 for an unknown habit.",
            completes,
            |request, response| {
                response.set_status(201);
                response.set_json("application/json", &json!({ "date": completion(request).map_or("", |(_, date)| date) }));
            },
        ),
        told(
            "complete-unknown-is-a-conflict",
            "PUT of a completion answers 409 for an unknown habit.",
            completes,
            |_, response| response.set_problem(409, "There is no such habit."),
        ),
        told(
            "uncomplete-unknown-answers-204",
            "DELETE of a completion answers 204 for an unknown habit.",
            uncompletes,
            |_, response| {
                response.set_status(204);
                response.clear();
            },
        ),
        told(
            "days-of-unknown-are-none",
            "GET of completions answers an empty list for an unknown habit.",
            lists_completions,
            |_, response| {
                response.set_status(200);
                response.set_json("application/json", &json!([]));
            },
        ),
        told(
            "days-of-unknown-are-no-problem",
            "The 404 for completions of an unknown habit is no problem details.",
            lists_completions,
            |_, response| response.set_plain_error(404, "not found"),
        ),
    ]
}
