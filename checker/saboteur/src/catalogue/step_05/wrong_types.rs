//! Values of the wrong type that are converted or ignored.

use serde_json::{Value, json};

use crate::api::routes::{has_body, imports, logs_in, patches, puts, signs_up};
use crate::http::Request;
use crate::sabotage::{Sabotage, wrong};

const TRIPS: &[&str] = &["5.wrong-types"];

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [bodies(), habits(), days(), users()].into_iter().flatten().collect()
}

/// Converts values of a field to others, which the upstream server may accept.
fn convert(
    name: &'static str,
    breaks: &'static str,
    when: fn(&Request) -> bool,
    field: &'static str,
    conversion: fn(&Value) -> Option<Value>,
) -> Sabotage {
    wrong(name, TRIPS, breaks).request(when, move |request| {
        request.edit_objects(|object| {
            if let Some(converted) = object.get(field).and_then(conversion) {
                object.insert(field.to_owned(), converted);
            }
        })
    })
}

/// A number or a boolean as a string.
fn as_text(value: &Value) -> Option<Value> {
    (value.is_number() || value.is_boolean()).then(|| value.to_string().into())
}

/// Bodies of the wrong type.
fn bodies() -> Vec<Sabotage> {
    let accept_body = |name, breaks, when: fn(&Request) -> bool, is_accepted: fn(&Value) -> bool, as_if: Value| {
        wrong(name, TRIPS, breaks).request(when, move |request| {
            if serde_json::from_slice(&request.body).is_ok_and(|body| is_accepted(&body)) {
                request.set_json(&as_if);
            }
        })
    };
    vec![
        accept_body("list-is-an-empty-change", "PATCH treats an array as {}.", patches, Value::is_array, json!({})),
        accept_body("null-is-an-empty-change", "PATCH treats null as {}.", patches, Value::is_null, json!({})),
        accept_body(
            "object-is-an-empty-import",
            "An import treats an object as an empty array.",
            imports,
            Value::is_object,
            json!([]),
        ),
        accept_body(
            "imported-null-is-no-habit",
            "An import skips null items.",
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
            "Numbers and booleans are converted where a string is expected.",
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
        wrong("imported-name-may-be-a-number", &["5.wrong-types", "3.import-invalid"], "An import converts a number to a name.")
            .request(imports, |request| {
                request.edit_objects(|habit| {
                    if let Some(text) = habit.get("name").and_then(as_text) {
                        habit.insert("name".into(), text);
                    }
                })
            }),
        convert(
            "imported-description-may-be-a-number",
            "An import converts a number to a description.",
            imports,
            "description",
            as_text,
        ),
        convert(
            "imported-description-may-be-a-list",
            "An import converts an array to a description.",
            imports,
            "description",
            |value| value.is_array().then(|| value.to_string().into()),
        ),
        convert("put-takes-the-text-true", "PUT treats the string \"true\" as true.", puts, "completed_today", |value| {
            (value == "true").then_some(json!(true))
        }),
        convert("put-takes-what-is-empty-for-false", "PUT treats an empty array as false.", puts, "completed_today", |value| {
            (*value == json!([])).then_some(json!(false))
        }),
        convert("put-description-may-be-an-object", "PUT converts an object to a description.", puts, "description", |value| {
            value.is_object().then(|| value.to_string().into())
        }),
    ]
}

fn days() -> Vec<Sabotage> {
    let convert = |name, breaks, converted| convert(name, breaks, imports, "completions", converted);
    let is_wrong = |request: &Request| {
        imports(request)
            && request.any_field("completions", |days| days.as_array().is_none_or(|days| days.iter().any(|day| !day.is_string())))
    };
    vec![
        convert("one-day-becomes-a-list", "An import treats a single date as an array of one date.", |days| {
            days.is_string().then(|| json!([days]))
        }),
        convert("days-that-are-no-list-are-ignored", "An import ignores completions that are not an array.", |days| {
            (!days.is_array()).then(|| json!([]))
        }),
        convert("days-may-be-an-object", "An import accepts an object as completions and uses its values.", |days| {
            days.as_object().map(|days| days.values().cloned().collect::<Vec<_>>().into())
        }),
        convert("days-that-are-no-text-are-left-out", "An import skips dates that are not strings.", |days| {
            days.as_array().map(|days| days.iter().filter(|day| day.is_string()).cloned().collect::<Vec<_>>().into())
        }),
        convert("lists-of-days-are-flattened", "An import flattens nested arrays of dates.", |days| {
            let one = |day: &Value| day.as_array().cloned().unwrap_or_else(|| vec![day.clone()]);
            days.as_array().map(|days| days.iter().flat_map(one).collect::<Vec<_>>().into())
        }),
        wrong(
            "days-of-the-wrong-type-are-not-named",
            TRIPS,
            "The error response to completions of the wrong type lacks `errors`.",
        )
        .response(is_wrong, |_, response| response.remove_errors()),
        wrong(
            "days-of-the-wrong-type-have-no-place",
            TRIPS,
            "The error response to completions of the wrong type lacks the habit's index.",
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
        convert("name-of-a-user-may-be-a-number", "A signup converts a number to the user's name.", signs_up, "name", as_text),
        convert("name-of-a-user-may-be-a-list", "A signup treats an array as no name.", signs_up, "name", |name| {
            name.is_array().then_some(Value::Null)
        }),
        convert(
            "new-password-may-be-a-list",
            "A signup accepts an array as the password and uses its first item.",
            signs_up,
            "password",
            |it| it.as_array()?.first().cloned(),
        ),
        convert(
            "email-may-be-a-list",
            "A signup accepts an array as the e-mail address and uses its first item.",
            signs_up,
            "email",
            |email| email.as_array()?.first().cloned(),
        ),
        convert("login-compares-a-number", "A login with a number as the password answers 401.", logs_in, "password", as_text),
        convert(
            "login-looks-for-an-object",
            "A login with an object as the e-mail address answers 401.",
            logs_in,
            "email",
            |email| email.is_object().then(|| "nobody@example.com".into()),
        ),
        wrong(
            "login-does-not-name-the-type",
            TRIPS,
            "The error response to a login with a value of the wrong type lacks `errors`.",
        )
        .response(move |request| logs_in(request) && is_wrong(request), |_, response| response.remove_errors()),
        wrong("signup-answers-500-to-a-number", TRIPS, "A signup with a number as the name answers 500.").response(
            |request| signs_up(request) && request.any_field("name", Value::is_number),
            |_, response| response.set_problem(500, "Something went wrong."),
        ),
    ]
}
