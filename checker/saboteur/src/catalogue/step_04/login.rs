//! Wrong ways to log in.

use std::time::Duration;

use serde_json::{Value, json};

use crate::api::routes::logs_in;
use crate::api::users::{first_user, set_login, unauthorized, user_by_email};
use crate::database::quote_literal;
use crate::http::Response;
use crate::sabotage::{Sabotage, wrong};

/// Longer than hashing a password takes on a busy machine.
const LONG: Duration = Duration::from_millis(400);

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [responses(), error_responses(), timing()].into_iter().flatten().collect()
}

fn responses() -> Vec<Sabotage> {
    let trips = &["4.login"];
    let on_success = |name, breaks, change: fn(&mut Response)| {
        wrong(name, trips, breaks).response(logs_in, move |_, response| {
            if response.is_success() {
                change(response)
            }
        })
    };
    let set_field = |name, breaks, field: &'static str, value: Value| {
        wrong(name, trips, breaks).response(logs_in, move |_, response| {
            if response.is_success() {
                response.edit(|login| login[field] = value.clone());
            }
        })
    };
    vec![
        on_success("login-answers-201", "POST /auth/login answers 201 instead of 200.", |response| response.set_status(201)),
        on_success("login-answers-the-token-alone", "A login answers the token as a JSON string.", |response| {
            response.edit(|login| *login = login["access_token"].clone())
        }),
        on_success("login-calls-it-token", "A login answers the token in the field token.", |response| {
            response.edit(|login| {
                login["token"] = login["access_token"].take();
                login.as_object_mut().map(|login| login.remove("access_token"));
            })
        }),
        on_success("login-answers-the-token-in-a-header", "A login answers the token in a header, without a body.", |response| {
            let token = response.json().and_then(|login| login["access_token"].as_str().map(str::to_owned)).unwrap_or_default();
            response.set_header("authorization", &format!("Bearer {token}"));
            response.clear();
        }),
        set_field("login-has-no-type", "The token_type of a login is null.", "token_type", Value::Null),
        set_field("login-has-another-type", "The token_type of a login is JWT.", "token_type", json!("JWT")),
        set_field("login-does-not-say-how-long", "The expires_in of a login is null.", "expires_in", Value::Null),
        set_field("login-says-how-long-as-a-text", "The expires_in of a login is a string.", "expires_in", json!("1h")),
        set_field(
            "login-says-how-long-in-milliseconds",
            "The expires_in of a login is in milliseconds.",
            "expires_in",
            json!(3_600_000),
        ),
        set_field("login-gives-a-token-that-is-over", "The expires_in of a login is 0.", "expires_in", json!(0)),
        set_field("login-gives-a-token-that-is-none", "A login answers an invalid token.", "access_token", json!("token")),
        wrong("login-compares-emails-with-case", trips, "A login compares the e-mail address case-sensitively.").instead(
            logs_in,
            async |request, upstream| {
                let email = quote_literal(request.text("email").trim());
                match upstream.database().integer(&format!("SELECT id FROM users WHERE email = {email}")).await? {
                    Some(_) => upstream.send(request).await,
                    None => unauthorized(&request, upstream).await,
                }
            },
        ),
        wrong("right-password-is-refused", trips, "Every login is rejected.")
            .request(logs_in, |request| request.set_field("password", "another")),
    ]
}

