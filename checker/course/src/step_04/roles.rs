//! Role-based access control.

use serde_json::json;

use super::{SIGN_IN, email_condition, expect_unauthorized};
use harness::check::{Check, check};
use harness::problem::expect_problem;
use harness::users::access_token;
use services::postgres::Store;

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("4.roles", "GET /admin/users is for admins: 401 without a token, 403 for a user, 200 with all users for an admin")
            .stretch()
            .needs(&["4.me"])
            .book("roles")
            .hints(&[
                "401 Unauthorized means that authentication failed. 403 Forbidden means that the user is known, but lacks permission.",
                "`users.role` is 'user' by default and 'admin' for a few. Write an extractor `Admin` that extracts an `AuthUser` first, then checks the role.",
                "Return the id, e-mail address, name and role of each user, but never the password hash.",
            ])
            .proof(async |api| {
                const PATH: &str = "/admin/users";
                expect_unauthorized(&api.anonymous().get(PATH).await?)?;
                // Nobody can sign up as an admin.
                let (email, password) = (api.email(), api.data.token(16));
                let signup = api.sign_up(json!({ "email": email, "password": password, "role": "admin" })).await?;
                if signup.status([201, 400, 422])?.code() == 201 {
                    let login = api.log_in(&email, &password).await?;
                    let token = access_token(&login, &login.json()?)?;
                    expect_problem(&api.as_holder(&token).get(PATH).await?, 403)?;
                }
                let account = api.new_account().await?;
                expect_problem(&api.as_holder(&account.token).get(PATH).await?, 403)?;
                let store = api.fixture::<Store>()?;
                let (condition, member) = (email_condition(&account.email), api.user().await?.email.clone());
                store.rows(&format!("UPDATE users SET role = 'admin' WHERE {condition}")).await?;
                // The token may contain the role, so the user logs in again.
                let admin = account.logged_in(api.http.probe(), SIGN_IN).await?;
                let response = api.as_holder(&admin.token).get(PATH).await?;
                response.status(200)?;
                let list = response.json()?;
                let Some(users) = list.as_array() else {
                    return Err(response.fail("an array of users", harness::habit::kind(&list)));
                };
                for email in [&admin.email, &member] {
                    let is_it = |user: &serde_json::Value| user["email"].as_str().is_some_and(|shown| shown.eq_ignore_ascii_case(email));
                    if !users.iter().any(is_it) {
                        return Err(response.fail(format!("a list with {email}"), format!("a list of {} users without that address", users.len())));
                    }
                }
                let text = response.text();
                match ["$argon2", "$2a$", "$2b$", "$2y$", "password_hash"].iter().find(|secret| text.contains(**secret)) {
                    Some(secret) => Err(response.fail("a list without hashes", format!("a body with {secret}"))),
                    None => Ok(()),
                }?;
                // The ordinary user is still not an admin.
                expect_problem(&api.get(PATH).await?, 403)?;
                store.rows(&format!("UPDATE users SET role = 'user' WHERE {condition}")).await.map(drop)
            }),
    ]
}
