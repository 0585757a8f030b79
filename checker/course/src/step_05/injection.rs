//! Injection: input must stay plain text.

use serde_json::json;

use super::{has_put, parameters};
use harness::api::Api;
use harness::check::{Check, check};
use harness::habit::Habit;
use model::{Outcome, Request};
use probe::Response;

/// Injection payloads for SQL, HTML, shells, templates and format strings.
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
        check("5.injection", "Text that looks like SQL, HTML or a template is stored unchanged and comes back byte for byte")
            .book("injection")
            .hints(&[
                "Do not sanitize or escape input. The database never parses a bound parameter as SQL.",
                "Escape output where it is rendered, such as in HTML, not where it is stored. A JSON API returns the text unchanged.",
            ])
            .proof(async |api| {
                let habits = store_habits(api).await?;
                expect_unchanged_user(api).await?;
                // No payload damaged the tables or their data.
                for (habit, name, description) in habits {
                    let (response, read) = api.read(&habit).await?;
                    expect_texts(&response, read, name, description)?;
                }
                Ok(())
            }),
        check("5.parameters", "User input reaches the database only as query parameters, never in the SQL text")
            .needs(&["5.injection"])
            .book("injection")
            .hints(&[
                "Never build SQL with `format!`, however carefully you escape the input: this is how SQL injection happens.",
                "`.bind(value)` sends the value separately from the statement (parameterized query). Look for queries whose text is concatenated.",
                "Some drivers, such as psycopg 2, insert the values into the SQL text on the client. psycopg 3 sends them as parameters.",
            ])
            .proof(parameters::never_in_text),
    ]
}

/// A habit with its expected name and description.
type Expected = (Habit, String, String);

/// Stores every payload in habits, through every route.
async fn store_habits(api: &Api) -> Outcome<Vec<Expected>> {
    let texts = |payload: &str| {
        let name = format!("{} {payload} {}", api.data.token(6), api.data.token(6));
        (name, format!("{payload}\n{}", api.data.token(6)))
    };
    let has_put = has_put(api, &api.any_habit().await?).await?;
    let mut stored = Vec::new();
    for payload in PAYLOADS {
        let created = store_habit(api, Request::new("POST", "/habits"), texts(payload)).await?;
        let mut last = store_habit(api, Request::new("PATCH", created.0.path()), texts(payload)).await?;
        if has_put {
            last = store_habit(api, Request::new("PUT", created.0.path()), texts(payload)).await?;
        }
        stored.push(last);
    }
    let imported = PAYLOADS.map(texts);
    let body = imported.each_ref().map(|(name, description)| json!({ "name": name, "description": description }));
    let response = api.post("/habits/import", json!(body)).await?;
    response.status(201)?;
    for (habit, (name, description)) in Habit::list(&response)?.into_iter().zip(imported) {
        stored.push(expect_texts(&response, habit, name, description)?);
    }
    Ok(stored)
}

/// Sends a habit with these texts; fails unless the response has them unchanged.
async fn store_habit(api: &Api, request: Request, (name, description): (String, String)) -> Outcome<Expected> {
    let response = api.http.send(request.json(&json!({ "name": name, "description": description }))).await?;
    response.status([200, 201])?;
    expect_texts(&response, Habit::of(&response)?, name, description)
}

/// Fails unless the habit has these texts.
fn expect_texts(response: &Response, habit: Habit, name: String, description: String) -> Outcome<Expected> {
    habit.expect(response, "name", name.clone())?.expect(response, "description", description.clone())?;
    Ok((habit, name, description))
}

/// Fails unless a user's fields are stored unchanged, and injection into a login does not sign in.
async fn expect_unchanged_user(api: &Api) -> Outcome {
    let email = format!("o'or'1'='1-{}@example.com", api.data.token(10));
    let name = format!("{} {} {}", PAYLOADS[0], PAYLOADS[10], api.data.token(6));
    let password = format!("{} {} {} {}", PAYLOADS[2], PAYLOADS[6], PAYLOADS[10], api.data.token(6));
    let response = api.sign_up(json!({ "email": email, "password": password, "name": name })).await?;
    response.status(201)?;
    let login = api.log_in(&email, &password).await?;
    login.status(200)?;
    let token = harness::users::access_token(&login, &login.json()?)?;
    let response = api.as_holder(&token).get("/me").await?;
    response.status(200)?;
    let user = response.json()?;
    response.same(&json!({ "email": email, "name": name }), &json!({ "email": user["email"], "name": user["name"] }))?;
    for email in [format!("{email}' --"), "' OR '1'='1".into(), "x@example.com' OR '1'='1".to_owned()] {
        api.log_in(&email, "' OR '1'='1").await?.status([400, 401, 422])?;
    }
    Ok(())
}
