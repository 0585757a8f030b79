//! Signing up.

use futures_util::future::{join, join_all};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{expect_no_secret, expect_user, expect_users, of_email};
use harness::api::Api;
use harness::check::{Check, check};
use harness::data::recased;
use harness::problem::{expect_invalid, expect_no_internals, expect_problem};
use model::{Outcome, Stop};
use probe::Answer;
use services::postgres::Store;

/// How many signups are sent at once.
const PARALLEL: usize = 10;
/// The most characters of an e-mail address.
const EMAIL_MOST: usize = 254;
/// How far a server's clock may be from ours, in seconds.
const CLOCK_DRIFT: i64 = 300;

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("4.signup", "POST /auth/signup answers 201 with id, email, name and created_at, and with nothing secret")
            .book("signing-up")
            .hints(&[
                "The answer shows a user, as GET /habits shows habits: a type of its own, without a field for the password.",
                "`name` may be left out, and is null then. `created_at` comes from the database, as that of a habit.",
                "`INSERT INTO users (email, name, password_hash) VALUES ($1, $2, $3) RETURNING id, email, name, created_at`.",
            ])
            .proof(async |api| {
                let (email, name, password) = (api.email(), api.data.name(), api.data.token(16));
                let answer = api.sign_up(json!({ "email": email, "password": password, "name": name })).await?;
                answer.status(201)?;
                let user = expect_user(&answer, &email)?;
                if user["name"] != name {
                    return Err(answer.fail(format!("\"name\": \"{name}\""), format!("\"name\": {}", user["name"])));
                }
                let created = user["created_at"].as_str().and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
                if created.is_none_or(|created| (OffsetDateTime::now_utc() - created).whole_seconds().abs() > CLOCK_DRIFT) {
                    let expected = "\"created_at\": the present moment, such as \"2026-01-31T08:00:00Z\"";
                    return Err(answer.fail(expected, format!("\"created_at\": {}", user["created_at"])));
                }
                expect_no_secret(&answer, &password)?;
                expect_users(api, &email, 1).await?;
                let (email, password) = (api.email(), api.data.token(16));
                let answer = api.sign_up(json!({ "email": email, "password": password })).await?;
                answer.status(201)?;
                expect_user(&answer, &email)?;
                expect_no_secret(&answer, &password)
            }),
        check("4.signup-validates", "A signup with a bad e-mail address or password is refused, and the answer names the field")
            .needs(&["4.signup"])
            .book("signing-up")
            .hints(&[
                "An address is trimmed; it has one @, something before it, a dot in what follows, and at most 254 characters.",
                "A password has 8 to 128 characters, counted with `chars().count()`. It is never trimmed.",
                "Make the rules a `Validate` of the body's type, as those of a habit are, so that all errors look alike.",
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
                // Seven characters may be more bytes than eight.
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
                        return Err(Stop::fail("no user who was refused", format!("rows of users: {stored}")));
                    }
                }
                for (sent, kept) in [(format!("  {good} "), good), (long(EMAIL_MOST), long(EMAIL_MOST))] {
                    let answer = api.sign_up(json!({ "email": sent, "password": password })).await?;
                    answer.status(201)?;
                    expect_user(&answer, &kept)?;
                }
                Ok(())
            }),
        check(
            "4.email-taken",
            "A signup with an e-mail address that is taken, in any letter case, answers 409 and changes nothing",
        )
        .needs(&["4.signup"])
        .book("signing-up")
        .hints(&[
            "Whoever writes Ada@example.com is ada@example.com. Which of your constraints says so?",
            "A unique index over `lower(email)`; its error becomes a 409, as that of a habit's name does.",
        ])
        .proof(async |api| {
            let (email, password) = (api.email(), api.data.token(16));
            api.sign_up(json!({ "email": email, "password": password, "name": api.data.name() })).await?.status(201)?;
            let kept = kept_of(api, &email).await?;
            let mut attempts = Vec::new();
            for email in [&email, &recased(&email), &format!(" {} ", email.to_uppercase())] {
                attempts.push(api.sign_up(json!({ "email": email, "password": api.data.token(16), "name": "somebody else" })));
            }
            for answer in join_all(attempts).await {
                let answer = answer?;
                expect_problem(&answer, 409)?;
                expect_no_internals(&answer)?;
            }
            expect_users(api, &email, 1).await?;
            // Nobody gets into an account by signing up again.
            match kept_of(api, &email).await? == kept {
                true => Ok(()),
                false => {
                    Err(Stop::fail("a user who stays as they were", "another name, password_hash or spelling of the address"))
                }
            }
        }),
        check(
            "4.email-taken-parallel",
            "10 signups of one e-mail address at the same time, in any letter case: one 201, nine 409",
        )
        .needs(&["4.email-taken"])
        .book("signing-up")
        .hints(&[
            "Between looking whether an address is free and taking it, nine others look too.",
            "Insert, and let the unique index say no: `.on_constraint(\"users_email_key\", …)`.",
        ])
        .proof(async |api| {
            let email = api.email();
            // Reading goes on, and whoever adds a user has to wait. So two at least have looked before one inserts.
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
            let written = |index: usize| if index.is_multiple_of(2) { email.clone() } else { recased(&email) };
            let bodies = (0..PARALLEL).map(|index| json!({ "email": written(index), "password": api.data.token(16) }));
            let (answers, waited) = join(join_all(bodies.map(|body| api.sign_up(body))), release).await;
            waited?;
            let answers = answers.into_iter().collect::<Outcome<Vec<Answer>>>()?;
            for answer in &answers {
                answer.status([201, 409])?;
            }
            let created = answers.iter().filter(|answer| answer.code() == 201).count();
            if created != 1 {
                return Err(answers[0].fail("201 for one request of 10", format!("201 for {created} of them")));
            }
            expect_users(api, &email, 1).await
        }),
    ]
}

/// What the database keeps of a user, where it can be seen.
async fn kept_of(api: &Api, email: &str) -> Outcome<Vec<Vec<Option<String>>>> {
    let Some(store) = api.visible::<Store>() else { return Ok(Vec::new()) };
    let columns = ["id", "email", "name", "password_hash"].map(|column| format!("to_jsonb(users) ->> '{column}'")).join(", ");
    store.rows(&format!("SELECT {columns} FROM users WHERE {}", of_email(email))).await
}
