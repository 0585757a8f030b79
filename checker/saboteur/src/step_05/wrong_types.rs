//! Values of the wrong type, and what becomes of them.

use serde_json::{Value, json};

use crate::api::routes::{has_body, imports, logs_in, patches, puts, signs_up};
use crate::http::Request;
use crate::sabotage::{Sabotage, wrong};

const TRIPS: &[&str] = &["5.wrong-types"];

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [bodies(), habits(), days(), users()].into_iter().flatten().collect()
}

/// Turns values of one field into others, which the right server may take.
fn turned(
    name: &'static str,
    breaks: &'static str,
    when: fn(&Request) -> bool,
    field: &'static str,
    turn: fn(&Value) -> Option<Value>,
) -> Sabotage {
    wrong(name, TRIPS, breaks).request(when, move |request| {
        request.edit_objects(|object| {
            if let Some(turned) = object.get(field).and_then(turn) {
                object.insert(field.to_owned(), turned);
            }
        })
    })
}

/// A number or a truth value as a text.
fn as_text(value: &Value) -> Option<Value> {
    (value.is_number() || value.is_boolean()).then(|| value.to_string().into())
}

/// Bodies that are no object, where one is asked for, or lists of what is none.
fn bodies() -> Vec<Sabotage> {
    let taken = |name, breaks, when: fn(&Request) -> bool, is_taken: fn(&Value) -> bool, as_if: Value| {
        wrong(name, TRIPS, breaks).request(when, move |request| {
            if serde_json::from_slice(&request.body).is_ok_and(|body| is_taken(&body)) {
                request.set_json(&as_if);
            }
        })
    };
    vec![
        taken("list-is-an-empty-change", "PATCH takes an array for no changes.", patches, Value::is_array, json!({})),
        taken("null-is-an-empty-change", "PATCH takes null for no changes.", patches, Value::is_null, json!({})),
        taken("object-is-an-empty-import", "An import takes an object for no habits.", imports, Value::is_object, json!([])),
        taken(
            "imported-null-is-no-habit",
            "An import leaves out what is null.",
            imports,
            |body| body.as_array().is_some_and(|habits| !habits.is_empty() && habits.iter().all(Value::is_null)),
            json!([]),
        ),
    ]
}

fn habits() -> Vec<Sabotage> {
    vec![
        wrong(
            "values-become-texts",
            &["5.wrong-types", "2.name-type", "2.description-type", "2.put-validates", "3.import-invalid", "4.signup-validates"],
            "Numbers and truth values become texts where a text belongs.",
        )
        .request(has_body, |request| {
            request.edit_objects(|object| {
                for field in ["name", "description", "email", "password"] {
                    if let Some(text) = object.get(field).and_then(as_text) {
                        object.insert(field.into(), text);
                    }
                }
            })
        }),
        wrong("imported-name-may-be-a-number", &["5.wrong-types", "3.import-invalid"], "A number becomes a name in an import.")
            .request(imports, |request| {
                request.edit_objects(|habit| {
                    if let Some(text) = habit.get("name").and_then(as_text) {
                        habit.insert("name".into(), text);
                    }
                })
            }),
        turned(
            "imported-description-may-be-a-number",
            "A number becomes a description in an import.",
            imports,
            "description",
            as_text,
        ),
        turned(
            "imported-description-may-be-a-list",
            "A list becomes a description in an import.",
            imports,
            "description",
            |value| value.is_array().then(|| value.to_string().into()),
        ),
        turned("put-takes-the-text-true", "PUT takes the text \"true\" for true.", puts, "completed_today", |value| {
            (value == "true").then_some(json!(true))
        }),
        turned("put-takes-what-is-empty-for-false", "PUT takes an empty list for false.", puts, "completed_today", |value| {
            (*value == json!([])).then_some(json!(false))
        }),
        turned("put-description-may-be-an-object", "PUT stores an object as a text.", puts, "description", |value| {
            value.is_object().then(|| value.to_string().into())
        }),
    ]
}

fn days() -> Vec<Sabotage> {
    let turned = |name, breaks, turn| turned(name, breaks, imports, "completions", turn);
    let is_wrong = |request: &Request| {
        imports(request)
            && request.any_field("completions", |days| days.as_array().is_none_or(|days| days.iter().any(|day| !day.is_string())))
    };
    vec![
        turned("one-day-becomes-a-list", "An import takes one day for a list of it.", |days| {
            days.is_string().then(|| json!([days]))
        }),
        turned("days-that-are-no-list-are-ignored", "An import ignores completions that are no list.", |days| {
            (!days.is_array()).then(|| json!([]))
        }),
        turned("days-may-be-an-object", "An import takes the values of an object for a list.", |days| {
            days.as_object().map(|days| days.values().cloned().collect::<Vec<_>>().into())
        }),
        turned("days-that-are-no-text-are-left-out", "An import leaves days out that are no text.", |days| {
            days.as_array().map(|days| days.iter().filter(|day| day.is_string()).cloned().collect::<Vec<_>>().into())
        }),
        turned("lists-of-days-are-flattened", "An import takes a list in a list for its days.", |days| {
            let one = |day: &Value| day.as_array().cloned().unwrap_or_else(|| vec![day.clone()]);
            days.as_array().map(|days| days.iter().flat_map(one).collect::<Vec<_>>().into())
        }),
        wrong(
            "days-of-the-wrong-type-are-not-named",
            TRIPS,
            "The refusal of completions that are no list of texts has no errors.",
        )
        .response(is_wrong, |_, response| response.remove_errors()),
        wrong(
            "days-of-the-wrong-type-have-no-place",
            TRIPS,
            "The refusal of completions that are no list of texts does not say of which habit.",
        )
        .response(is_wrong, |_, response| response.rename_error_fields(|_| "completions".into())),
    ]
}

fn users() -> Vec<Sabotage> {
    let is_wrong = |request: &Request| {
        let odd = |value: &Value| !value.is_string();
        request.any_field("email", odd) || request.any_field("password", odd)
    };
    vec![
        turned("name-of-a-user-may-be-a-number", "A number becomes the name of a user.", signs_up, "name", as_text),
        turned("name-of-a-user-may-be-a-list", "A list as the name of a user is ignored.", signs_up, "name", |name| {
            name.is_array().then_some(Value::Null)
        }),
        turned(
            "new-password-may-be-a-list",
            "The first item of a list becomes the password of a new user.",
            signs_up,
            "password",
            |it| it.as_array()?.first().cloned(),
        ),
        turned(
            "email-may-be-a-list",
            "The first item of a list becomes the address of a new user.",
            signs_up,
            "email",
            |email| email.as_array()?.first().cloned(),
        ),
        turned("login-compares-a-number", "A login answers 401 to a password that is a number.", logs_in, "password", as_text),
        turned(
            "login-looks-for-an-object",
            "A login looks for an e-mail address that is an object.",
            logs_in,
            "email",
            |email| email.is_object().then(|| "nobody@example.com".into()),
        ),
        wrong("login-does-not-name-the-type", TRIPS, "The refusal of a login with a value of the wrong type has no errors.")
            .response(move |request| logs_in(request) && is_wrong(request), |_, response| response.remove_errors()),
        wrong("signup-answers-500-to-a-number", TRIPS, "A signup whose name is a number answers 500.").response(
            |request| signs_up(request) && request.any_field("name", Value::is_number),
            |_, response| response.set_problem(500, "Something went wrong."),
        ),
    ]
}
