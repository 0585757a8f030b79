//! Wrong validation of a signup.

use serde_json::{Value, json};

use crate::api::routes::signs_up;
use crate::database::quote_literal;
use crate::http::{Request, Response};
use crate::sabotage::{Sabotage, wrong};

const TRIPS: &[&str] = &["4.signup-validates"];

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [emails(), passwords(), error_responses()].into_iter().flatten().collect()
}

/// Accepts values of a field that the upstream server rejects. That server gets valid ones instead.
fn accept(name: &'static str, breaks: &'static str, field: &'static str, is_accepted: fn(Option<&Value>) -> bool) -> Sabotage {
    wrong(name, TRIPS, breaks).request(
        move |request| signs_up(request) && request.json().is_some_and(|body| is_accepted(body.get(field))),
        move |request| set_valid(request, field),
    )
}

/// Sets a field to a valid value.
pub fn set_valid(request: &mut Request, field: &str) {
    match field {
        "email" => request.set_field(field, format!("{:016x}@example.com", fastrand::u64(..))),
        _ => request.set_field(field, "a password that is fine"),
    }
}

/// The same for strings.
fn accept_text(name: &'static str, breaks: &'static str, field: &'static str, is_accepted: fn(&str) -> bool) -> Sabotage {
    wrong(name, TRIPS, breaks).request(
        move |request| signs_up(request) && request.field(field).is_some_and(|value| value.as_str().is_some_and(is_accepted)),
        move |request| set_valid(request, field),
    )
}

fn emails() -> Vec<Sabotage> {
    let accept_if = |name, breaks, is_accepted| accept_text(name, breaks, "email", is_accepted);
    vec![
        accept_if("email-may-be-anything", "Any string is accepted as an e-mail address.", |email| !looks_valid(email)),
        accept_if("email-may-be-empty", "An empty e-mail address is accepted.", str::is_empty),
        accept_if("email-may-be-blank", "An e-mail address that consists of white space is accepted.", |email| {
            !email.is_empty() && email.trim().is_empty()
        }),
        accept_if("email-needs-no-at", "An e-mail address without an @ is accepted.", |email| {
            !email.contains('@') && email.contains('.')
        }),
        accept_if("email-needs-no-user", "An e-mail address with nothing before the @ is accepted.", |email| {
            email.starts_with('@')
        }),
        accept_if(
            "email-is-not-trimmed-before-it-is-looked-at",
            "An e-mail address with only white space before the @ is accepted.",
            |email| email.starts_with(' ') && email.trim().starts_with('@'),
        ),
        accept_if("email-needs-no-host", "An e-mail address with nothing after the @ is accepted.", |email| email.ends_with('@')),
        accept_if("email-needs-no-dot", "An e-mail address without a dot is accepted.", |email| {
            email.contains('@') && !email.ends_with('@') && !email.contains('.')
        }),
        accept_if(
            "email-may-have-its-dot-before-the-at",
            "An e-mail address whose only dot is before the @ is accepted.",
            |email| {
                email.split_once('@').is_some_and(|(user, host)| user.contains('.') && !host.is_empty() && !host.contains('.'))
            },
        ),
        accept_if("email-may-have-two-ats", "An e-mail address with two @ is accepted.", |email| email.matches('@').count() == 2),
        accept_if(
            "email-may-have-two-ats-and-a-dot-between",
            "An e-mail address with two @ and a dot between them is accepted.",
            |email| {
                email.split('@').collect::<Vec<_>>()[..].get(1..).is_some_and(|rest| rest.len() == 2 && rest[0].contains('.'))
            },
        ),
        accept_if("email-may-be-long", "An e-mail address of 255 characters is accepted.", |email| email.chars().count() == 255),
        accept("email-may-be-a-number", "A number is accepted as an e-mail address.", "email", |email| {
            email.is_some_and(Value::is_number)
        }),
        accept("signup-email-may-be-null", "A null e-mail address is accepted.", "email", |email| {
            email.is_some_and(Value::is_null)
        }),
        accept("email-may-be-missing", "A signup without an e-mail address is accepted.", "email", |email| email.is_none()),
        wrong("email-of-254-is-refused", TRIPS, "An e-mail address of 254 characters is rejected.").rejects(
            signs_up,
            "email",
            |email| email.as_str().is_some_and(|email| email.chars().count() == 254),
        ),
        wrong(
            "email-with-a-space-before-it-is-refused",
            &["4.signup-validates", "4.email-taken"],
            "An e-mail address with white space around it is rejected instead of trimmed.",
        )
        .rejects(signs_up, "email", |email| email.as_str().is_some_and(|email| email.trim() != email)),
        wrong("email-keeps-its-spaces", TRIPS, "The response shows an e-mail address with the white space around it.").response(
            signs_up,
            move |request, response| {
                let sent = request.text("email");
                if response.is_success() {
                    response.edit(|user| user["email"] = sent.into());
                }
            },
        ),
    ]
}