fn error_responses() -> Vec<Sabotage> {
    let trips = &["4.login-wrong"][..];
    let on_401_of = |name, trips, breaks, change: fn(&mut Response, bool)| {
        wrong(name, trips, breaks).instead(logs_in, async move |request, upstream| {
            let is_known = user_by_email(&request, upstream).await?.is_some();
            let mut response = upstream.send(request).await?;
            if response.status() == 401 {
                change(&mut response, is_known);
            }
            Ok(response)
        })
    };
    let on_401 = |name, breaks, change| on_401_of(name, trips, breaks, change);
    vec![
        wrong("login-takes-any-password", &["4.login-wrong", "4.password-whole"], "A login with a wrong password succeeds.")
            .instead(logs_in, async |request, upstream| {
                let user = user_by_email(&request, upstream).await?;
                let mut response = upstream.send(request).await?;
                if let (401, Some(user)) = (response.status(), user) {
                    set_login(&mut response, user);
                }
                Ok(response)
            }),
        wrong(
            "login-takes-an-unknown-email",
            &["4.login-wrong", "4.delete-me"],
            "A login with an unknown e-mail address logs in as the first user.",
        )
        .instead(logs_in, async |request, upstream| {
            let is_known = user_by_email(&request, upstream).await?.is_some();
            let mut response = upstream.send(request).await?;
            if response.status() == 401 && !is_known {
                set_login(&mut response, first_user(upstream).await?);
            }
            Ok(response)
        }),
        wrong("login-asks-with-like", trips, "In the e-mail address of a login, _ and % are wildcards.").instead(
            logs_in,
            async |request, upstream| {
                let email = quote_literal(&request.text("email").to_lowercase());
                let user = upstream.database().integer(&format!("SELECT id FROM users WHERE lower(email) LIKE {email}")).await?;
                let mut response = upstream.send(request.clone()).await?;
                if let (401, Some(user), true) = (response.status(), user, email.contains('_')) {
                    set_login(&mut response, user);
                }
                Ok(response)
            },
        ),
        wrong(
            "wrong-password-answers-200",
            &["4.login-wrong", "4.password-whole", "4.delete-me"],
            "A failed login answers 200 and an error.",
        )
        .response(logs_in, |_, response| {
            if response.status() == 401 {
                response.set_status(200);
                response.set_json("application/json", &json!({ "error": "wrong e-mail address or password" }));
            }
        }),
        wrong("failed-login-answers-400", &["4.login-wrong", "4.password-whole", "4.delete-me"], "A failed login answers 400.")
            .response(logs_in, |_, response| {
                if response.status() == 401 {
                    response.set_problem(400, "The e-mail address or the password is wrong.")
                }
            }),
        on_401(
            "unknown-email-answers-other-words",
            "A failed login reveals in its detail whether the e-mail address is known.",
            move |response, is_known| {
                let detail = if is_known { "The password is wrong." } else { "There is nobody with this e-mail address." };
                response.edit(|body| body["detail"] = detail.into());
            },
        ),
        on_401_of(
            "unknown-email-answers-404",
            &["4.login-wrong", "4.delete-me"],
            "A login with an unknown e-mail address answers 404.",
            |response, is_known| {
                if !is_known {
                    response.set_problem(404, "There is nobody with this e-mail address.")
                }
            },
        ),
        on_401("wrong-password-answers-403", "A login with a wrong password answers 403.", |response, is_known| {
            if is_known {
                response.set_problem(403, "The password is wrong.")
            }
        }),
        on_401(
            "unknown-email-answers-another-title",
            "A login with an unknown e-mail address answers a different title.",
            |response, is_known| {
                if !is_known {
                    response.edit(|body| body["title"] = "Unknown user".into());
                }
            },
        ),
        on_401(
            "wrong-password-counts-tries",
            "A login with a wrong password answers the number of remaining attempts in a header.",
            |response, is_known| {
                if is_known {
                    response.set_header("x-tries-left", "4");
                }
            },
        ),
        on_401(
            "wrong-password-names-the-field",
            "A failed login reveals whether the e-mail address or the password is wrong.",
            |response, is_known| {
                let field = if is_known { "password" } else { "email" };
                response.edit(|body| body["errors"] = json!([{ "field": field, "message": "is wrong" }]));
            },
        ),
        on_401("failed-login-is-no-problem", "The 401 of a login is not problem details.", |response, _| {
            response.set_plain_error(401, "wrong e-mail address or password")
        }),
        on_401("failed-login-is-in-plain-text", "The 401 of a login is plain text.", |response, _| {
            response.set_body("text/plain", "wrong e-mail address or password")
        }),
        on_401("unknown-email-gets-a-hint", "A login with an unknown e-mail address answers a hint.", |response, is_known| {
            if !is_known {
                response.edit(|body| body["hint"] = "There is nobody with this e-mail address.".into());
            }
        }),
    ]
}

fn timing() -> Vec<Sabotage> {
    let trips = &["4.login-timing"];
    let delay = |name, breaks, is_delayed: fn(bool) -> bool| {
        wrong(name, trips, breaks).instead(logs_in, async move |request, upstream| {
            let is_known = user_by_email(&request, upstream).await?.is_some();
            let response = upstream.send(request).await?;
            if response.status() == 401 && is_delayed(is_known) {
                tokio::time::sleep(LONG).await;
            }
            Ok(response)
        })
    };
    vec![
        wrong(
            "unknown-email-is-refused-at-once",
            trips,
            "A login with an unknown e-mail address answers without hashing a password.",
        )
        .instead(logs_in, async |request, upstream| match user_by_email(&request, upstream).await? {
            Some(_) => upstream.send(request).await,
            None => unauthorized(&request, upstream).await,
        }),
        delay("wrong-password-takes-longer", "A login with a wrong password is delayed.", |is_known| is_known),
        delay("unknown-email-takes-longer", "A login with an unknown e-mail address is delayed.", |is_known| !is_known),
    ]
}
