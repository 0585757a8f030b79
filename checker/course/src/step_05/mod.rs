//! Step 5 · Validation and errors: strict input validation, no injection, and fault tolerance when the database fails.

mod bodies;
mod causes;
mod dates;
mod departed;
mod hardening;
mod injection;
mod limits;
mod malformed;
mod outage;
mod parameters;
mod paths;
mod rates;
mod shapes;
mod timeouts;

use std::path::Path;

use serde_json::Value;

use crate::step_04;
use harness::api::Api;
use harness::check::Check;
use harness::habit::Habit;
use harness::problem::expect_problem;
use harness::step::Step;
use model::{Outcome, Problem};
use probe::Response;
use services::postgres::Store;

/// Step 5.
pub const STEP: Step = Step {
    number: 5,
    slug: "05-validation-errors",
    title: "Validation and errors",
    fixtures: step_04::FIXTURES,
    sign_in: Some(step_04::SIGN_IN),
    routes: &[],
    checks,
    advice,
};

/// The checks of step 5.
fn checks() -> Vec<Check> {
    let subjects = [
        shapes::checks(),
        dates::checks(),
        paths::checks(),
        limits::checks(),
        malformed::checks(),
        departed::checks(),
        injection::checks(),
        outage::checks(),
        timeouts::checks(),
        hardening::checks(),
        rates::checks(),
    ];
    subjects.into_iter().flatten().collect()
}

/// Advice on the source of a Rust crate that calls `unwrap` where it could return an error.
fn advice(source: &Path) -> Vec<Problem> {
    let mut places = Vec::new();
    collect_unwraps(&source.join("src"), &mut places);
    places.sort_unstable();
    match places.is_empty() {
        true => Vec::new(),
        false => vec![Problem {
            title: format!("The crate's source calls `unwrap` in {} places outside of tests.", places.len()),
            remedy: "Return the error with `?`, or use `expect` to state why it cannot occur. A caught panic gives the \
                     client no explanation and the log few details."
                .into(),
            details: places.into_iter().take(8).collect(),
        }],
    }
}

/// Collects the calls of `unwrap` below a folder, outside of test modules.
fn collect_unwraps(folder: &Path, places: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect_unwraps(&path, places);
        } else if path.extension().is_some_and(|end| end == "rs") && path.file_stem().is_none_or(|name| name != "tests") {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let own = text.lines().enumerate().take_while(|(_, line)| line.trim() != "#[cfg(test)]");
            let calls = own.filter(|(_, line)| line.contains(".unwrap(") && !line.trim_start().starts_with("//"));
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            places.extend(calls.map(|(index, line)| format!("{name}:{}: {}", index + 1, line.trim())));
        }
    }
}

/// Fails unless the response rejects the request because of `field`, or of something inside it.
fn expect_field(response: &Response, field: &str) -> Outcome {
    expect_one_of(response, &[field])
}

/// Fails unless the response rejects the request because of one of these fields, or of something inside it.
fn expect_one_of(response: &Response, fields: &[&str]) -> Outcome {
    let problem = expect_problem(response, [400, 422])?;
    let errors = problem["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_expected = |name: &str| {
        let rest = fields.iter().find_map(|field| name.strip_prefix(field));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    let has_message = |error: &&Value| error["message"].as_str().is_some_and(|message| !message.trim().is_empty());
    match errors.iter().filter(has_message).any(|error| error["field"].as_str().is_some_and(is_expected)) {
        true => Ok(()),
        false => {
            let expected = format!("\"errors\": [{{\"field\": \"{}\", \"message\": \"…\"}}]", fields.join("\" or \""));
            Err(response.fail(expected, format!("\"errors\": {}", problem["errors"])))
        }
    }
}

/// Fails if the response is a server error (5xx).
fn expect_no_server_error(response: &Response) -> Outcome {
    match response.code() {
        ..500 => Ok(()),
        code => Err(response.fail("a status code below 500, such as 400", format!("status {}", model::status_name(code)))),
    }
}

/// The stored data that rejected requests must not change: one habit, and the numbers of habits and users.
struct Stored {
    habit: Habit,
    habits: usize,
    users: Option<u64>,
}

impl Stored {
    /// Takes a snapshot.
    async fn now(api: &Api) -> Outcome<Stored> {
        let habit = api.create_described(&api.data.name(), &api.data.description()).await?;
        let habits = api.list().await?.1.len();
        Ok(Stored { habit, habits, users: user_count(api).await? })
    }

    /// Fails if something has changed since the snapshot.
    async fn expect_unchanged(&self, api: &Api) -> Outcome {
        let (response, read) = api.read(&self.habit).await?;
        read.expect_same(&response, &self.habit)?;
        let (response, list) = api.list().await?;
        if list.len() != self.habits {
            let actual = format!("{} habits: a rejected request was stored", list.len());
            return Err(response.fail(format!("{} habits, as before", self.habits), actual));
        }
        match (self.users, user_count(api).await?) {
            (before, after) if before == after => Ok(()),
            _ => Err(model::Stop::fail("as many users as before", "more users than before: a rejected signup was stored")),
        }
    }
}

/// The number of users; `None` where the database is not accessible.
async fn user_count(api: &Api) -> Outcome<Option<u64>> {
    match api.visible::<Store>() {
        Some(store) => store.count("FROM users").await.map(Some),
        None => Ok(None),
    }
}

/// Whether the server has the stretch route PUT /habits/{id}.
async fn has_put(api: &Api, habit: &Habit) -> Outcome<bool> {
    let whole = serde_json::json!({ "name": habit.get("name"), "description": habit.get("description") });
    Ok(api.put(habit.path(), whole).await?.code() == 200)
}
