//! Deleting an account.

use serde_json::json;

use super::{expect_unauthorized, expect_users, me_of};
use harness::check::{Check, check};
use model::{Request, Stop};
use services::postgres::Store;

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("4.delete-me", "DELETE /me responds 204 and deletes the user with all their data, and nobody else's")
            .needs(&["4.me"])
            .second_user()
            .book("leaving")
            .hints(&[
                "One statement is enough if the foreign keys cascade: `ON DELETE CASCADE`.",
                "`DELETE FROM users WHERE id = $1`, with the id from the token. The database then deletes habits and completions too.",
                "A deleted user still has a valid token. An INSERT with that user's id violates the foreign key: `.on_constraint(\"habits_user_id_fkey\", Error::Unauthorized)`.",
            ])
            .proof(async |api| {
                let account = api.new_account().await?;
                let (deleted, other) = (api.as_holder(&account.token), api.as_second_user().await?);
                let mut habits = Vec::new();
                for side in [&deleted, &deleted, &other] {
                    let habit = side.any_habit().await?;
                    let put = Request::new("PUT", format!("{}/completions/2026-01-31", habit.path()));
                    side.http.send(put).await?.status([200, 201])?;
                    habits.push(habit);
                }
                let kept = habits.pop().expect("three habits were created");
                deleted.delete("/me").await?.status(204)?;
                expect_users(api, &account.email, 0).await?;
                if let Some(store) = api.visible::<Store>() {
                    for habit in &habits {
                        for from in
                            [format!("habits WHERE id = {}", habit.id), format!("completions WHERE habit_id = {}", habit.id)]
                        {
                            let left = store.count(&format!("FROM {from}")).await?;
                            if left > 0 {
                                return Err(Stop::fail("no data of the deleted user", format!("{left} rows left in {from}")));
                            }
                        }
                    }
                }
                api.log_in(&account.email, &account.password).await?.status(401)?;
                let late = deleted.post("/habits", json!({ "name": api.data.name() })).await?;
                if late.code() < 300 {
                    return Err(late.fail("a rejection, such as 401, since the token's user is deleted", format!("status {}", late.code())));
                }
                other.get("/me").await?.status(200)?;
                let (response, read) = other.read(&kept).await?;
                read.expect_same(&response, &kept)?;
                let days = other.get(format!("{}/completions", kept.path())).await?;
                days.status(200)?;
                days.same(&json!(1), &json!(days.json()?.as_array().map(Vec::len)))?;
                Ok(())
            }),
        check("4.token-of-deleted", "GET /me rejects the token of a deleted user with 401")
            .needs(&["4.delete-me"])
            .book("checking-the-token")
            .hints(&[
                "A valid signature proves who the user was when the token was issued. Does the user still exist?",
                "`GET /me` selects the user from the database anyway: if it returns no row, respond 401, not 404 or 500.",
            ])
            .proof(async |api| {
                let account = api.new_account().await?;
                me_of(api, &account.token).await?.status(200)?;
                api.as_holder(&account.token).delete("/me").await?.status(204)?;
                expect_unauthorized(&me_of(api, &account.token).await?)
            }),
    ]
}