fn looks_valid(email: &str) -> bool {
    let parts = email.trim().split_once('@');
    email.chars().count() <= 254
        && parts.is_some_and(|(user, host)| !user.is_empty() && host.contains('.') && !host.contains('@'))
}

fn passwords() -> Vec<Sabotage> {
    let accept_if = |name, breaks, is_accepted| accept_text(name, breaks, "password", is_accepted);
    vec![
        accept_if("signup-password-may-be-anything", "A password of any length is accepted.", |password| {
            !(8..=128).contains(&password.chars().count())
        }),
        accept_if("signup-password-may-be-empty", "An empty password is accepted.", str::is_empty),
        accept_if("signup-password-may-have-seven-characters", "A password of 7 characters is accepted.", |password| {
            password.len() == 7
        }),
        accept_if(
            "signup-password-is-counted-in-bytes",
            "A password of 7 characters is accepted if it has at least 8 bytes.",
            |password| password.chars().count() < 8 && password.len() >= 8,
        ),
        accept_if("signup-password-may-be-long", "A password of 129 characters is accepted.", |password| {
            password.chars().count() > 128
        }),
        accept("signup-password-may-be-a-number", "A number is accepted as a password.", "password", |password| {
            password.is_some_and(Value::is_number)
        }),
        accept("signup-password-may-be-null", "A null password is accepted.", "password", |password| {
            password.is_some_and(Value::is_null)
        }),
        accept("signup-password-may-be-missing", "A signup without a password is accepted.", "password", |password| {
            password.is_none()
        }),
    ]
}

fn error_responses() -> Vec<Sabotage> {
    let on_rejection = |name, breaks, change: fn(&mut Response)| {
        wrong(name, TRIPS, breaks).response(signs_up, move |_, response| {
            if response.status() == 400 {
                change(response)
            }
        })
    };
    vec![
        wrong("signup-accepts-anything", TRIPS, "A signup with any JSON body is accepted.").instead(
            signs_up,
            async |mut request, upstream| {
                let response = upstream.send(request.clone()).await?;
                if response.status() != 400 {
                    return Ok(response);
                }
                request.set_json(&json!({}));
                for field in ["email", "password"] {
                    set_valid(&mut request, field);
                }
                upstream.send(request).await
            },
        ),
        on_rejection("signup-refusal-names-no-field", "The 400 of a signup does not name the field.", |response| {
            response.set_problem(400, "Something is wrong with this signup.")
        }),
        on_rejection("signup-refusal-names-another-field", "The 400 of a signup always names the field \"name\".", |response| {
            response.edit(|body| body["errors"] = json!([{ "field": "name", "message": "is wrong" }]))
        }),
        on_rejection("signup-refusal-is-no-problem", "The 400 of a signup is not problem details.", |response| {
            response.set_plain_error(400, "bad signup")
        }),
        on_rejection("signup-refusal-answers-500", "An invalid signup answers 500.", |response| {
            response.set_problem(500, "Something went wrong.")
        }),
        on_rejection("signup-refusal-answers-409", "An invalid signup answers 409.", |response| response.set_status(409)),
        wrong("signup-with-no-object-answers-500", TRIPS, "A signup that is not a JSON object answers 500.").response(
            signs_up,
            |request, response| {
                if response.status() == 400 && request.json().is_none() {
                    response.set_problem(500, "Something went wrong.")
                }
            },
        ),
        wrong("refused-signup-is-stored", TRIPS, "An invalid signup answers 400 and stores the user anyway.").instead(
            signs_up,
            async |request, upstream| {
                let response = upstream.send(request.clone()).await?;
                let email = request.text("email");
                if response.status() == 400 && email.contains('@') {
                    let email = quote_literal(&email);
                    upstream
                        .database()
                        .run(&format!("INSERT INTO users (email) VALUES ({email}) ON CONFLICT DO NOTHING"))
                        .await?;
                }
                Ok(response)
            },
        ),
    ]
}
