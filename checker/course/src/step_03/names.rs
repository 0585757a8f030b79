//! Unique names.

use futures_util::future::join_all;
use serde_json::json;

use super::{DATABASE_DELAY, PARALLEL, expect_conflict, mixed_case};
use harness::api::Api;
use harness::check::{Check, check};
use harness::habit::Habit;
use model::Outcome;
use probe::Response;
use services::postgres::Store;

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("3.name-taken", "POST with a taken name, in any letter case, responds 409 and stores nothing")
            .book("constraints")
            .hints(&[
                "409 Conflict: the request is valid, but it conflicts with stored data.",
                "A unique index on `(user_id, lower(name))` is case-insensitive.",
                "The database error contains the name of the violated constraint. Map this constraint to 409, with `on_constraint`.",
            ])
            .proof(async |api| {
                let name = api.data.name();
                let habit = api.create_described(&name, &api.data.description()).await?;
                for taken in [name.clone(), mixed_case(&name), name.to_uppercase(), format!("  {name} ")] {
                    let body = json!({ "name": taken, "description": api.data.description() });
                    expect_conflict(&api.post("/habits", body).await?)?;
                }
                expect_once(api, &name).await?;
                let (response, read) = api.read(&habit).await?;
                read.expect_same(&response, &habit)?;
                Ok(())
            }),
        check("3.name-taken-parallel", "20 parallel POSTs with the same name, in any letter case, get one 201 and nineteen 409s")
            .needs(&["3.name-taken"])
            .book("constraints")
            .hints(&[
                "Check-then-insert is a race condition: between the SELECT for a free name and the INSERT, nineteen other requests run their SELECT too.",
                "Do not check first. Insert, and let the unique index reject duplicates.",
            ])
            .proof(async |api| {
                for _ in 0..2 {
                    let name = api.data.name();
                    let delay = api.visible::<Store>().map(|store| store.tap().delay(DATABASE_DELAY));
                    let spelling = |index: usize| if index.is_multiple_of(2) { name.clone() } else { mixed_case(&name) };
                    let requests = (0..PARALLEL).map(|index| api.post("/habits", json!({ "name": spelling(index) })));
                    let responses = join_all(requests).await.into_iter().collect::<Outcome<Vec<Response>>>()?;
                    drop(delay);
                    for response in &responses {
                        response.status([201, 409])?;
                    }
                    let created = responses.iter().filter(|response| response.code() == 201).count();
                    if created != 1 {
                        return Err(responses[0].fail("201 for exactly one of 20 requests", format!("201 for {created} of them")));
                    }
                    expect_once(api, &name).await?;
                }
                Ok(())
            }),
        check(
            "3.rename-taken",
            "PATCH with a taken name responds 409 and changes nothing, but may change the letter case of the habit's own name",
        )
        .needs(&["3.name-taken"])
        .book("constraints")
        .hints(&[
            "An UPDATE can violate the same unique constraint as an INSERT. Where do you map the violation to an error?",
            "A habit does not conflict with itself: `Read` may become `read`. A unique index handles that, too.",
        ])
        .proof(async |api| {
            let (taken, name) = (api.data.name(), api.data.name());
            api.create(&taken).await?;
            let habit = api.create_described(&name, &api.data.description()).await?;
            for taken in [taken.clone(), mixed_case(&taken)] {
                let body = json!({ "description": null, "completed_today": true, "name": taken });
                expect_conflict(&api.patch(habit.path(), body).await?)?;
                let (response, read) = api.read(&habit).await?;
                read.expect_same(&response, &habit)?;
            }
            for own in [mixed_case(&name), name] {
                let response = api.patch(habit.path(), json!({ "name": own })).await?;
                response.status(200)?;
                Habit::of(&response)?.expect_same(&response, &habit.with("name", own))?;
            }
            Ok(())
        }),
        check("3.name-free-again", "Deleting or renaming a habit frees its name")
            .needs(&["3.name-taken"])
            .book("constraints")
            .hints(&["A deleted habit must not block its name. If you keep deleted rows (soft delete), exclude them with a partial unique index."])
            .proof(async |api| {
                let (name, other) = (api.data.name(), api.data.name());
                let habit = api.create(&name).await?;
                api.delete(habit.path()).await?.status(204)?;
                let habit = api.create(&name).await?;
                api.patch(habit.path(), json!({ "name": other })).await?.status(200)?;
                api.create(&mixed_case(&name)).await?;
                Ok(())
            }),
    ]
}

/// Fails unless the list contains exactly one habit with this name, in any letter case.
async fn expect_once(api: &Api, name: &str) -> Outcome {
    let (response, list) = api.list().await?;
    let is_it = |habit: &&Habit| habit.get("name").as_str().is_some_and(|other| other.eq_ignore_ascii_case(name));
    match list.iter().filter(is_it).count() {
        1 => Ok(()),
        count => Err(response.fail(format!("one habit named \"{name}\" in the list"), format!("{count} habits with that name"))),
    }
}
