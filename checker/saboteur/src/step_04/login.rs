//! Wrong ways to log in, and to tell who is signed in.

use std::time::Duration;

use serde_json::{Value, json};

use super::{asks_me, first_user, jwt, logs_in, named_user, number, sign_in, text, unauthorized, wrong};
use crate::message::Answer;
use crate::sabotage::Sabotage;
use crate::step_03::{quoted, refuse};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [answers(), refusals(), times(), me()].into_iter().flatten().collect()
}

fn answers() -> Vec<Sabotage> {
    let trips = &["4.login"];
    let told = |name, breaks, spoil: fn(&mut Answer)| {
        wrong(name, trips, breaks).answer(logs_in, move |_, answer| {
            if answer.is_success() {
                spoil(answer)
            }
        })
    };
    let field = |name, breaks, field: &'static str, value: Value| {
        wrong(name, trips, breaks).answer(logs_in, move |_, answer| {
            if answer.is_success() {
                answer.edit(|login| login[field] = value.clone());
            }
        })
    };
    vec![
        told("login-answers-201", "POST /auth/login answers 201 in place of 200.", |answer| answer.set_status(201)),
        told("login-answers-the-token-alone", "A login answers the token as a text.", |answer| {
            answer.edit(|login| *login = login["access_token"].clone())
        }),
        told("login-calls-it-token", "A login answers the token in the field token.", |answer| {
            answer.edit(|login| {
                login["token"] = login["access_token"].take();
                login.as_object_mut().map(|login| login.remove("access_token"));
            })
        }),
        told(
            "login-answers-the-token-in-a-header",
            "A login answers 200 without a body and the token in a header field.",
            |answer| {
                let token = answer.json().and_then(|login| login["access_token"].as_str().map(str::to_owned)).unwrap_or_default();
                answer.set_header("authorization", &format!("Bearer {token}"));
                answer.clear();
            },
        ),
        field("login-has-no-type", "The token_type of a login is null.", "token_type", Value::Null),
        field("login-has-another-type", "The token_type of a login is JWT.", "token_type", json!("JWT")),
        field("login-does-not-say-how-long", "The expires_in of a login is null.", "expires_in", Value::Null),
        field("login-says-how-long-as-a-text", "The expires_in of a login is a text.", "expires_in", json!("1h")),
        field(
            "login-says-how-long-in-milliseconds",
            "The expires_in of a login counts milliseconds.",
            "expires_in",
            json!(3_600_000),
        ),
        field("login-gives-a-token-that-is-over", "The expires_in of a login is 0.", "expires_in", json!(0)),
        field("login-gives-a-token-that-is-none", "A login answers a token that leads nowhere.", "access_token", json!("token")),
        wrong("login-compares-emails-with-case", trips, "A login needs the letter case of the signup.").instead(
            logs_in,
            async |request, server| {
                let email = quoted(text(&request, "email").trim());
                match number(server, &format!("SELECT id FROM users WHERE email = {email}")).await? {
                    Some(_) => server.send(request).await,
                    None => unauthorized(&request, server).await,
                }
            },
        ),
        wrong("right-password-is-refused", trips, "No login succeeds.")
            .request(logs_in, |request| request.set_field("password", "another")),
    ]
}

