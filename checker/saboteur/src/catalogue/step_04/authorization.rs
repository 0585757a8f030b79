//! Habits that other users can read or change.

use std::cell::Cell;

use serde_json::{Value, json};

use crate::api::routes::{
    any, completes, creates, deletes, habit_id, imports, lists, lists_completions, patches, puts, reads, uncompletes,
};
use crate::api::users::{act_as, caller, habit_owner};
use crate::database::quote_literal;
use crate::http::{Request, Response};
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [others(), error_responses(), leaks(), ownership()].into_iter().flatten().collect()
}

const OTHERS: &[&str] = &["4.others-habit"];

/// Serves requests for another user's habit as if its owner had sent them.
fn serve_as_owner(name: &'static str, breaks: &'static str, when: impl Fn(&Request) -> bool + 'static) -> Sabotage {
    wrong(name, OTHERS, breaks).instead(
        move |request| when(request) && habit_id(request).is_some() && caller(request).is_some(),
        async |mut request, upstream| {
            let response = upstream.send(request.clone()).await?;
            match habit_owner(&request, upstream).await? {
                Some(owner) if response.status() == 404 && Some(owner) != caller(&request) => {
                    act_as(&mut request, owner);
                    upstream.send(request).await
                }
                _ => Ok(response),
            }
        },
    )
}

fn others() -> Vec<Sabotage> {
    vec![
        serve_as_owner("others-can-read", "GET /habits/{id} shows another user's habit.", reads),
        serve_as_owner("others-can-patch", "PATCH /habits/{id} changes another user's habit.", patches),
        serve_as_owner("others-can-put", "PUT /habits/{id} replaces another user's habit.", puts),
        serve_as_owner("others-can-delete", "DELETE /habits/{id} deletes another user's habit.", deletes),
        serve_as_owner(
            "others-can-see-days",
            "GET /habits/{id}/completions shows another user's completions.",
            lists_completions,
        ),
        serve_as_owner("others-can-complete", "PUT /habits/{id}/completions/{date} completes another user's habit.", completes),
        serve_as_owner(
            "others-can-uncomplete",
            "DELETE /habits/{id}/completions/{date} removes another user's completion.",
            uncompletes,
        ),
        serve_as_owner("others-can-do-anything", "Any user can do anything with any habit.", any),
        serve_as_owner("others-can-write-below-version-1", "Any user can do anything with any habit below /v1.", |request| {
            request.head.uri.path().starts_with("/v1/")
        }),
        serve_as_owner("others-can-complete-a-done-day", "PUT of another user's existing completion answers 200.", |request| {
            completes(request) && request.path().ends_with("2026-01-30")
        }),
    ]
}

fn error_responses() -> Vec<Sabotage> {
    // Changes the 404 for another user's habit.
    let on_404 = |name, breaks, when: fn(&Request) -> bool, change: fn(&mut Response, &str)| {
        wrong(name, OTHERS, breaks).instead(
            move |request| when(request) && habit_id(request).is_some(),
            async move |request, upstream| {
                let id = habit_id(&request).unwrap_or_default();
                let mut response = upstream.send(request).await?;
                if response.status() == 404 {
                    let find = format!("SELECT name FROM habits WHERE id = {id}");
                    let rows: Vec<(String,)> = upstream.database().rows(&find).await?;
                    if let [(name,)] = &rows[..] {
                        change(&mut response, name);
                    }
                }
                Ok(response)
            },
        )
    };
    let apply_anyway = |name, breaks, when: fn(&Request) -> bool| {
        wrong(name, OTHERS, breaks).instead(when, async |mut request, upstream| {
            let response = upstream.send(request.clone()).await?;
            if let (404, Some(owner)) = (response.status(), habit_owner(&request, upstream).await?)
                && Some(owner) != caller(&request)
            {
                act_as(&mut request, owner);
                upstream.send(request).await?;
            }
            Ok(response)
        })
    };
    vec![
        on_404("others-habit-answers-401", "Another user's habit answers 401.", patches, |response, _| {
            response.set_problem(401, "Not yours.")
        }),
        on_404("others-habit-answers-500", "Another user's habit answers 500.", reads, |response, _| {
            response.set_problem(500, "Not yours.")
        }),
        on_404("others-habit-answers-200", "GET of another user's habit answers 200 and null.", reads, |response, _| {
            response.set_status(200);
            response.set_json("application/json", &Value::Null);
        }),
        on_404(
            "others-days-are-empty",
            "GET of another user's completions answers 200 and an empty array.",
            lists_completions,
            |response, _| {
                response.set_status(200);
                response.set_json("application/json", &json!([]));
            },
        ),
        on_404(
            "others-delete-answers-204",
            "DELETE of another user's habit answers 204 and does nothing.",
            deletes,
            |response, _| {
                response.set_status(204);
                response.clear();
            },
        ),
        on_404("others-habit-is-no-problem", "The 404 for another user's habit is not problem details.", any, |response, _| {
            response.set_plain_error(404, "not yours")
        }),
        on_404("others-habit-is-named", "The error response for another user's habit shows its name.", any, |response, name| {
            response.set_problem(403, &format!("The habit {name:?} is not yours."))
        }),
        apply_anyway("refused-patch-is-done", "PATCH of another user's habit answers 404 and changes it anyway.", patches),
        apply_anyway("refused-put-is-done", "PUT of another user's habit answers 404 and replaces it anyway.", puts),
        apply_anyway("refused-delete-is-done", "DELETE of another user's habit answers 404 and deletes it anyway.", deletes),
        apply_anyway(
            "refused-completion-is-done",
            "PUT of another user's completion answers 404 and stores it anyway.",
            completes,
        ),
        apply_anyway(
            "refused-removal-is-done",
            "DELETE of another user's completion answers 404 and removes it anyway.",
            uncompletes,
        ),
    ]
}

