//! A `completed_today` that is not the same as the completion of today.

use serde_json::json;

use crate::api::routes::{completes, completion, completions_of, patches, puts, uncompletes};
use crate::clock;
use crate::http::{Request, Response};
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    let trips = &["3.patch-is-completion"];
    let run_after = |name, breaks, completed: bool, sql: fn(i64) -> String| {
        wrong(name, trips, breaks).instead(patches, async move |request, upstream| {
            let response = upstream.send(request.clone()).await?;
            if response.is_success() && says_completed(&request) == Some(completed) {
                upstream.database().run(&sql(request.id().unwrap_or_default())).await?;
            }
            Ok(response)
        })
    };
    vec![
        mark_habits(
            "patch-adds-no-completion",
            "completed_today is a separate field that adds no completion.",
            |request| match is_for_today(request) {
                true => Some(false),
                false => says_completed(request),
            },
            |request, response, marked| {
                if completions_of(request).is_some_and(|id| marked.contains(&id)) {
                    response.edit_list(|list| list.retain(|day| day["date"].as_str() != Some(&today())))
                }
            },
        ),
        mark_habits(
            "patch-leaves-the-completion",
            "PATCH with false keeps today in the list of completions.",
            |request| match is_for_today(request) {
                true => Some(false),
                false => says_completed(request).map(|completed| !completed),
            },
            |request, response, marked| {
                if completions_of(request).is_some_and(|id| marked.contains(&id)) {
                    response.edit_list(|list| list.push(json!({ "date": today() })))
                }
            },
        ),
        mark_habits(
            "completed-today-is-what-patch-said",
            "completed_today ignores what PUT of a completion stored.",
            |request| match is_for_today(request) {
                true => Some(completes(request)),
                false => says_completed(request).map(|_| false),
            },
            |_, response, marked| {
                response.edit_habits(|habit| {
                    if habit["id"].as_i64().is_some_and(|id| marked.contains(&id)) {
                        habit.insert("completed_today".into(), false.into());
                    }
                })
            },
        ),
        run_after("patch-takes-every-day-back", "PATCH with false removes all completions of the habit.", false, |id| {
            format!("DELETE FROM completions WHERE habit_id = {id}")
        }),
        run_after("patch-completes-another-day", "PATCH with true also completes a day of last year.", true, |id| {
            format!("INSERT INTO completions VALUES ({id}, current_date - 400) ON CONFLICT DO NOTHING")
        }),
    ]
}

/// Marks and unmarks habits, and changes responses depending on the marks. All processes of the server share them.
fn mark_habits(
    name: &'static str,
    breaks: &'static str,
    marks: fn(&Request) -> Option<bool>,
    show: fn(&Request, &mut Response, &[i64]),
) -> Sabotage {
    wrong(name, &["3.patch-is-completion"], breaks)
        .alter_tables("CREATE TABLE saboteur.marks (habit bigint PRIMARY KEY)")
        .instead(
            |request| request.path().starts_with("/habits"),
            async move |request, upstream| {
                let mut response = upstream.send(request.clone()).await?;
                if !response.is_success() {
                    return Ok(response);
                }
                let id = completion(&request).map(|(id, _)| id).or(request.id());
                match (id, marks(&request)) {
                    (Some(id), Some(true)) => {
                        upstream
                            .database()
                            .run(&format!("INSERT INTO saboteur.marks VALUES ({id}) ON CONFLICT DO NOTHING"))
                            .await?
                    }
                    (Some(id), Some(false)) => {
                        upstream.database().run(&format!("DELETE FROM saboteur.marks WHERE habit = {id}")).await?
                    }
                    _ => {}
                }
                let marked: Vec<(i64,)> = upstream.database().rows("SELECT habit FROM saboteur.marks").await?;
                show(&request, &mut response, &marked.into_iter().map(|(id,)| id).collect::<Vec<_>>());
                Ok(response)
            },
        )
}

/// The `completed_today` that a request sets.
fn says_completed(request: &Request) -> Option<bool> {
    request.field("completed_today").filter(|_| patches(request) || puts(request))?.as_bool()
}

/// Whether a request stores or removes the completion of today.
fn is_for_today(request: &Request) -> bool {
    (completes(request) || uncompletes(request)) && completion(request).is_some_and(|(_, date)| date == today())
}

fn today() -> String {
    clock::iso_date(clock::today())
}
