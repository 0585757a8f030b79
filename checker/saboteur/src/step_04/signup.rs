//! Wrong ways to sign up.

use serde_json::{Value, json};

use crate::api::jwt;
use crate::api::routes::signs_up;
use crate::api::users::{has_email_of, user_by_email};
use crate::database::quote_literal;
use crate::http::{Request, Response};
use crate::race;
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [responses(), emails(), passwords(), refusals(), taken(), parallel()].into_iter().flatten().collect()
}

fn responses() -> Vec<Sabotage> {
    let trips = &["4.signup"];
    let told = |name, breaks, spoil: fn(&mut Response)| {
        wrong(name, trips, breaks).response(signs_up, move |_, response| {
            if response.is_success() {
                spoil(response)
            }
        })
    };
    let without = |name, breaks, field: &'static str| {
        wrong(name, trips, breaks).response(signs_up, move |_, response| {
            response.edit(|user| drop(user.as_object_mut().map(|user| user.remove(field))))
        })
    };
    vec![
        told("signup-answers-200", "POST /auth/signup answers 200 in place of 201.", |response| response.set_status(200)),
        without("signup-answers-no-id", "The answer to a signup has no id.", "id"),
        without("signup-answers-no-email", "The answer to a signup has no e-mail address.", "email"),
        without("signup-answers-no-name", "The answer to a signup has no name.", "name"),
        without("signup-answers-no-moment", "The answer to a signup has no created_at.", "created_at"),
        told("signup-moment-is-a-number", "created_at of a new user is a number of seconds.", |response| {
            response.edit(|user| user["created_at"] = json!(jwt::unix_now()))
        }),
        told("signup-moment-is-1970", "created_at of a new user is 1970.", |response| {
            response.edit(|user| user["created_at"] = json!("1970-01-01T00:00:00Z"))
        }),
        told("signup-answers-nothing", "POST /auth/signup answers 201 without a body.", Response::clear),
        wrong("signup-shows-the-hash", trips, "The answer to a signup shows the hash of the password.").instead(
            signs_up,
            async |request, upstream| {
                let mut response = upstream.send(request.clone()).await?;
                let find = format!("SELECT password_hash FROM users WHERE {}", has_email_of(&request));
                let rows: Vec<(Option<String>,)> = upstream.database().rows(&find).await?;
                if response.is_success() {
                    response.edit(|user| user["password_hash"] = json!(rows.first().map(|row| &row.0)));
                }
                Ok(response)
            },
        ),
        wrong("signup-shows-the-password", trips, "The answer to a signup is what was sent, the password included.").response(
            signs_up,
            |request, response| {
                if response.is_success() {
                    response.edit(|user| user["password"] = request.field("password").unwrap_or_default());
                }
            },
        ),
        wrong("signup-needs-a-name", trips, "A signup without a name is refused.")
            .request(signs_up, |request| request.edit(|body| _ = body.entry("name").or_insert(json!(7)))),
        wrong("signup-stores-nobody", trips, "A signup is answered and not stored.").instead(
            signs_up,
            async |request, upstream| {
                let response = upstream.send(request.clone()).await?;
                if response.is_success() {
                    upstream.database().run(&format!("DELETE FROM users WHERE {}", has_email_of(&request))).await?;
                }
                Ok(response)
            },
        ),
        wrong("signup-forgets-the-name", &["4.me"], "The name of a new user is answered and not stored.").instead(
            signs_up,
            async |request, upstream| {
                let response = upstream.send(request.clone()).await?;
                if response.is_success() {
                    upstream.database().run(&format!("UPDATE users SET name = NULL WHERE {}", has_email_of(&request))).await?;
                }
                Ok(response)
            },
        ),
    ]
}

const VALIDATES: &[&str] = &["4.signup-validates"];

/// Lets values of a field through that the right server refuses. It gets others in their place.
fn lets_in(name: &'static str, breaks: &'static str, field: &'static str, good: fn(Option<&Value>) -> bool) -> Sabotage {
    wrong(name, VALIDATES, breaks).request(
        move |request| signs_up(request) && request.json().is_some_and(|body| good(body.get(field))),
        move |request| stand_in(request, field),
    )
}