const LISTS: &[&str] = &["4.own-list"];

fn leaks() -> Vec<Sabotage> {
    let leak = |name, breaks, when: fn(&Request) -> bool| {
        wrong(name, LISTS, breaks).instead(when, async |request, upstream| {
            let mut response = upstream.send(request.clone()).await?;
            let Some(caller) = caller(&request).filter(|_| response.is_success()) else { return Ok(response) };
            let find = format!("SELECT id, name FROM habits WHERE user_id <> {caller} ORDER BY id DESC LIMIT 50");
            let others: Vec<(i64, String)> = upstream.database().rows(&find).await?;
            let others = others.into_iter().rev().map(|(id, name)| {
                let at = "2026-01-31T08:00:00Z";
                json!({ "id": id, "name": name, "description": null, "completed_today": false, "streak": 0, "created_at": at })
            });
            response.edit_list(|list| drop(list.splice(..0, others.collect::<Vec<_>>())));
            Ok(response)
        })
    };
    vec![
        leak("list-leaks", "GET /habits also shows other users' habits.", |request| {
            lists(request) && request.head.uri.query().is_none()
        }),
        leak("page-leaks", "A page of 100 habits also shows other users' habits.", |request| {
            lists(request) && request.head.uri.query() == Some("limit=100")
        }),
        leak("import-answer-leaks", "The response to an import also shows other users' habits.", |request| {
            imports(request) && request.body.len() < 200
        }),
    ]
}

fn ownership() -> Vec<Sabotage> {
    let first = Cell::new(None);
    vec![
        wrong("import-belongs-to-the-first", LISTS, "All imported habits belong to the first user who imported any.").request(
            |request| imports(request) && caller(request).is_some(),
            move |request| {
                let user = first.get().or(caller(request));
                first.set(user);
                act_as(request, user.unwrap_or_default());
            },
        ),
        wrong("names-are-unique-over-all-users", &["4.own-list", "3.unique-name"], "Names are unique across all users.")
            .alter_tables("DROP INDEX habits_name_key; CREATE UNIQUE INDEX habits_name_key ON habits (lower(name))"),
        wrong("names-of-others-are-taken", LISTS, "POST of a name that another user has answers 409.").instead(
            creates,
            async |request, upstream| {
                let name = quote_literal(request.text("name").trim());
                let caller = caller(&request).unwrap_or_default();
                let find = format!("SELECT id FROM habits WHERE lower(name) = lower({name}) AND user_id <> {caller}");
                match upstream.database().integer(&find).await? {
                    Some(_) => upstream.problem(&request, 409, "The name is taken.").await,
                    None => upstream.send(request).await,
                }
            },
        ),
        wrong("owner-stands-in-the-body", LISTS, "POST accepts user_id: the new habit belongs to that user.").request(
            creates,
            |request| {
                if let Some(user) = request.field("user_id").and_then(|user| user.as_i64()) {
                    act_as(request, user);
                }
            },
        ),
        wrong("patch-moves-a-habit", LISTS, "PATCH accepts user_id: the habit moves to that user.").instead(
            patches,
            async |request, upstream| {
                let response = upstream.send(request.clone()).await?;
                if let (true, Some(id), Some(user)) =
                    (response.is_success(), request.id(), request.field("user_id").and_then(|user| user.as_i64()))
                {
                    upstream.database().run(&format!("UPDATE habits SET user_id = {user} WHERE id = {id}")).await?;
                }
                Ok(response)
            },
        ),
    ]
}