fn refusals() -> Vec<Sabotage> {
    let trips = &["4.login-wrong"][..];
    let judged = |name, trips, breaks, spoil: fn(&mut Answer, bool)| {
        wrong(name, trips, breaks).instead(logs_in, async move |request, server| {
            let is_known = named_user(&request, server).await?.is_some();
            let mut answer = server.send(request).await?;
            if answer.status() == 401 {
                spoil(&mut answer, is_known);
            }
            Ok(answer)
        })
    };
    let each = |name, breaks, spoil| judged(name, trips, breaks, spoil);
    vec![
        wrong("login-takes-any-password", &["4.login-wrong", "4.password-whole"], "A login with a wrong password succeeds.")
            .instead(logs_in, async |request, server| {
                let user = named_user(&request, server).await?;
                let mut answer = server.send(request).await?;
                if let (401, Some(user)) = (answer.status(), user) {
                    sign_in(&mut answer, user);
                }
                Ok(answer)
            }),
        wrong(
            "login-takes-an-unknown-email",
            &["4.login-wrong", "4.delete-me"],
            "A login with an unknown e-mail address opens the first account.",
        )
        .instead(logs_in, async |request, server| {
            let is_known = named_user(&request, server).await?.is_some();
            let mut answer = server.send(request).await?;
            if answer.status() == 401 && !is_known {
                sign_in(&mut answer, first_user(server).await?);
            }
            Ok(answer)
        }),
        wrong("login-asks-with-like", trips, "In the e-mail address of a login, _ and % stand for other characters.").instead(
            logs_in,
            async |request, server| {
                let email = quoted(&text(&request, "email").to_lowercase());
                let user = number(server, &format!("SELECT id FROM users WHERE lower(email) LIKE {email}")).await?;
                let mut answer = server.send(request.clone()).await?;
                if let (401, Some(user), true) = (answer.status(), user, email.contains('_')) {
                    sign_in(&mut answer, user);
                }
                Ok(answer)
            },
        ),
        wrong(
            "wrong-password-answers-200",
            &["4.login-wrong", "4.password-whole", "4.delete-me"],
            "A login that fails answers 200 and an error.",
        )
        .answer(logs_in, |_, answer| {
            if answer.status() == 401 {
                answer.set_status(200);
                answer.set_json("application/json", &json!({ "error": "wrong e-mail address or password" }));
            }
        }),
        wrong(
            "failed-login-answers-400",
            &["4.login-wrong", "4.password-whole", "4.delete-me"],
            "A login that fails answers 400.",
        )
        .answer(logs_in, |_, answer| {
            if answer.status() == 401 {
                refuse(answer, 400, "The e-mail address or the password is wrong.")
            }
        }),
        each(
            "unknown-email-answers-other-words",
            "A login tells by its words that the e-mail address is unknown.",
            move |answer, is_known| {
                let detail = if is_known { "The password is wrong." } else { "There is nobody with this e-mail address." };
                answer.edit(|body| body["detail"] = detail.into());
            },
        ),
        judged(
            "unknown-email-answers-404",
            &["4.login-wrong", "4.delete-me"],
            "A login with an unknown e-mail address answers 404.",
            |answer, is_known| {
                if !is_known {
                    refuse(answer, 404, "There is nobody with this e-mail address.")
                }
            },
        ),
        each("wrong-password-answers-403", "A login with a wrong password answers 403.", |answer, is_known| {
            if is_known {
                refuse(answer, 403, "The password is wrong.")
            }
        }),
        each(
            "unknown-email-answers-another-title",
            "A login with an unknown e-mail address has a title of its own.",
            |answer, is_known| {
                if !is_known {
                    answer.edit(|body| body["title"] = "Unknown user".into());
                }
            },
        ),
        each(
            "wrong-password-counts-tries",
            "A login with a wrong password tells in a header field how many tries are left.",
            |answer, is_known| {
                if is_known {
                    answer.set_header("x-tries-left", "4");
                }
            },
        ),
        each("wrong-password-names-the-field", "A failed login names the field that is wrong.", |answer, is_known| {
            let field = if is_known { "password" } else { "email" };
            answer.edit(|body| body["errors"] = json!([{ "field": field, "message": "is wrong" }]));
        }),
        each("failed-login-is-no-problem", "The 401 of a login is no problem details.", |answer, _| {
            answer.set_plain_error(401, "wrong e-mail address or password")
        }),
        each("failed-login-is-in-plain-text", "The 401 of a login is plain text.", |answer, _| {
            answer.set_body("text/plain", "wrong e-mail address or password")
        }),
        each("unknown-email-gets-a-hint", "A login with an unknown e-mail address has a hint of its own.", |answer, is_known| {
            if !is_known {
                answer.edit(|body| body["hint"] = "There is nobody with this e-mail address.".into());
            }
        }),
    ]
}

