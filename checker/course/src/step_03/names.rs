//! A name is taken once.

use futures_util::future::join_all;
use serde_json::json;

use super::{HELD_BACK, PARALLEL, expect_conflict, recased};
use harness::api::Api;
use harness::check::{Check, check};
use harness::habit::Habit;
use model::Outcome;
use probe::Answer;
use services::postgres::Store;

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("3.name-taken", "POST with a name that is taken answers 409, whatever its letter case, and stores nothing")
            .book("constraints")
            .hints(&[
                "409 Conflict: the request is well-formed, but it does not go with what is stored.",
                "A unique index over `(user_id, lower(name))` compares without letter case.",
                "The failure knows the name of the constraint that was broken: turn that one into 409, with `on_constraint`.",
            ])
            .proof(async |api| {
                let name = api.data.name();
                let habit = api.create_described(&name, &api.data.description()).await?;
                for taken in [name.clone(), recased(&name), name.to_uppercase(), format!("  {name} ")] {
                    let body = json!({ "name": taken, "description": api.data.description() });
                    expect_conflict(&api.post("/habits", body).await?)?;
                }
                expect_once(api, &name).await?;
                let (answer, read) = api.read(&habit).await?;
                read.expect_same(&answer, &habit)?;
                Ok(())
            }),
        check("3.name-taken-parallel", "20 POSTs of one name at the same time, in any letter case: one 201, nineteen 409")
            .needs(&["3.name-taken"])
            .book("constraints")
            .hints(&[
                "Between looking whether a name is free and taking it, nineteen others look too.",
                "Do not look first. Insert, and let the unique index say no.",
            ])
            .proof(async |api| {
                for _ in 0..2 {
                    let name = api.data.name();
                    let slow = api.visible::<Store>().map(|store| store.tap().delay(HELD_BACK));
                    let written = |index: usize| if index.is_multiple_of(2) { name.clone() } else { recased(&name) };
                    let requests = (0..PARALLEL).map(|index| api.post("/habits", json!({ "name": written(index) })));
                    let answers = join_all(requests).await.into_iter().collect::<Outcome<Vec<Answer>>>()?;
                    drop(slow);
                    for answer in &answers {
                        answer.status([201, 409])?;
                    }
                    let created = answers.iter().filter(|answer| answer.code() == 201).count();
                    if created != 1 {
                        return Err(answers[0].fail("201 for one request of 20", format!("201 for {created} of them")));
                    }
                    expect_once(api, &name).await?;
                }
                Ok(())
            }),
        check(
            "3.rename-taken",
            "PATCH to a name that is taken answers 409 and changes nothing; its own name a habit may rewrite",
        )
        .needs(&["3.name-taken"])
        .book("constraints")
        .hints(&[
            "An UPDATE can break the same constraint as an INSERT. Where do you translate it?",
            "A habit does not stand in its own way: `Read` may become `read`. The index takes care of that, too.",
        ])
        .proof(async |api| {
            let (taken, name) = (api.data.name(), api.data.name());
            api.create(&taken).await?;
            let habit = api.create_described(&name, &api.data.description()).await?;
            for taken in [taken.clone(), recased(&taken)] {
                let body = json!({ "description": null, "completed_today": true, "name": taken });
                expect_conflict(&api.patch(habit.path(), body).await?)?;
                let (answer, read) = api.read(&habit).await?;
                read.expect_same(&answer, &habit)?;
            }
            for own in [recased(&name), name] {
                let answer = api.patch(habit.path(), json!({ "name": own })).await?;
                answer.status(200)?;
                Habit::of(&answer)?.expect_same(&answer, &habit.with("name", own))?;
            }
            Ok(())
        }),
        check("3.name-free-again", "The name of a habit that was deleted or renamed is free again")
            .needs(&["3.name-taken"])
            .book("constraints")
            .hints(&["A habit that is gone takes no name. If you keep deleted rows, leave them out of the index."])
            .proof(async |api| {
                let (name, other) = (api.data.name(), api.data.name());
                let habit = api.create(&name).await?;
                api.delete(habit.path()).await?.status(204)?;
                let habit = api.create(&name).await?;
                api.patch(habit.path(), json!({ "name": other })).await?.status(200)?;
                api.create(&recased(&name)).await?;
                Ok(())
            }),
    ]
}

/// Fails unless the list holds one habit of this name, whatever its letter case.
async fn expect_once(api: &Api, name: &str) -> Outcome {
    let (answer, list) = api.list().await?;
    let is_it = |habit: &&Habit| habit.get("name").as_str().is_some_and(|other| other.eq_ignore_ascii_case(name));
    match list.iter().filter(is_it).count() {
        1 => Ok(()),
        count => Err(answer.fail(format!("one habit named \"{name}\" in the list"), format!("{count} of them"))),
    }
}
