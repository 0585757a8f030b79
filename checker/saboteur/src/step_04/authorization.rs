//! Habits that others can see or change.

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
    [others(), refusals(), leaks(), mixed_up()].into_iter().flatten().collect()
}

const OTHERS: &[&str] = &["4.others-habit"];

/// Serves requests for another user's habit as if they were its owner's.
fn shared(name: &'static str, breaks: &'static str, when: impl Fn(&Request) -> bool + 'static) -> Sabotage {
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
        shared("others-can-read", "GET /habits/{id} shows another user's habit.", reads),
        shared("others-can-patch", "PATCH /habits/{id} changes another user's habit.", patches),
        shared("others-can-put", "PUT /habits/{id} replaces another user's habit.", puts),
        shared("others-can-delete", "DELETE /habits/{id} deletes another user's habit.", deletes),
        shared("others-can-see-days", "GET /habits/{id}/completions shows another user's days.", lists_completions),
        shared("others-can-complete", "PUT /habits/{id}/completions/{date} completes another user's habit.", completes),
        shared("others-can-uncomplete", "DELETE /habits/{id}/completions/{date} takes another user's day away.", uncompletes),
        shared("others-can-do-anything", "A habit belongs to whoever knows its id.", any),
        shared("others-can-write-below-version-1", "Below /v1 a habit belongs to whoever knows its id.", |request| {
            request.head.uri.path().starts_with("/v1/")
        }),
        shared("others-can-complete-a-done-day", "Another user's day that is done answers as if it were one's own.", |request| {
            completes(request) && request.path().ends_with("2026-01-30")
        }),
    ]
}

fn refusals() -> Vec<Sabotage> {
    // What another user's habit answers.
    let told = |name, breaks, when: fn(&Request) -> bool, spoil: fn(&mut Response, &str)| {
        wrong(name, OTHERS, breaks).instead(
            move |request| when(request) && habit_id(request).is_some(),
            async move |request, upstream| {
                let id = habit_id(&request).unwrap_or_default();
                let mut response = upstream.send(request).await?;
                if response.status() == 404 {
                    let find = format!("SELECT name FROM habits WHERE id = {id}");
                    let rows: Vec<(String,)> = upstream.database().rows(&find).await?;
                    if let [(name,)] = &rows[..] {
                        spoil(&mut response, name);
                    }
                }
                Ok(response)
            },
        )
    };
    let secretly = |name, breaks, when: fn(&Request) -> bool| {
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
        told("others-habit-answers-401", "Another user's habit answers 401.", patches, |response, _| {
            response.set_problem(401, "Not yours.")
        }),
        told("others-habit-answers-500", "Another user's habit answers 500.", reads, |response, _| {
            response.set_problem(500, "Not yours.")
        }),
        told("others-habit-answers-200", "Reading another user's habit answers 200 and null.", reads, |response, _| {
            response.set_status(200);
            response.set_json("application/json", &Value::Null);
        }),
        told("others-days-are-empty", "Another user's days answer 200 and an empty array.", lists_completions, |response, _| {
            response.set_status(200);
            response.set_json("application/json", &json!([]));
        }),
        told(
            "others-delete-answers-204",
            "Deleting another user's habit answers 204 and does nothing.",
            deletes,
            |response, _| {
                response.set_status(204);
                response.clear();
            },
        ),
        told("others-habit-is-no-problem", "The 404 of another user's habit is no problem details.", any, |response, _| {
            response.set_plain_error(404, "not yours")
        }),
        told("others-habit-is-named", "The refusal of another user's habit tells its name.", any, |response, name| {
            response.set_problem(403, &format!("The habit {name:?} is not yours."))
        }),
        secretly("refused-patch-is-done", "PATCH of another user's habit answers 404 and changes it.", patches),
        secretly("refused-put-is-done", "PUT of another user's habit answers 404 and replaces it.", puts),
        secretly("refused-delete-is-done", "DELETE of another user's habit answers 404 and deletes it.", deletes),
        secretly("refused-completion-is-done", "PUT of another user's day answers 404 and completes the habit.", completes),
        secretly("refused-removal-is-done", "DELETE of another user's day answers 404 and takes it away.", uncompletes),
    ]
}

const LISTS: &[&str] = &["4.own-list"];

fn leaks() -> Vec<Sabotage> {
    let leaking = |name, breaks, when: fn(&Request) -> bool| {
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
        leaking("list-leaks", "GET /habits shows other users' habits as well.", |request| {
            lists(request) && request.head.uri.query().is_none()
        }),
        leaking("page-leaks", "A page of 100 habits shows other users' habits as well.", |request| {
            lists(request) && request.head.uri.query() == Some("limit=100")
        }),
        leaking("import-answer-leaks", "The answer to an import shows other users' habits as well.", |request| {
            imports(request) && request.body.len() < 200
        }),
    ]
}

fn mixed_up() -> Vec<Sabotage> {
    let first = Cell::new(None);
    vec![
        wrong("import-belongs-to-the-first", LISTS, "Imported habits belong to whoever imported something first.").request(
            |request| imports(request) && caller(request).is_some(),
            move |request| {
                let user = first.get().or(caller(request));
                first.set(user);
                act_as(request, user.unwrap_or_default());
            },
        ),
        wrong("names-are-unique-over-all-users", &["4.own-list", "3.unique-name"], "A name that one user has is taken for all.")
            .alter_tables("DROP INDEX habits_name_key; CREATE UNIQUE INDEX habits_name_key ON habits (lower(name))"),
        wrong("names-of-others-are-taken", LISTS, "A new habit cannot have the name of another user's.").instead(
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
        wrong("owner-stands-in-the-body", LISTS, "A new habit belongs to the user_id in the body.").request(creates, |request| {
            if let Some(user) = request.field("user_id").and_then(|user| user.as_i64()) {
                act_as(request, user);
            }
        }),
        wrong("patch-moves-a-habit", LISTS, "PATCH gives a habit to the user_id in the body.").instead(
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
