//! The import: all habits or none.

use std::cell::Cell;

use serde_json::json;
use taps::Moment;

use super::{days_ago, expect_conflict, expect_days, expect_none_named, mixed_case, today};
use harness::api::Api;
use harness::check::{Check, check};
use harness::habit::Habit;
use harness::problem::{expect_invalid, expect_no_internals, expect_problem};
use model::{NoResponse, Outcome, Request, Stop};
use services::DATABASE;
use services::postgres::Store;

/// The maximum number of habits in an import.
const HABITS_MOST: usize = 100;
/// The maximum size of an import's body in bytes: 1 MiB.
const BYTES_MOST: usize = 1024 * 1024;
/// The maximum lengths of a name and a description, in characters.
const NAME_MOST: usize = 100;
const DESCRIPTION_MOST: usize = 500;

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("3.import", "POST /habits/import responds 201 with the new habits in the same order, and stores their completions")
            .needs(&["3.complete", "3.streak"])
            .book("transactions")
            .hints(&[
                "The request body is an array of habits, and so is the response body. Each element of the response is a complete habit, with its streak.",
                "`description` and `completions` are optional. Are the habits missing after a 201? Then the transaction was rolled back: call `commit`.",
            ])
            .proof(async |api| {
                let names: Vec<String> = ["f", "a", "k", "c"].iter().map(|letter| format!("{letter} {}", api.data.name())).collect();
                let description = api.data.description();
                let yesterday = [days_ago(3), days_ago(2), days_ago(1)];
                let body = json!([
                    { "name": names[0], "description": description, "completions": [days_ago(1).to_string(), today().to_string()] },
                    { "name": format!("  {} ", names[1]) },
                    { "name": names[2], "description": null, "completions": [] },
                    { "name": names[3], "completions": yesterday.map(|day| day.to_string()) },
                ]);
                let response = api.post("/habits/import", body).await?;
                response.status(201)?;
                let habits = Habit::list(&response)?;
                if habits.len() != names.len() {
                    return Err(response.fail("an array of 4 habits", format!("an array of {}", habits.len())));
                }
                let expected = [(&names[0], json!(description), true, 2), (&names[1], json!(null), false, 0), (&names[2], json!(null), false, 0), (&names[3], json!(null), false, 3)];
                for (habit, (name, description, completed, streak)) in habits.iter().zip(expected) {
                    habit
                        .expect(&response, "name", name.as_str())?
                        .expect(&response, "description", description)?
                        .expect(&response, "completed_today", completed)?
                        .expect(&response, "streak", streak)?
                        .expect_created_now(&response)?;
                    let (response, read) = api.read(habit).await?;
                    read.expect_same(&response, habit)?.expect(&response, "streak", streak)?;
                }
                expect_days(api, &habits[0], &[days_ago(1), today()]).await?;
                expect_days(api, &habits[1], &[]).await?;
                expect_days(api, &habits[3], &yesterday).await?;
                let (response, list) = api.list().await?;
                let ids = |habits: &[Habit]| habits.iter().map(|habit| habit.id).collect::<Vec<_>>();
                let listed: Vec<i128> = ids(&list).into_iter().filter(|id| ids(&habits).contains(id)).collect();
                match listed == ids(&habits) {
                    true => Ok(()),
                    false => Err(response.fail(format!("the ids {:?}, in this order", ids(&habits)), format!("the ids {listed:?}"))),
                }
            }),
        check("3.import-repeated-date", "A repeated date in an imported habit counts once")
            .needs(&["3.import"])
            .book("transactions")
            .hints(&["Remove duplicate dates before the INSERT, or let `ON CONFLICT DO NOTHING` skip them."])
            .proof(async |api| {
                let days = [days_ago(1), days_ago(0), days_ago(1), days_ago(5), days_ago(0)].map(|day| day.to_string());
                let body = json!([{ "name": api.data.name(), "completions": days }]);
                let response = api.post("/habits/import", body).await?;
                response.status(201)?;
                for habit in Habit::list(&response)? {
                    habit.expect(&response, "streak", 2)?;
                    expect_days(api, &habit, &[days_ago(5), days_ago(1), days_ago(0)]).await?;
                }
                Ok(())
            }),
        check("3.import-invalid", "An import with one invalid habit is rejected as a whole, and the error names the field with the habit's index")
            .needs(&["3.import"])
            .book("transactions")
            .hints(&[
                "The validation rules of POST apply to every habit in an import. The error prefixes the field with the habit's index, counted from 0: `1.name`.",
                "Validate all habits before storing the first one. Then there is nothing to roll back.",
            ])
            .proof(async |api| {
                let token = api.data.token(8);
                let good = |letter: &str| json!({ "name": format!("{token} {letter}"), "completions": [days_ago(1).to_string()] });
                let long = "x".repeat(NAME_MOST + 1);
                let wordy = "x".repeat(DESCRIPTION_MOST + 1);
                let cases = [
                    (1, "name", json!({ "name": " " })),
                    (2, "name", json!({ "name": long })),
                    (1, "name", json!({ "description": "no name" })),
                    (0, "name", json!({ "name": 7 })),
                    (2, "description", json!({ "name": format!("{token} d"), "description": wordy })),
                ];
                for (place, field, bad) in cases {
                    let mut habits = vec![good("a"), good("b"), good("c")];
                    habits[place] = bad;
                    expect_invalid(&api.post("/habits/import", json!(habits)).await?, &format!("{place}.{field}"))?;
                }
                for body in [json!({ "name": format!("{token} e") }), json!(token), json!([good("f"), "not a habit"])] {
                    expect_problem(&api.post("/habits/import", body).await?, [400, 422])?;
                }
                expect_none_named(api, &token).await
            }),
        check("3.import-conflict", "An import with a taken or repeated name responds 409 and stores nothing")
            .needs(&["3.import", "3.name-taken"])
            .book("transactions")
            .hints(&[
                "Some habits are already inserted when the conflict occurs. How do you undo these inserts?",
                "Use one transaction for the whole import, and run every statement on it: a statement that runs on the pool is not rolled back.",
            ])
            .proof(async |api| {
                let (token, taken) = (api.data.token(8), api.data.name());
                let habit = api.create(&taken).await?;
                let new = |letter: &str| json!({ "name": format!("{token} {letter}"), "completions": [days_ago(1).to_string()] });
                let again = json!({ "name": mixed_case(&format!("{token} a")) });
                expect_conflict(&api.post("/habits/import", json!([new("a"), new("b"), { "name": mixed_case(&taken) }, new("c")])).await?)?;
                expect_none_named(api, &token).await?;
                // A name that is repeated in one body may count as a validation error instead.
                expect_problem(&api.post("/habits/import", json!([new("a"), new("b"), again])).await?, [409, 400, 422])?;
                expect_none_named(api, &token).await?;
                let (response, read) = api.read(&habit).await?;
                read.expect_same(&response, &habit)?;
                // The rejected imports left nothing behind that conflicts with these names.
                api.post("/habits/import", json!([new("a"), new("b"), new("c")])).await?.status(201)?;
                Ok(())
            }),
        check("3.import-cut", "When the database connection is lost during an import, the import fails and stores nothing")
            .needs(&["3.import"])
            .disturbs(DATABASE)
            .book("transactions")
            .hints(&[
                "Your server cannot undo anything once the connection is lost. Who can?",
                "A transaction is atomic: when the connection closes between BEGIN and COMMIT, the database rolls it back.",
            ])
            .proof(fails_on_a_cut_connection),
        check("3.import-limits", "An import of 100 habits in 1 MiB is accepted; 101 habits, or more than 1 MiB, are rejected")
            .needs(&["3.import"])
            .book("transactions")
            .hints(&[
                "axum accepts bodies up to 2 MiB by default. The layer `DefaultBodyLimit::max` changes the limit, for the whole router or for one route.",
                "Count the habits after deserialization and before the first INSERT.",
            ])
            .proof(async |api| {
                let token = api.data.token(8);
                let largest = import_body(&token, HABITS_MOST, BYTES_MOST);
                let response = api.http.send(import_request(largest)).await?;
                response.status(201)?;
                let stored = Habit::list(&response)?;
                if stored.len() != HABITS_MOST {
                    return Err(response.fail("an array of 100 habits", format!("an array of {}", stored.len())));
                }
                super::clear_away(api, &stored).await;
                let token = api.data.token(8);
                let response = api.http.send(import_request(import_body(&token, HABITS_MOST + 1, 0))).await?;
                expect_problem(&response, [400, 413, 422])?;
                let exchange = api.http.exchange(import_request(import_body(&token, 3, BYTES_MOST + 1))).await?;
                match &exchange.reply {
                    // A server that rejects a body need not read the rest, so the connection may close before the response arrives.
                    Err(NoResponse::Closed(_)) => {}
                    _ => drop(probe::Response::of(exchange)?.status([400, 413, 422])?.code()),
                }
                expect_none_named(api, &token).await
            }),
        check("3.no-internals", "No error response leaks internals of the database")
            .needs(&["3.name-taken"])
            .book("constraints")
            .hints(&["Write an error message of your own that says that the name is taken. Database errors, with the names of tables, constraints and libraries, belong in the log."])
            .proof(async |api| {
                let name = api.data.name();
                api.create(&name).await?;
                let habit = api.any_habit().await?;
                let unknown = api.unknown_path().await?;
                let provocations = [
                    Request::new("POST", "/habits").json(&json!({ "name": name })),
                    Request::new("PATCH", habit.path()).json(&json!({ "name": name })),
                    Request::new("POST", "/habits/import").json(&json!([{ "name": name }])),
                    Request::new("PUT", format!("{unknown}/completions/{}", today())),
                ];
                for provocation in provocations {
                    expect_no_internals(&api.http.send(provocation).await?)?;
                }
                Ok(())
            }),
    ]
}

