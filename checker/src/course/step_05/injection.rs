//! Input that stays what it is: a text.

use serde_json::{Value, json};

use super::has_put;
use crate::course::api::Api;
use crate::course::check::{Check, check};
use crate::course::habit::Habit;
use crate::outcome::{Outcome, Stop};
use crate::probe::{Answer, Request};
use crate::taps::Place;

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
                    read.expect(&answer, "name", name)?.expect(&answer, "description", description)?;
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
            .proof(parameters),
    ]
}

/// Stores all payloads in habits, every way there is, and gives the habits with what they should hold.
async fn as_habits(api: &Api) -> Outcome<Vec<(Habit, String, String)>> {
    let named = |payload: &str| format!("{} {payload} {}", api.data.token(6), api.data.token(6));
    let mut stored = Vec::new();
    let mut keep = |answer: &Answer, habit: Habit, name: String, description: String| {
        habit.expect(answer, "name", name.clone())?.expect(answer, "description", description.clone())?;
        stored.push((habit, name, description));
        Outcome::Ok(())
    };
    let mut imported = Vec::new();
    for (index, payload) in PAYLOADS.into_iter().enumerate() {
        let (name, description) = (named(payload), format!("{payload}\n{}", named(payload)));
        let body = json!({ "name": name, "description": description });
        let answer = match index % 4 {
            0 => api.post("/habits", body).await?,
            1 => api.patch(api.any_habit().await?.path(), body).await?,
            2 => {
                let habit = api.any_habit().await?;
                match has_put(api, &habit).await? {
                    true => api.put(habit.path(), body).await?,
                    false => api.post("/habits", body).await?,
                }
            }
            _ => {
                imported.push((name, description));
                continue;
            }
        };
        answer.status([200, 201])?;
        keep(&answer, Habit::of(&answer)?, name, description)?;
    }
    let body: Vec<Value> =
        imported.iter().map(|(name, description)| json!({ "name": name, "description": description })).collect();
    let answer = api.post("/habits/import", json!(body)).await?;
    answer.status(201)?;
    for (habit, (name, description)) in Habit::list(&answer)?.into_iter().zip(imported) {
        keep(&answer, habit, name, description)?;
    }
    Ok(stored)
}

/// The same for what a user has, and for signing in.
async fn as_user(api: &Api) -> Outcome {
    let email = format!("o'or'1'='1-{}@example.com", api.data.token(10));
    let (name, password) = (format!("{} {}", PAYLOADS[0], api.data.token(6)), format!("{} {}", PAYLOADS[2], api.data.token(6)));
    let answer = api.sign_up(json!({ "email": email, "password": password, "name": name })).await?;
    answer.status(201)?;
    let login = api.log_in(&email, &password).await?;
    login.status(200)?;
    let token = crate::course::members::access_token(&login, &login.json()?)?;
    let answer = api.as_holder(&token).get("/me").await?;
    answer.status(200)?;
    let user = answer.json()?;
    answer.same(&json!({ "email": email, "name": name }), &json!({ "email": user["email"], "name": user["name"] }))?;
    for email in [format!("{email}' --"), "' OR '1'='1".into(), "x@example.com' OR '1'='1".to_owned()] {
        api.log_in(&email, "' OR '1'='1").await?.status([400, 401, 422])?;
    }
    Ok(())
}

async fn parameters(api: &Api) -> Outcome {
    let store = api.store()?.clone();
    let mark = store.tap().mark();
    let sent = send_markers(api).await?;
    let seen = store.tap().since(mark);
    for (marker, answer) in &sent {
        if let Some((statement, _)) = seen.with(marker).find(|(_, place)| *place == Place::Text) {
            let expected = format!("statements in which {marker} stands among the parameters");
            return Err(answer.fail(expected, format!("a statement with it in its text:\n{}", statement.text)));
        }
    }
    if seen.missed > 0 {
        return Err(Stop::Inconclusive(format!("{} statements of the server were too many or too large to keep", seen.missed)));
    }
    // The first is a name that was stored, and it has to have gone to the database somehow.
    match sent.iter().take(1).all(|(marker, _)| seen.with(marker).next().is_some()) {
        true => Ok(()),
        false => Err(Stop::Inconclusive("the checker did not see a habit's name on its way to the database".into())),
    }
}

/// Sends random texts in every place that a user fills, and gives each with the answer to it.
async fn send_markers(api: &Api) -> Outcome<Vec<(String, Answer)>> {
    let marker = || format!("mk{}", api.data.token(14));
    let habit = api.any_habit().await?;
    let mut requests: Vec<(Vec<String>, Request)> = Vec::new();
    let described = |method: &str, path: String| {
        let (name, description) = (marker(), marker());
        let request = Request::new(method, path).json(&json!({ "name": name, "description": description }));
        (vec![name, description], request)
    };
    requests.push(described("POST", "/habits".into()));
    requests.push(described("PATCH", habit.path()));
    requests.push(described("PUT", habit.path()));
    let (names, texts) = ([marker(), marker()], [marker(), marker()]);
    let habits = [0, 1].map(|index| json!({ "name": names[index], "description": texts[index] }));
    requests.push(([names, texts].concat(), Request::new("POST", "/habits/import").json(&json!(habits))));
    let (email, name) = (marker(), marker());
    let signup = json!({ "email": format!("{email}@example.com"), "password": api.data.token(12), "name": name });
    requests.push((vec![email, name], Request::new("POST", "/auth/signup").json(&signup)));
    let email = marker();
    let login = json!({ "email": format!("{email}@example.com"), "password": api.data.token(12) });
    requests.push((vec![email], Request::new("POST", "/auth/login").json(&login)));
    for (method, before, after) in [
        ("GET", "/habits/".to_owned(), ""),
        ("DELETE", "/habits/".into(), ""),
        ("GET", "/habits/".into(), "/completions"),
        ("PUT", format!("{}/completions/", habit.path()), ""),
        ("DELETE", format!("{}/completions/", habit.path()), ""),
        ("GET", format!("{}/completions?from=", habit.path()), ""),
        ("GET", format!("{}/completions?to=", habit.path()), ""),
        ("GET", "/habits?limit=".into(), ""),
        ("GET", "/habits?limit=1&after=".into(), ""),
    ] {
        let marker = marker();
        let request = Request::new(method, format!("{before}{marker}{after}"));
        requests.push((vec![marker], request));
    }
    let mut sent = Vec::new();
    for (markers, request) in requests {
        let answer = api.http.send(request).await?;
        sent.extend(markers.into_iter().map(|marker| (marker, answer.clone())));
    }
    sent[0].1.status(201)?;
    Ok(sent)
}
