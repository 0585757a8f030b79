//! Wrong servers for step 2: errors, validation, logs, request ids, configuration and what HTTP offers besides.

mod configuration;
mod errors;
mod extras;
mod logs;
mod validation;

use serde_json::{Value, json};

use crate::message::{Answer, Request, creates, patches};
use crate::sabotage::Sabotage;

/// The sabotages of step 2.
pub fn sabotages() -> Vec<Sabotage> {
    let parts =
        [errors::sabotages(), validation::sabotages(), logs::sabotages(), configuration::sabotages(), extras::sabotages()];
    parts.into_iter().flatten().collect()
}

fn wrong(name: &'static str, trips: &'static [&'static str], breaks: &'static str) -> Sabotage {
    Sabotage::new(2, name, trips, breaks)
}

fn unknown_route(request: &Request) -> bool {
    let known = ["/habits", "/openapi.json", "/docs"];
    !known.contains(&request.path()) && request.id_text().is_none() && !request.path().starts_with("/docs/")
}

fn is_v1(request: &Request) -> bool {
    request.head.uri.path().starts_with("/v1/")
}

fn writes_but_put(request: &Request) -> bool {
    creates(request) || patches(request)
}

fn is_json(request: &Request) -> bool {
    serde_json::from_slice::<Value>(&request.body).is_ok()
}

fn length(value: &Value) -> usize {
    value.as_str().map_or(0, |text| text.chars().count())
}

/// Answers with another status, in the problem details as well.
fn set_problem_status(answer: &mut Answer, status: u16) {
    answer.set_status(status);
    if answer.json().is_some() {
        edit_problem(answer, |problem| problem["status"] = json!(status));
    } else {
        answer.set_json(
            "application/problem+json",
            &json!({ "title": "Error", "status": status, "detail": "Something is wrong." }),
        );
    }
}

fn edit_problem(answer: &mut Answer, change: impl FnOnce(&mut Value)) {
    answer.edit(|problem| {
        if problem.is_object() {
            change(problem)
        }
    });
}

fn without(answer: &mut Answer, field: &str) {
    answer.edit(|problem| drop(problem.as_object_mut().map(|fields| fields.remove(field))));
}
