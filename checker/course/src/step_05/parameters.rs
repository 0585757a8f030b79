//! Whether user input reaches the database as parameters or in the SQL text.

use serde_json::json;
use taps::postgres::Place;

use harness::api::Api;
use harness::habit::Habit;
use model::{Outcome, Request, Stop};
use probe::Response;
use services::postgres::Store;

/// Fails if the SQL text of a statement contains user input.
pub async fn never_in_text(api: &Api) -> Outcome {
    let store = api.fixture::<Store>()?;
    let mark = store.tap().mark();
    let sent = send_markers(api).await?;
    let seen = store.tap().since(mark);
    for (marker, response) in &sent {
        if let Some((statement, _)) = seen.with(marker).find(|(_, place)| *place == Place::Text) {
            let expected = format!("statements with {marker} only among their parameters");
            return Err(response.fail(expected, format!("a statement with it in the SQL text:\n{}", statement.text)));
        }
    }
    if seen.missed > 0 {
        return Err(Stop::Inconclusive(format!(
            "the checker missed {} statements of the server: too many or too large to keep",
            seen.missed
        )));
    }
    // The first marker is a stored name, so it must have reached the database.
    match sent.iter().take(1).all(|(marker, _)| seen.with(marker).next().is_some()) {
        true => Ok(()),
        false => Err(Stop::Inconclusive("the checker saw no statement with the habit's name".into())),
    }
}

/// Sends random markers in all user input; returns each marker with the response to its request.
async fn send_markers(api: &Api) -> Outcome<Vec<(String, Response)>> {
    let habit = api.any_habit().await?;
    let mut sent = Vec::new();
    for (markers, request) in bodies(api, &habit).into_iter().chain(addresses(api, &habit)) {
        let response = api.http.send(request).await?;
        sent.extend(markers.into_iter().map(|marker| (marker, response.clone())));
    }
    sent[0].1.status(201)?;
    Ok(sent)
}

/// A unique word.
fn word(api: &Api) -> String {
    format!("mk{}", api.data.token(14))
}

/// A unique number. Input that was parsed as a number or a date is still user input.
fn number(api: &Api) -> String {
    (100_000_000_000_000 + api.data.below(900_000_000_000_000)).to_string()
}

/// A date that occurs nowhere else.
fn day(api: &Api) -> String {
    let below = |end| api.data.below(end);
    format!("{}-{:02}-{:02}", 1900 + below(50), 1 + below(12), 1 + below(28))
}

/// Requests with markers in their bodies.
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

/// Requests with markers in their paths and queries.
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
