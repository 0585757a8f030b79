//! Step 2 · a framework, used well: errors, validation, logging, request ids, configuration.

mod configuration;
mod errors;
mod extras;
mod logs;
mod validation;

use std::path::Path;

use serde_json::{Value, json};

use harness::api::Api;
use harness::check::Check;
use harness::problem::expect_invalid;
use harness::step::Step;
use model::{Outcome, Problem};
use probe::Response;

/// The maximum length of a name, in characters.
const NAME_MOST: usize = 100;
/// The maximum length of a description, in characters.
const DESCRIPTION_MOST: usize = 500;
/// The number of lines from which on `main.rs` does more than wire the parts together.
const MAIN_MOST: usize = 80;

/// Step 2.
pub const STEP: Step = Step {
    number: 2,
    slug: "02-framework",
    title: "A framework, used well",
    fixtures: &[],
    sign_in: None,
    routes: &[],
    checks,
    advice,
};

/// The checks of step 2.
fn checks() -> Vec<Check> {
    let subjects = [errors::checks(), validation::checks(), logs::checks(), configuration::checks(), extras::checks()];
    subjects.into_iter().flatten().collect()
}

/// Advice on the source of a Rust crate that has everything in one file, or a `main.rs` that does more than wire.
fn advice(source: &Path) -> Vec<Problem> {
    let src = source.join("src");
    let files = std::fs::read_dir(&src).into_iter().flatten().flatten();
    let modules = files.filter(|file| file.path().is_dir() || file.path().extension().is_some_and(|end| end == "rs")).count();
    let main = std::fs::read_to_string(src.join("main.rs")).unwrap_or_default().lines().count();
    let mut advice = Vec::new();
    if modules < 3 {
        advice.push(Problem::new(
            "The crate's source is in one or two files.",
            "Move each subject to a module of its own: configuration, errors, habits. The chapter shows a layout (#project-layout).",
        ));
    }
    if main > MAIN_MOST {
        advice.push(Problem::new(
            format!("src/main.rs has {main} lines."),
            "Let it only wire the parts together: read the configuration, set up logging, listen, serve. Move the rest into modules.",
        ));
    }
    advice
}

/// Fails unless POST and PATCH reject each of these names and store nothing.
async fn expect_names_rejected(api: &Api, names: &[Value]) -> Outcome {
    let before = api.list().await?.1.len();
    for name in names {
        expect_invalid(&api.post("/habits", json!({ "name": name })).await?, "name")?;
    }
    expect_count(api, before).await?;
    let habit = api.any_habit().await?;
    for name in names {
        expect_invalid(&api.patch(habit.path(), json!({ "name": name, "completed_today": true })).await?, "name")?;
    }
    let (response, read) = api.read(&habit).await?;
    read.expect_same(&response, &habit)?;
    Ok(())
}

/// Fails unless POST and PATCH reject each of these values for a field and store nothing.
async fn expect_values_rejected(api: &Api, field: &str, values: &[Value]) -> Outcome {
    let before = api.list().await?.1.len();
    for value in values {
        let body = json!({ "name": api.data.name(), field: value });
        expect_invalid(&api.post("/habits", body).await?, field)?;
    }
    expect_count(api, before).await?;
    let habit = api.any_habit().await?;
    for value in values {
        expect_invalid(&api.patch(habit.path(), json!({ field: value })).await?, field)?;
    }
    let (response, read) = api.read(&habit).await?;
    read.expect_same(&response, &habit)?;
    Ok(())
}

async fn expect_count(api: &Api, before: usize) -> Outcome {
    let (response, list) = api.list().await?;
    match list.len() == before {
        true => Ok(()),
        false => {
            Err(response
                .fail(format!("{before} habits, as before"), format!("{} habits: a rejected request was stored", list.len())))
        }
    }
}

async fn expect_absent(api: &Api, name: &str) -> Outcome {
    let (response, list) = api.list().await?;
    match list.iter().any(|habit| habit.get("name") == name) {
        false => Ok(()),
        true => Err(response.fail("a list without the rejected habit", format!("a list with \"{name}\""))),
    }
}

fn expect_allow(response: &Response, methods: &[&str], unsupported: &str) -> Outcome {
    let fields = response.headers("allow").collect::<Vec<_>>().join(", ");
    let allowed: Vec<&str> = fields.split(',').map(str::trim).collect();
    if methods.iter().all(|method| allowed.contains(method)) && !allowed.contains(&unsupported) {
        return Ok(());
    }
    let actual = if fields.is_empty() { "no Allow header".into() } else { format!("Allow: {fields}") };
    Err(response.fail(format!("Allow: {}, without {unsupported}", methods.join(", ")), actual))
}