/// Longer than a hash takes on a machine that is busy.
const LONG: Duration = Duration::from_millis(400);

fn times() -> Vec<Sabotage> {
    let trips = &["4.login-timing"];
    let slow = |name, breaks, is_slow: fn(bool) -> bool| {
        wrong(name, trips, breaks).instead(logs_in, async move |request, server| {
            let is_known = named_user(&request, server).await?.is_some();
            let answer = server.send(request).await?;
            if answer.status() == 401 && is_slow(is_known) {
                tokio::time::sleep(LONG).await;
            }
            Ok(answer)
        })
    };
    vec![
        wrong("unknown-email-is-refused-at-once", trips, "A login with an unknown e-mail address checks no hash.").instead(
            logs_in,
            async |request, server| match named_user(&request, server).await? {
                Some(_) => server.send(request).await,
                None => unauthorized(&request, server).await,
            },
        ),
        slow("wrong-password-takes-longer", "A login with a wrong password is held back.", |is_known| is_known),
        slow("unknown-email-takes-longer", "A login with an unknown e-mail address makes several hashes.", |is_known| !is_known),
    ]
}

fn me() -> Vec<Sabotage> {
    let trips = &["4.me"];
    let told = |name, breaks, spoil: fn(&mut Answer)| {
        wrong(name, trips, breaks).answer(asks_me, move |_, answer| {
            if answer.is_success() {
                spoil(answer)
            }
        })
    };
    vec![
        told("me-answers-404", "GET /me answers 404.", |answer| refuse(answer, 404, "There is no such route.")),
        told("me-answers-an-array", "GET /me answers an array.", |answer| answer.edit(|me| *me = json!([me]))),
        told("me-has-no-id", "GET /me leaves the id out.", |answer| {
            answer.edit(|me| drop(me.as_object_mut().map(|me| me.remove("id"))))
        }),
        told("me-has-no-email", "GET /me leaves the e-mail address out.", |answer| {
            answer.edit(|me| drop(me.as_object_mut().map(|me| me.remove("email"))))
        }),
        told("me-shows-another-name", "GET /me answers the e-mail address as the name.", |answer| {
            answer.edit(|me| me["name"] = me["email"].clone())
        }),
        told("me-has-an-id-of-its-own", "GET /me answers another id than the signup.", |answer| {
            answer.edit(|me| me["id"] = json!(me["id"].as_i64().unwrap_or_default() + 1000))
        }),
        wrong("me-is-always-the-first-user", trips, "GET /me answers the first user to everybody.").instead(
            asks_me,
            async |request, server| {
                let mut answer = server.send(request).await?;
                if answer.is_success() {
                    let first = first_user(server).await?;
                    let rows: Vec<(String,)> =
                        server.database().rows(&format!("SELECT email FROM users WHERE id = {first}")).await?;
                    answer.edit(|me| (me["id"], me["email"]) = (json!(first), json!(rows.first().map(|row| &row.0))));
                }
                Ok(answer)
            },
        ),
        wrong("me-shows-the-hash", trips, "GET /me shows the hash of the password.").instead(asks_me, async |request, server| {
            let user = super::caller(&request).unwrap_or_default();
            let mut answer = server.send(request).await?;
            if answer.is_success() {
                let find = format!("SELECT password_hash FROM users WHERE id = {user}");
                let rows: Vec<(Option<String>,)> = server.database().rows(&find).await?;
                answer.edit(|me| me["password_hash"] = json!(rows.first().map(|row| &row.0)));
            }
            Ok(answer)
        }),
        wrong("login-opens-the-first-account", trips, "Every login that succeeds opens the first account.").instead(
            logs_in,
            async |request, server| {
                let mut answer = server.send(request).await?;
                if answer.is_success() {
                    let token = jwt::of_user(first_user(server).await?);
                    answer.edit(|login| login["access_token"] = token.into());
                }
                Ok(answer)
            },
        ),
    ]
}
