//! Wrong validation of a signup.

use serde_json::{Value, json};

use crate::api::routes::signs_up;
use crate::database::quote_literal;
use crate::http::{Request, Response};
use crate::sabotage::{Sabotage, wrong};

const VALIDATES: &[&str] = &["4.signup-validates"];

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [emails(), passwords(), refusals()].into_iter().flatten().collect()
}

/// Lets values of a field through that the right server refuses. It gets others in their place.
fn lets_in(name: &'static str, breaks: &'static str, field: &'static str, good: fn(Option<&Value>) -> bool) -> Sabotage {
    wrong(name, VALIDATES, breaks).request(
        move |request| signs_up(request) && request.json().is_some_and(|body| good(body.get(field))),
        move |request| stand_in(request, field),
    )
}

pub fn stand_in(request: &mut Request, field: &str) {
    match field {
        "email" => request.set_field(field, format!("{:016x}@example.com", fastrand::u64(..))),
        _ => request.set_field(field, "a password that is fine"),
    }
}

/// The same for texts.
fn lets_text_in(name: &'static str, breaks: &'static str, field: &'static str, good: fn(&str) -> bool) -> Sabotage {
    wrong(name, VALIDATES, breaks).request(
        move |request| signs_up(request) && request.field(field).is_some_and(|value| value.as_str().is_some_and(good)),
        move |request| stand_in(request, field),
    )
}

