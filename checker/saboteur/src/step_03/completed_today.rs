//! Wrong ways to keep `completed_today` and the completion of today the same.

use serde_json::json;

use crate::api::routes::{completes, completion, completions_of, patches, puts, uncompletes};
use crate::clock;
use crate::http::{Request, Response};
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    let trips = &["3.patch-is-completion"];
    let more = |name, breaks, completed: bool, sql: fn(i64) -> String| {
        wrong(name, trips, breaks).instead(patches, async move |request, upstream| {
            let response = upstream.send(request.clone()).await?;
            if response.is_success() && says_completed(&request) == Some(completed) {
                upstream.database().run(&sql(request.id().unwrap_or_default())).await?;
            }
            Ok(response)
        })
    };
    vec![
        marking(
            "patch-adds-no-completion",
            "completed_today is a field of its own, which the list of completions leaves out.",
            |request| match is_today(request) {
                true => Some(false),
                false => says_completed(request),
            },
            |request, response, marked| {
                if completions_of(request).is_some_and(|id| marked.contains(&id)) {
                    response.edit_list(|list| list.retain(|day| day["date"].as_str() != Some(&today())))
                }
            },
        ),
        marking(
            "patch-leaves-the-completion",
            "PATCH with false leaves today in the list of completions.",
            |request| match is_today(request) {
                true => Some(false),
                false => says_completed(request).map(|completed| !completed),
            },
            |request, response, marked| {
                if completions_of(request).is_some_and(|id| marked.contains(&id)) {
                    response.edit_list(|list| list.push(json!({ "date": today() })))
                }
            },
        ),
        marking(
            "completed-today-is-what-patch-said",
            "completed_today does not show what PUT of a completion stored.",
            |request| match is_today(request) {
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
        more("patch-takes-every-day-back", "PATCH with false removes every completion of the habit.", false, |id| {
            format!("DELETE FROM completions WHERE habit_id = {id}")
        }),
        more("patch-completes-another-day", "PATCH with true completes a day of last year as well.", true, |id| {
            format!("INSERT INTO completions VALUES ({id}, current_date - 400) ON CONFLICT DO NOTHING")
        }),
    ]
}

/// Marks habits, or takes their marks off, and shows answers by these marks. Every process of the server knows them.
fn marking(
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

/// What `completed_today` is set to.
fn says_completed(request: &Request) -> Option<bool> {
    request.field("completed_today").filter(|_| patches(request) || puts(request))?.as_bool()
}

/// Whether a request stores or removes the completion of today.
fn is_today(request: &Request) -> bool {
    (completes(request) || uncompletes(request)) && completion(request).is_some_and(|(_, date)| date == today())
}

fn today() -> String {
    clock::iso_date(clock::today())
}
