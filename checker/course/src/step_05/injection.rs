//! Input that stays what it is: a text.

use serde_json::json;

use super::{has_put, parameters};
use harness::api::Api;
use harness::check::{Check, check};
use harness::habit::Habit;
use model::{Outcome, Request};
use probe::Answer;

/// Texts that mean something to SQL, HTML, a shell, a template or a format, where somebody lets them.
const PAYLOADS: [&str; 16] = [
    "'; DROP TABLE habits; --",
    "\" OR \"\"=\"",
    "' OR '1'='1",
    "x'); DELETE FROM users; --",
    "$$; DROP TABLE completions; $$",
    "$1 $2 ?1 :name @name %(name)s",
    "\\'; SELECT pg_sleep(9); --",
    "'||pg_sleep(9)||'",
    "%s%d%n {} {0} ${name} #{name}",
    "{{7*7}}${7*7}<%= 7*7 %>",
    "<script>alert('x')</script>&amp;&lt;",
    "`id` $(id) ; id | id",
    "../../../etc/passwd",
    "%00 %27 \\u0000 \\x00 \\0",
    "E'\\\\' /* */ -- #",
    "NULL",
];

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("5.injection", "Text that looks like SQL, HTML or a template is stored as it is, and comes back byte for byte")
            .book("injection")
            .hints(&[
                "Nothing has to be removed or escaped on the way in. What is bound as a parameter is never read as SQL.",
                "Escape where it is shown, not where it is stored: a server that answers JSON sends the text as it is.",
            ])
            .proof(async |api| {
                let habits = as_habits(api).await?;
                as_user(api).await?;
                // Whatever was in them, the tables and what lies there are still whole.
                for (habit, name, description) in habits {
                    let (answer, read) = api.read(&habit).await?;
                    told(&answer, read, name, description)?;
                }
                Ok(())
            }),
        check("5.parameters", "What users send goes to the database as parameters; no SQL text holds any of it")
            .needs(&["5.injection"])
            .book("injection")
            .hints(&[
                "`format!` and SQL do not go together, however carefully the text is escaped.",
                "`.bind(value)` sends the value beside the statement. Look for queries whose text is built from pieces.",
                "Some drivers put values into the text themselves before they send it, such as psycopg 2. psycopg 3 does not.",
            ])
            .proof(parameters::never_in_text),
    ]
}

/// A habit with the name and the description that it should have.
type Told = (Habit, String, String);

/// Stores all payloads in habits, each in every way there is.
async fn as_habits(api: &Api) -> Outcome<Vec<Told>> {
    let texts = |payload: &str| {
        let name = format!("{} {payload} {}", api.data.token(6), api.data.token(6));
        (name, format!("{payload}\n{}", api.data.token(6)))
    };
    let has_put = has_put(api, &api.any_habit().await?).await?;
    let mut stored = Vec::new();
    for payload in PAYLOADS {
        let created = sent(api, Request::new("POST", "/habits"), texts(payload)).await?;
        let mut last = sent(api, Request::new("PATCH", created.0.path()), texts(payload)).await?;
        if has_put {
            last = sent(api, Request::new("PUT", created.0.path()), texts(payload)).await?;
        }
        stored.push(last);
    }
    let imported = PAYLOADS.map(texts);
    let body = imported.each_ref().map(|(name, description)| json!({ "name": name, "description": description }));
    let answer = api.post("/habits/import", json!(body)).await?;
    answer.status(201)?;
    for (habit, (name, description)) in Habit::list(&answer)?.into_iter().zip(imported) {
        stored.push(told(&answer, habit, name, description)?);
    }
    Ok(stored)
}

/// Sends a habit with these texts.
async fn sent(api: &Api, request: Request, (name, description): (String, String)) -> Outcome<Told> {
    let answer = api.http.send(request.json(&json!({ "name": name, "description": description }))).await?;
    answer.status([200, 201])?;
    told(&answer, Habit::of(&answer)?, name, description)
}

/// Fails unless the habit has these texts.
fn told(answer: &Answer, habit: Habit, name: String, description: String) -> Outcome<Told> {
    habit.expect(answer, "name", name.clone())?.expect(answer, "description", description.clone())?;
    Ok((habit, name, description))
}

/// The same for what a user has, and for signing in.
async fn as_user(api: &Api) -> Outcome {
    let email = format!("o'or'1'='1-{}@example.com", api.data.token(10));
    let name = format!("{} {} {}", PAYLOADS[0], PAYLOADS[10], api.data.token(6));
    let password = format!("{} {} {} {}", PAYLOADS[2], PAYLOADS[6], PAYLOADS[10], api.data.token(6));
    let answer = api.sign_up(json!({ "email": email, "password": password, "name": name })).await?;
    answer.status(201)?;
    let login = api.log_in(&email, &password).await?;
    login.status(200)?;
    let token = harness::users::access_token(&login, &login.json()?)?;
    let answer = api.as_holder(&token).get("/me").await?;
    answer.status(200)?;
    let user = answer.json()?;
    answer.same(&json!({ "email": email, "name": name }), &json!({ "email": user["email"], "name": user["name"] }))?;
    for email in [format!("{email}' --"), "' OR '1'='1".into(), "x@example.com' OR '1'='1".to_owned()] {
        api.log_in(&email, "' OR '1'='1").await?.status([400, 401, 422])?;
    }
    Ok(())
}
