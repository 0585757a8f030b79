//! Step 5 · Validation and errors: strict shapes, input that stays data, and a server that outlives its database.

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
use probe::Answer;
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

/// What is worth mending in the source of a Rust crate: places that panic where an error could be answered.
fn advice(source: &Path) -> Vec<Problem> {
    let mut places = Vec::new();
    unwraps(&source.join("src"), &mut places);
    places.sort_unstable();
    match places.is_empty() {
        true => Vec::new(),
        false => vec![Problem {
            title: format!("The crate's source calls `unwrap` in {} places outside of tests.", places.len()),
            remedy: "Return the error with `?`, or say with `expect` why there can be none. A panic is caught, but tells the \
                     client nothing and the log little."
                .into(),
            details: places.into_iter().take(8).collect(),
        }],
    }
}

/// Where below a folder `unwrap` is called, outside of modules of tests.
fn unwraps(folder: &Path, places: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            unwraps(&path, places);
        } else if path.extension().is_some_and(|end| end == "rs") && path.file_stem().is_none_or(|name| name != "tests") {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let own = text.lines().enumerate().take_while(|(_, line)| line.trim() != "#[cfg(test)]");
            let calls = own.filter(|(_, line)| line.contains(".unwrap(") && !line.trim_start().starts_with("//"));
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            places.extend(calls.map(|(index, line)| format!("{name}:{}: {}", index + 1, line.trim())));
        }
    }
}

/// Fails unless the answer refuses the request because of `field`, or of something in it.
fn expect_field(answer: &Answer, field: &str) -> Outcome {
    expect_one_of(answer, &[field])
}

/// Fails unless the answer refuses the request because of one of these fields, or of something in it.
fn expect_one_of(answer: &Answer, fields: &[&str]) -> Outcome {
    let problem = expect_problem(answer, [400, 422])?;
    let errors = problem["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_meant = |named: &str| {
        let rest = fields.iter().find_map(|field| named.strip_prefix(field));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    let is_told = |error: &&Value| error["message"].as_str().is_some_and(|message| !message.trim().is_empty());
    match errors.iter().filter(is_told).any(|error| error["field"].as_str().is_some_and(is_meant)) {
        true => Ok(()),
        false => {
            let expected = format!("\"errors\": [{{\"field\": \"{}\", \"message\": \"…\"}}]", fields.join("\" or \""));
            Err(answer.fail(expected, format!("\"errors\": {}", problem["errors"])))
        }
    }
}

/// Fails when the server could not do what was asked, whatever else it says.
fn expect_unbroken(answer: &Answer) -> Outcome {
    match answer.code() {
        ..500 => Ok(()),
        code => Err(answer.fail("an answer below 500, such as 400", format!("status {}", model::status_name(code)))),
    }
}

/// What must not change: the habits of the user, one of them in full, and how many users there are.
struct Untouched {
    habit: Habit,
    habits: usize,
    users: Option<u64>,
}

impl Untouched {
    /// As it is now.
    async fn now(api: &Api) -> Outcome<Untouched> {
        let habit = api.create_described(&api.data.name(), &api.data.description()).await?;
        let habits = api.list().await?.1.len();
        Ok(Untouched { habit, habits, users: users(api).await? })
    }

    /// Fails when something has changed.
    async fn expect(&self, api: &Api) -> Outcome {
        let (answer, read) = api.read(&self.habit).await?;
        read.expect_same(&answer, &self.habit)?;
        let (answer, list) = api.list().await?;
        if list.len() != self.habits {
            let actual = format!("{} habits: something refused was stored", list.len());
            return Err(answer.fail(format!("{} habits, as before", self.habits), actual));
        }
        match (self.users, users(api).await?) {
            (before, after) if before == after => Ok(()),
            _ => Err(model::Stop::fail("as many users as before", "a user more: a signup that was refused is stored")),
        }
    }
}

/// How many users there are, where they can be seen.
async fn users(api: &Api) -> Outcome<Option<u64>> {
    match api.visible::<Store>() {
        Some(store) => store.count("FROM users").await.map(Some),
        None => Ok(None),
    }
}

/// Whether the extra PUT /habits/{id} is there.
async fn has_put(api: &Api, habit: &Habit) -> Outcome<bool> {
    let whole = serde_json::json!({ "name": habit.get("name"), "description": habit.get("description") });
    Ok(api.put(habit.path(), whole).await?.code() == 200)
}