fn stand_in(request: &mut Request, field: &str) {
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

fn taken() -> Vec<Sabotage> {
    let trips = &["4.email-taken"];
    let told = |name, breaks, spoil: fn(&mut Response)| {
        wrong(name, trips, breaks).response(signs_up, move |_, response| {
            if response.status() == 409 {
                spoil(response)
            }
        })
    };
    vec![
        wrong("emails-may-repeat", &["4.email-taken", "4.oauth"], "An e-mail address can be taken any number of times.")
            .alter_tables("DROP INDEX users_email_key"),
        wrong("emails-are-compared-with-case", trips, "An e-mail address in another letter case is another one.")
            .alter_tables("DROP INDEX users_email_key; CREATE UNIQUE INDEX users_email_key ON users (email)"),
        wrong("only-the-host-is-compared-without-case", trips, "The letter case of an e-mail address matters before the @.")
            .alter_tables(
                "DROP INDEX users_email_key;
            CREATE UNIQUE INDEX users_email_key ON users ((split_part(email, '@', 1) || lower(split_part(email, '@', 2))))",
            ),
        told("taken-email-answers-400", "A signup with a taken e-mail address answers 400.", |response| {
            response.set_problem(400, "The e-mail address is taken.")
        }),
        told("taken-email-tells-the-constraint", "The 409 of a signup repeats what the database said.", |response| {
            response.set_problem(409, "duplicate key value violates unique constraint \"users_email_key\"");
        }),
        told("taken-email-answers-422", "A signup with a taken e-mail address answers 422.", |response| {
            response.set_problem(422, "The e-mail address is taken.")
        }),
        told("taken-email-answers-500", "A signup with a taken e-mail address answers 500.", |response| {
            response.set_problem(500, "Something went wrong.")
        }),
        told("taken-email-answers-201", "A signup with a taken e-mail address answers 201 and does nothing.", |response| {
            response.set_status(201);
            response.set_json("application/json", &json!({ "id": 1, "email": "somebody@example.com", "name": null }));
        }),
        told("taken-email-is-no-problem", "The 409 of a taken e-mail address is no problem details.", |response| {
            response.set_plain_error(409, "taken")
        }),
        wrong(
            "taken-email-is-stored-all-the-same",
            &["4.email-taken", "4.oauth"],
            "A signup with a taken e-mail address answers 409 and stores another user.",
        )
        .alter_tables("DROP INDEX users_email_key")
        .instead(signs_up, async |request, upstream| {
            let other = user_by_email(&request, upstream).await?;
            let mut response = upstream.send(request).await?;
            if other.is_some() && response.is_success() {
                response.set_problem(409, "The e-mail address is taken.");
            }
            Ok(response)
        }),
        wrong("taken-email-changes-the-name", trips, "A signup with a taken e-mail address answers 409 and changes the name.")
            .instead(signs_up, async |request, upstream| {
                let response = upstream.send(request.clone()).await?;
                if response.status() == 409 {
                    let (name, user) = (quote_literal(&request.text("name")), has_email_of(&request));
                    upstream.database().run(&format!("UPDATE users SET name = {name} WHERE {user}")).await?;
                }
                Ok(response)
            }),
        wrong("taken-email-changes-the-password", trips, "A signup with a taken e-mail address sets the password of who has it.")
            .instead(signs_up, async |request, upstream| {
                let response = upstream.send(request.clone()).await?;
                if response.status() == 409 {
                    let mut other = request.clone();
                    stand_in(&mut other, "email");
                    upstream.send(other.clone()).await?;
                    let (known, other) = (has_email_of(&request), has_email_of(&other));
                    let take = format!("(SELECT password_hash FROM users WHERE {other})");
                    let change =
                        format!("UPDATE users SET password_hash = {take} WHERE {known}; DELETE FROM users WHERE {other}");
                    upstream.database().run(&change).await?;
                }
                Ok(response)
            }),
    ]
}

fn parallel() -> Vec<Sabotage> {
    let trips = &["4.email-taken-parallel"];
    let looking = |name, trips, breaks, tables: &str| {
        wrong(name, trips, breaks).alter_tables(tables).instead(signs_up, async |request, upstream| {
            match user_by_email(&request, upstream).await?.is_some() && !request.text("email").is_empty() {
                true => upstream.problem(&request, 409, "The e-mail address is taken.").await,
                false => {
                    tokio::time::sleep(race::WINDOW).await;
                    upstream.send(request).await
                }
            }
        })
    };
    vec![
        looking(
            "emails-are-looked-up-first",
            &["4.email-taken-parallel", "4.oauth"],
            "The server looks whether an e-mail address is free and then takes it.",
            "DROP INDEX users_email_key",
        ),
        looking(
            "emails-in-one-case-are-looked-up-first",
            trips,
            "The index compares e-mail addresses with letter case, and the server looks without.",
            "DROP INDEX users_email_key; CREATE UNIQUE INDEX users_email_key ON users (email)",
        ),
        wrong("parallel-signups-answer-500", trips, "Of signups of one e-mail address at the same time all but one answer 500.")
            .instead(signs_up, async |request, upstream| {
                let was_free = user_by_email(&request, upstream).await?.is_none();
                tokio::time::sleep(race::WINDOW).await;
                let mut response = upstream.send(request).await?;
                if was_free && response.status() == 409 {
                    response.set_problem(500, "Something went wrong.");
                }
                Ok(response)
            }),
    ]
}
