//! Where what users send stands on its way to the database.

use serde_json::json;
use taps::Place;

use harness::api::Api;
use harness::habit::Habit;
use model::{Outcome, Request, Stop};
use probe::Answer;
use services::postgres::Store;

/// Fails when something that a user sent stands in the text of a statement.
pub async fn never_in_text(api: &Api) -> Outcome {
    let store = api.fixture::<Store>()?;
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

/// Sends random values in every place that a user fills, and gives each with the answer to it.
async fn send_markers(api: &Api) -> Outcome<Vec<(String, Answer)>> {
    let habit = api.any_habit().await?;
    let mut sent = Vec::new();
    for (markers, request) in bodies(api, &habit).into_iter().chain(addresses(api, &habit)) {
        let answer = api.http.send(request).await?;
        sent.extend(markers.into_iter().map(|marker| (marker, answer.clone())));
    }
    sent[0].1.status(201)?;
    Ok(sent)
}

/// A text that stands nowhere else.
fn word(api: &Api) -> String {
    format!("mk{}", api.data.token(14))
}

/// A number that stands nowhere else. What was read as a number or a date is as much of the user's as it was before.
fn number(api: &Api) -> String {
    (100_000_000_000_000 + api.data.below(900_000_000_000_000)).to_string()
}

/// A day of which nobody speaks.
fn day(api: &Api) -> String {
    let below = |end| api.data.below(end);
    format!("{}-{:02}-{:02}", 1900 + below(50), 1 + below(12), 1 + below(28))
}

/// Requests with values in their bodies.
fn bodies(api: &Api, habit: &Habit) -> Vec<(Vec<String>, Request)> {
    let word = || word(api);
    let described = |method: &str, path: String| {
        let (name, description) = (word(), word());
        let request = Request::new(method, path).json(&json!({ "name": name, "description": description }));
        (vec![name, description], request)
    };
    let (names, texts, days) = ([word(), word()], [word(), word()], [day(api), day(api)]);
    let habits = [0, 1].map(|index| json!({ "name": names[index], "description": texts[index], "completions": [days[index]] }));
    let (email, password, name) = (word(), word(), word());
    let signup = json!({ "email": format!("{email}@example.com"), "password": password, "name": name });
    let (unknown, guess) = (word(), word());
    let login = json!({ "email": format!("{unknown}@example.com"), "password": guess });
    vec![
        described("POST", "/habits".into()),
        described("PATCH", habit.path()),
        described("PUT", habit.path()),
        ([names, texts, days].concat(), Request::new("POST", "/habits/import").json(&json!(habits))),
        (vec![email, password, name], Request::new("POST", "/auth/signup").json(&signup)),
        (vec![unknown, guess], Request::new("POST", "/auth/login").json(&login)),
    ]
}

/// Requests with values in their paths and queries.
fn addresses(api: &Api, habit: &Habit) -> Vec<(Vec<String>, Request)> {
    let days = format!("{}/completions", habit.path());
    let mut requests = Vec::new();
    let mut add = |method: &str, before: &str, value: String, after: &str| {
        let request = Request::new(method, format!("{before}{value}{after}"));
        requests.push((vec![value], request));
    };
    for make in [word, number] {
        add("GET", "/habits/", make(api), "");
        add("DELETE", "/habits/", make(api), "");
        add("GET", "/habits/", make(api), "/completions");
        add("PUT", "/habits/", make(api), "/completions/2026-01-31");
        add("GET", "/habits?limit=1&after=", make(api), "");
    }
    for make in [word, day] {
        add("PUT", &format!("{days}/"), make(api), "");
        add("DELETE", &format!("{days}/"), make(api), "");
        add("GET", &format!("{days}?from="), make(api), "");
        add("GET", &format!("{days}?to="), make(api), "");
    }
    add("GET", "/habits?limit=", word(api), "");
    requests
}
