//! Passwords in logs, responses and tables.

use serde_json::Value;

use crate::api::routes::{has_password, logs_in, signs_up};
use crate::database::quote_literal;
use crate::http::{Request, Response};
use crate::sabotage::{Sabotage, wrong};

const TRIPS: &[&str] = &["4.password-nowhere"];

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [traces(), columns()].into_iter().flatten().collect()
}

fn traces() -> Vec<Sabotage> {
    let log = |name, breaks, when: fn(&Request) -> bool, line: fn(&Request) -> String| {
        wrong(name, TRIPS, breaks).request(when, move |request| eprintln!("{}", line(request)))
    };
    let on_error = |name, breaks, status: u16, show: fn(&Request, &mut Response)| {
        wrong(name, TRIPS, breaks).response(has_password, move |request, response| {
            if response.status() == status {
                show(request, response)
            }
        })
    };
    let body = |request: &Request| String::from_utf8_lossy(&request.body).into_owned();
    vec![
        log("signup-is-logged-with-its-body", "The body of a signup is logged.", signs_up, body),
        log("login-is-logged-with-its-body", "The body of a login is logged.", logs_in, body),
        log("password-is-logged-in-hex", "The body of a login is logged in hexadecimal.", logs_in, |request| {
            request.body.iter().map(|byte| format!("{byte:02x}")).collect()
        }),
        log("password-is-logged-in-base64", "The password of a login is logged in Base64.", logs_in, |request| {
            use base64::Engine;
            base64::engine::general_purpose::STANDARD.encode(request.text("password"))
        }),
        on_error("wrong-password-is-logged", "A wrong password is logged.", 401, |request, _| {
            eprintln!("wrong password: {}", request.text("password"));
        }),
        on_error("refused-password-is-logged", "An invalid password is logged.", 400, |request, _| {
            eprintln!("refused: {:?}", request.field("password"));
        }),
        on_error("unreadable-body-is-logged", "The body of a signup or login that is not JSON is logged.", 400, |request, _| {
            if request.json().is_none() {
                eprintln!("cannot read {}", String::from_utf8_lossy(&request.body));
            }
        }),
        on_error("refused-password-is-answered", "The 400 for an invalid password contains it.", 400, |request, response| {
            response.edit(|body| body["detail"] = format!("not good: {:?}", request.field("password")).into());
        }),
        on_error(
            "refused-signup-is-answered",
            "The 400 for an invalid e-mail address contains the whole signup.",
            400,
            |request, response| {
                if !request.text("email").contains('@') {
                    response.edit(|body| body["received"] = request.json().map_or(Value::Null, Value::Object));
                }
            },
        ),
        on_error("taken-signup-is-answered", "The 409 of a signup contains what was sent.", 409, |request, response| {
            response.edit(|body| body["received"] = request.json().map_or(Value::Null, Value::Object));
        }),
        on_error(
            "wrong-password-is-answered",
            "The 401 of a login contains the password in a header.",
            401,
            |request, response| {
                if request.text("password").is_ascii() {
                    response.set_header("x-tried", &request.text("password"));
                }
            },
        ),
    ]
}

fn columns() -> Vec<Sabotage> {
    let store = |name, breaks, when: fn(&Request) -> bool, status: u16| {
        wrong(name, TRIPS, breaks)
            .alter_tables("CREATE TABLE events (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text)")
            .instead(when, async move |request, upstream| {
                let response = upstream.send(request.clone()).await?;
                if response.status() == status {
                    let body = quote_literal(&String::from_utf8_lossy(&request.body));
                    upstream.database().run(&format!("INSERT INTO events (body) VALUES ({body})")).await?;
                }
                Ok(response)
            })
    };
    vec![
        store("signups-are-kept-for-the-record", "The body of every signup is stored in a table.", signs_up, 201),
        store("failed-logins-are-kept-for-the-record", "The body of every failed login is stored in a table.", logs_in, 401),
        store(
            "refused-signups-are-kept-for-the-record",
            "The body of every rejected signup is stored in a table.",
            signs_up,
            400,
        ),
    ]
}