/// Cuts the connection at the last INSERT of an import, after all earlier statements have run.
async fn fails_on_a_cut_connection(api: &Api) -> Outcome {
    let server = api.start_on(&api.spare().await?, &[]).await?;
    let api = &server.api;
    let store = api.fixture::<Store>()?;
    let body = |token: &str| {
        let days = [days_ago(2).to_string(), days_ago(1).to_string()];
        let habit = |letter| json!({ "name": format!("{token} {letter}"), "completions": days });
        json!(["a", "b", "c", "d"].map(habit))
    };
    // Counts every `INSERT` of an import. The second import counts: a server may cache something in the first.
    let mut inserts = 0;
    for _ in 0..2 {
        let whole = body(&api.data.token(8));
        let import = async || api.post("/habits/import", whole).await?.status(201).map(drop);
        let executed = store.queries_of(import).await?;
        inserts = executed.iter().filter(|statement| is_insert(&statement.text)).count();
    }
    if inserts == 0 {
        return Err(Stop::Inconclusive("the checker saw no INSERT during an import".into()));
    }
    let rows = async || Outcome::Ok((store.count("FROM habits").await?, store.count("FROM completions").await?));
    let before = rows().await?;
    let remaining = Cell::new(inserts);
    let fault = store.tap().cut_next(Moment::Mid, move |statement| {
        remaining.set(remaining.get() - usize::from(is_insert(&statement.text) && remaining.get() > 0));
        remaining.get() == 0
    });
    let token = api.data.token(8);
    let response = api.post("/habits/import", body(&token)).await?;
    if fault.end() == 0 {
        return Err(Stop::Inconclusive("the connection was not cut during the import".into()));
    }
    let after = rows().await?;
    if response.code() == 201 {
        // The server retried on another connection, so the import must be complete.
        return match after == (before.0 + 4, before.1 + 8) {
            true => Ok(()),
            false => Err(response
                .fail("201 only if all 4 habits and their completions are stored", format!("{} new habits", after.0 - before.0))),
        };
    }
    expect_problem(&response, [500, 502, 503, 504])?;
    expect_no_internals(&response)?;
    match after == before {
        true => Ok(()),
        false => {
            let (habits, completions) = (after.0 - before.0, after.1 - before.1);
            Err(response
                .fail("a failed import that stores nothing", format!("{habits} habits and {completions} completions stored")))
        }
    }
}

