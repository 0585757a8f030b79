//! Signup.

use futures_util::future::{join, join_all};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{email_condition, expect_no_secret, expect_user, expect_users};
use harness::api::Api;
use harness::check::{Check, check};
use harness::data::mixed_case;
use harness::problem::{expect_invalid, expect_no_internals, expect_problem};
use model::{Outcome, Stop};
use probe::Response;
use services::postgres::Store;

/// The number of parallel signups.
const PARALLEL: usize = 10;
/// The maximum length of an e-mail address, in characters.
const EMAIL_MOST: usize = 254;
/// The largest accepted difference between the server's clock and ours, in seconds.
const CLOCK_DRIFT: i64 = 300;

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("4.signup", "POST /auth/signup responds 201 with id, email, name and created_at, and without the password or its hash")
            .book("signing-up")
            .hints(&[
                "Use separate types for the request and the response. The response type is a user without a password field.",
                "`name` is optional and null by default. `created_at` comes from the database, as for a habit.",
                "`INSERT INTO users (email, name, password_hash) VALUES ($1, $2, $3) RETURNING id, email, name, created_at`.",
            ])
            .proof(async |api| {
                let (email, name, password) = (api.email(), api.data.name(), api.data.token(16));
                let response = api.sign_up(json!({ "email": email, "password": password, "name": name })).await?;
                response.status(201)?;
                let user = expect_user(&response, &email)?;
                if user["name"] != name {
                    return Err(response.fail(format!("\"name\": \"{name}\""), format!("\"name\": {}", user["name"])));
                }
                let created = user["created_at"].as_str().and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
                if created.is_none_or(|created| (OffsetDateTime::now_utc() - created).whole_seconds().abs() > CLOCK_DRIFT) {
                    let expected = "\"created_at\": the current time as an RFC 3339 timestamp, such as \"2026-01-31T08:00:00Z\"";
                    return Err(response.fail(expected, format!("\"created_at\": {}", user["created_at"])));
                }
                expect_no_secret(&response, &password)?;
                expect_users(api, &email, 1).await?;
                let (email, password) = (api.email(), api.data.token(16));
                let response = api.sign_up(json!({ "email": email, "password": password })).await?;
                response.status(201)?;
                expect_user(&response, &email)?;
                expect_no_secret(&response, &password)
            }),
        check("4.signup-validates", "A signup with an invalid e-mail address or password is rejected, and the error names the field")
            .needs(&["4.signup"])
            .book("signing-up")
            .hints(&[
                "Trim the e-mail address. It has one @, at least one character before it, a dot in the domain after it, and at most 254 characters.",
                "A password has 8 to 128 characters, counted with `chars().count()`. Never trim it.",
                "Implement `Validate` for the type of the body, as for a habit, so that all validation errors have the same format.",
            ])
            .proof(async |api| {
                let domain = format!("{}.example.com", api.data.token(8));
                let good = format!("good@{domain}");
                let long = |length: usize| format!("{}@{domain}", "x".repeat(length - domain.len() - 1));
                let password = api.data.token(16);
                let emails = [
                    json!(""),
                    json!("   "),
                    json!(domain),
                    json!(format!("@{domain}")),
                    json!(format!("  @{domain}")),
                    json!("somebody@"),
                    json!(format!("somebody@{}", api.data.token(8))),
                    json!(format!("first.last@{}", api.data.token(8))),
                    json!(format!("some@body@{domain}")),
                    json!(format!("some@body.example@{domain}")),
                    json!(long(EMAIL_MOST + 1)),
                    json!(7),
                    Value::Null,
                ];
                for email in emails {
                    expect_invalid(&api.sign_up(json!({ "email": email, "password": password })).await?, "email")?;
                }
                expect_invalid(&api.sign_up(json!({ "password": password })).await?, "email")?;
                // Seven characters can be more than eight bytes.
                let passwords =
                    [json!(""), json!("1234567"), json!("💧".repeat(7)), json!("x".repeat(129)), json!(12_345_678), Value::Null];
                for password in passwords {
                    expect_invalid(&api.sign_up(json!({ "email": good, "password": password })).await?, "password")?;
                }
                expect_invalid(&api.sign_up(json!({ "email": good })).await?, "password")?;
                for body in [json!([]), json!(good), json!(null)] {
                    expect_problem(&api.sign_up(body).await?, [400, 422])?;
                }
                if let Some(store) = api.visible::<Store>() {
                    let stored = store.count(&format!("FROM users WHERE email LIKE '%{domain}%'")).await?;
                    if stored > 0 {
                        return Err(Stop::fail("no user from a rejected signup", format!("{stored} rows in users")));
                    }
                }
                for (sent, stored) in [(format!("  {good} "), good), (long(EMAIL_MOST), long(EMAIL_MOST))] {
                    let response = api.sign_up(json!({ "email": sent, "password": password })).await?;
                    response.status(201)?;
                    expect_user(&response, &stored)?;
                }
                Ok(())
            }),
        check(
            "4.email-taken",
            "A signup with a taken e-mail address, in any letter case, responds 409 and changes nothing",
        )
        .needs(&["4.signup"])
        .book("signing-up")
        .hints(&[
            "Ada@example.com and ada@example.com are the same user. Which of your constraints is case-insensitive?",
            "Create a unique index on `lower(email)`, and map its violation to 409, as for a habit's name.",
        ])
        .proof(async |api| {
            let (email, password) = (api.email(), api.data.token(16));
            api.sign_up(json!({ "email": email, "password": password, "name": api.data.name() })).await?.status(201)?;
            let before = user_row(api, &email).await?;
            let mut attempts = Vec::new();
            for email in [&email, &mixed_case(&email), &format!(" {} ", email.to_uppercase())] {
                attempts.push(api.sign_up(json!({ "email": email, "password": api.data.token(16), "name": "somebody else" })));
            }
            for response in join_all(attempts).await {
                let response = response?;
                expect_problem(&response, 409)?;
                expect_no_internals(&response)?;
            }
            expect_users(api, &email, 1).await?;
            // A second signup must not take over the account.
            match user_row(api, &email).await? == before {
                true => Ok(()),
                false => {
                    Err(Stop::fail("an unchanged user", "a changed name, password_hash or e-mail address"))
                }
            }
        }),
        check(
            "4.email-taken-parallel",
            "10 parallel signups with the same e-mail address, in any letter case, get one 201 and nine 409s",
        )
        .needs(&["4.email-taken"])
        .book("signing-up")
        .hints(&[
            "Check-then-insert is a race condition: between the SELECT for the address and the INSERT, nine other requests run their SELECT too.",
            "Insert without a SELECT, and let the unique index reject duplicates: `.on_constraint(\"users_email_key\", …)`.",
        ])
        .proof(async |api| {
            let email = api.email();
            // This lock blocks inserts, but no reads. So at least two requests have run their SELECT before one inserts.
            let held = match api.visible::<Store>() {
                Some(store) => {
                    let held = store.hold("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE").await?;
                    Some((store, held))
                }
                None => None,
            };
            let release = async {
                let Some((store, held)) = held else { return Ok(()) };
                let waited = store.until_waiting(2).await;
                drop(held);
                waited
            };
            let spelling = |index: usize| if index.is_multiple_of(2) { email.clone() } else { mixed_case(&email) };
            let bodies = (0..PARALLEL).map(|index| json!({ "email": spelling(index), "password": api.data.token(16) }));
            let (responses, waited) = join(join_all(bodies.map(|body| api.sign_up(body))), release).await;
            waited?;
            let responses = responses.into_iter().collect::<Outcome<Vec<Response>>>()?;
            for response in &responses {
                response.status([201, 409])?;
            }
            let created = responses.iter().filter(|response| response.code() == 201).count();
            if created != 1 {
                return Err(responses[0].fail("201 for exactly one of 10 requests", format!("201 for {created} of them")));
            }
            expect_users(api, &email, 1).await
        }),
    ]
}

/// The row of the user with this e-mail address; empty where the database is not accessible.
async fn user_row(api: &Api, email: &str) -> Outcome<Vec<Vec<Option<String>>>> {
    let Some(store) = api.visible::<Store>() else { return Ok(Vec::new()) };
    let columns = ["id", "email", "name", "password_hash"].map(|column| format!("to_jsonb(users) ->> '{column}'")).join(", ");
    store.rows(&format!("SELECT {columns} FROM users WHERE {}", email_condition(email))).await
}
