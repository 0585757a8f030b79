//! Leaving.

use serde_json::json;

use super::{expect_unauthorized, expect_users, me_of};
use harness::check::{Check, check};
use model::{Request, Stop};
use services::postgres::Store;

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("4.delete-me", "DELETE /me answers 204, and the user is gone with everything they own, and nobody else")
            .needs(&["4.me"])
            .second_user()
            .book("leaving")
            .hints(&[
                "One statement will do, if the tables say what goes along: `ON DELETE CASCADE`.",
                "`DELETE FROM users WHERE id = $1`, with the id from the token. Habits and completions follow.",
                "Whoever has left still holds a token. What they store breaks the foreign key: `.on_constraint(\"habits_user_id_fkey\", Error::Unauthorized)`.",
            ])
            .proof(async |api| {
                let account = api.new_account().await?;
                let (leaving, staying) = (api.as_holder(&account.token), api.as_second_user().await?);
                let mut habits = Vec::new();
                for side in [&leaving, &leaving, &staying] {
                    let habit = side.any_habit().await?;
                    let put = Request::new("PUT", format!("{}/completions/2026-01-31", habit.path()));
                    side.http.send(put).await?.status([200, 201])?;
                    habits.push(habit);
                }
                let stays = habits.pop().expect("three were made");
                leaving.delete("/me").await?.status(204)?;
                expect_users(api, &account.email, 0).await?;
                if let Some(store) = api.visible::<Store>() {
                    for habit in &habits {
                        for from in
                            [format!("habits WHERE id = {}", habit.id), format!("completions WHERE habit_id = {}", habit.id)]
                        {
                            let left = store.count(&format!("FROM {from}")).await?;
                            if left > 0 {
                                return Err(Stop::fail("nothing left of the user's", format!("{left} rows of {from}")));
                            }
                        }
                    }
                }
                api.log_in(&account.email, &account.password).await?.status(401)?;
                let late = leaving.post("/habits", json!({ "name": api.data.name() })).await?;
                if late.code() < 300 {
                    return Err(late.fail("a refusal, such as 401: the token's user is gone", format!("status {}", late.code())));
                }
                staying.get("/me").await?.status(200)?;
                let (answer, read) = staying.read(&stays).await?;
                read.expect_same(&answer, &stays)?;
                let days = staying.get(format!("{}/completions", stays.path())).await?;
                days.status(200)?;
                days.same(&json!(1), &json!(days.json()?.as_array().map(Vec::len)))?;
                Ok(())
            }),
        check("4.token-of-deleted", "The token of a user who is gone answers 401 at GET /me")
            .needs(&["4.delete-me"])
            .book("checking-the-token")
            .hints(&[
                "A good signature says who somebody was when the token was made. Are they still here?",
                "`GET /me` reads the user from the database anyway: no row there is a 401, not a 404 and not a 500.",
            ])
            .proof(async |api| {
                let account = api.new_account().await?;
                me_of(api, &account.token).await?.status(200)?;
                api.as_holder(&account.token).delete("/me").await?.status(204)?;
                expect_unauthorized(&me_of(api, &account.token).await?)
            }),
    ]
}