fn is_insert(statement: &str) -> bool {
    let text = statement.to_ascii_lowercase();
    ["insert into", "copy ", "merge into"].iter().any(|word| text.contains(word))
}

/// The body of an import of `count` habits with texts of maximum length, padded with white space to `bytes`.
fn import_body(token: &str, count: usize, bytes: usize) -> String {
    // Escaped, so that most of the body is text rather than white space.
    let drop = r"\ud83d\udca7";
    let habit = |index: usize| {
        let name = format!("{token} {index} ");
        let name = name.clone() + &drop.repeat(NAME_MOST - 10 - name.len());
        format!(r#"{{"name":"{name}","description":"{}","completions":["{}"]}}"#, drop.repeat(DESCRIPTION_MOST), days_ago(1))
    };
    let habits: Vec<String> = (0..count).map(habit).collect();
    let mut body = format!("[{}", habits.join(","));
    body += &" ".repeat(bytes.saturating_sub(body.len() + 1));
    body + "]"
}

fn import_request(body: String) -> Request {
    Request::new("POST", "/habits/import").header("content-type", "application/json").body(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn the_largest_import_is_json_of_its_size() {
        let body = import_body("abcdefgh", HABITS_MOST, BYTES_MOST);
        assert_eq!(body.len(), BYTES_MOST);
        let habits: Value = serde_json::from_str(&body).expect("it is JSON");
        let longest = habits[99]["name"].as_str().expect("a name").chars().count();
        assert!(longest <= NAME_MOST && habits.as_array().map(Vec::len) == Some(HABITS_MOST));
        let text = body.trim_end_matches(']').trim_end();
        assert!(text.len() > BYTES_MOST / 2, "most of it is text");
    }
}