fn emails() -> Vec<Sabotage> {
    let text_in = |name, breaks, good| lets_text_in(name, breaks, "email", good);
    vec![
        text_in("email-may-be-anything", "An e-mail address is any text.", |email| !looks_right(email)),
        text_in("email-may-be-empty", "An empty e-mail address is accepted.", str::is_empty),
        text_in("email-may-be-blank", "An e-mail address of white space is accepted.", |email| {
            !email.is_empty() && email.trim().is_empty()
        }),
        text_in("email-needs-no-at", "An e-mail address without an @ is accepted.", |email| {
            !email.contains('@') && email.contains('.')
        }),
        text_in("email-needs-no-user", "An e-mail address with nothing before the @ is accepted.", |email| {
            email.starts_with('@')
        }),
        text_in("email-is-not-trimmed-before-it-is-looked-at", "White space counts as something before the @.", |email| {
            email.starts_with(' ') && email.trim().starts_with('@')
        }),
        text_in("email-needs-no-host", "An e-mail address with nothing behind the @ is accepted.", |email| email.ends_with('@')),
        text_in("email-needs-no-dot", "An e-mail address without a dot is accepted.", |email| {
            email.contains('@') && !email.ends_with('@') && !email.contains('.')
        }),
        text_in("email-may-have-its-dot-before-the-at", "A dot before the @ is enough for an e-mail address.", |email| {
            email.split_once('@').is_some_and(|(user, host)| user.contains('.') && !host.is_empty() && !host.contains('.'))
        }),
        text_in("email-may-have-two-ats", "An e-mail address with two @ is accepted.", |email| email.matches('@').count() == 2),
        text_in(
            "email-may-have-two-ats-and-a-dot-between",
            "An e-mail address with two @ is accepted where a dot follows the first.",
            |email| {
                email.split('@').collect::<Vec<_>>()[..].get(1..).is_some_and(|rest| rest.len() == 2 && rest[0].contains('.'))
            },
        ),
        text_in("email-may-be-long", "An e-mail address of 255 characters is accepted.", |email| email.chars().count() == 255),
        lets_in("email-may-be-a-number", "A number is accepted as an e-mail address.", "email", |email| {
            email.is_some_and(Value::is_number)
        }),
        lets_in("signup-email-may-be-null", "An e-mail address that is null is accepted.", "email", |email| {
            email.is_some_and(Value::is_null)
        }),
        lets_in("email-may-be-missing", "A signup without an e-mail address is accepted.", "email", |email| email.is_none()),
        wrong("email-of-254-is-refused", VALIDATES, "An e-mail address of 254 characters is refused.").rejects(
            signs_up,
            "email",
            |email| email.as_str().is_some_and(|email| email.chars().count() == 254),
        ),
        wrong(
            "email-with-a-space-before-it-is-refused",
            &["4.signup-validates", "4.email-taken"],
            "An e-mail address is not trimmed but refused.",
        )
        .rejects(signs_up, "email", |email| email.as_str().is_some_and(|email| email.trim() != email)),
        wrong("email-keeps-its-spaces", VALIDATES, "The answer shows an e-mail address with the spaces around it.").response(
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

fn looks_right(email: &str) -> bool {
    let parts = email.trim().split_once('@');
    email.chars().count() <= 254
        && parts.is_some_and(|(user, host)| !user.is_empty() && host.contains('.') && !host.contains('@'))
}

fn passwords() -> Vec<Sabotage> {
    let text_in = |name, breaks, good| lets_text_in(name, breaks, "password", good);
    vec![
        text_in("signup-password-may-be-anything", "A password is any text.", |password| {
            !(8..=128).contains(&password.chars().count())
        }),
        text_in("signup-password-may-be-empty", "An empty password is accepted.", str::is_empty),
        text_in("signup-password-may-have-seven-characters", "A password of 7 characters is accepted.", |password| {
            password.len() == 7
        }),
        text_in(
            "signup-password-is-counted-in-bytes",
            "A password of 7 characters is accepted if these are 8 bytes or more.",
            |password| password.chars().count() < 8 && password.len() >= 8,
        ),
        text_in("signup-password-may-be-long", "A password of 129 characters is accepted.", |password| {
            password.chars().count() > 128
        }),
        lets_in("signup-password-may-be-a-number", "A number is accepted as a password.", "password", |password| {
            password.is_some_and(Value::is_number)
        }),
        lets_in("signup-password-may-be-null", "A password that is null is accepted.", "password", |password| {
            password.is_some_and(Value::is_null)
        }),
        lets_in("signup-password-may-be-missing", "A signup without a password is accepted.", "password", |password| {
            password.is_none()
        }),
    ]
}

fn refusals() -> Vec<Sabotage> {
    let told = |name, breaks, spoil: fn(&mut Response)| {
        wrong(name, VALIDATES, breaks).response(signs_up, move |_, response| {
            if response.status() == 400 {
                spoil(response)
            }
        })
    };
    vec![
        wrong("signup-accepts-anything", VALIDATES, "A signup is never refused for what stands in it.").instead(
            signs_up,
            async |mut request, upstream| {
                let response = upstream.send(request.clone()).await?;
                if response.status() != 400 {
                    return Ok(response);
                }
                request.set_json(&json!({}));
                for field in ["email", "password"] {
                    stand_in(&mut request, field);
                }
                upstream.send(request).await
            },
        ),
        told("signup-refusal-names-no-field", "A signup is refused without a word on the field.", |response| {
            response.set_problem(400, "Something is wrong with this signup.")
        }),
        told("signup-refusal-names-another-field", "Whatever is wrong with a signup, the name is to blame.", |response| {
            response.edit(|body| body["errors"] = json!([{ "field": "name", "message": "is wrong" }]))
        }),
        told("signup-refusal-is-no-problem", "The 400 of a signup is no problem details.", |response| {
            response.set_plain_error(400, "bad signup")
        }),
        told("signup-refusal-answers-500", "A bad signup answers 500.", |response| {
            response.set_problem(500, "Something went wrong.")
        }),
        told("signup-refusal-answers-409", "A bad signup answers 409.", |response| response.set_status(409)),
        wrong("signup-with-no-object-answers-500", VALIDATES, "A signup that is no JSON object answers 500.").response(
            signs_up,
            |request, response| {
                if response.status() == 400 && request.json().is_none() {
                    response.set_problem(500, "Something went wrong.")
                }
            },
        ),
        wrong("refused-signup-is-stored", VALIDATES, "A signup with a bad password answers 400 and stores the user.").instead(
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
