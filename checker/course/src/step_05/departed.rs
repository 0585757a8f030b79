//! What the token of a user who has deleted the account still does.

use serde_json::json;

use harness::check::{Check, check};

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("5.token-of-deleted", "A write with the token of a deleted user never causes a 5xx")
            .needs(&["4.delete-me"])
            .book("never-trust-input")
            .hints(&[
                "The token is valid, but its user is gone. What does the foreign key do when you insert the new habit?",
                "A foreign key violation by the `user_id` of a token is not a server error: respond with 401.",
            ])
            .proof(async |api| {
                let account = api.new_account().await?;
                let departed = api.as_holder(&account.token);
                departed.delete("/me").await?.status(204)?;
                let late = departed.post("/habits", json!({ "name": api.data.name() })).await?;
                match late.code() {
                    500.. => Err(late
                        .fail("a rejection, such as 401, since the token's user is deleted", format!("status {}", late.code()))),
                    _ => Ok(()),
                }
            }),
    ]
}
