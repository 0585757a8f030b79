//! Passwords in logs, responses and tables.

use serde_json::Value;

use crate::api::routes::{has_password, logs_in, signs_up};
use crate::database::quote_literal;
use crate::http::{Request, Response};
use crate::sabotage::{Sabotage, wrong};

const NOWHERE: &[&str] = &["4.password-nowhere"];

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [traces(), columns()].into_iter().flatten().collect()
}

fn traces() -> Vec<Sabotage> {
    let logged = |name, breaks, when: fn(&Request) -> bool, line: fn(&Request) -> String| {
        wrong(name, NOWHERE, breaks).request(when, move |request| eprintln!("{}", line(request)))
    };
    let refused = |name, breaks, status: u16, show: fn(&Request, &mut Response)| {
        wrong(name, NOWHERE, breaks).response(has_password, move |request, response| {
            if response.status() == status {
                show(request, response)
            }
        })
    };
    let body = |request: &Request| String::from_utf8_lossy(&request.body).into_owned();
    vec![
        logged("signup-is-logged-with-its-body", "The body of a signup is logged.", signs_up, body),
        logged("login-is-logged-with-its-body", "The body of a login is logged.", logs_in, body),
        logged("password-is-logged-in-hex", "The bytes of a login are logged as hexadecimal digits.", logs_in, |request| {
            request.body.iter().map(|byte| format!("{byte:02x}")).collect()
        }),
        logged("password-is-logged-in-base64", "A password is logged in base64.", logs_in, |request| {
            use base64::Engine;
            base64::engine::general_purpose::STANDARD.encode(request.text("password"))
        }),
        refused("wrong-password-is-logged", "A password that is not the right one is logged.", 401, |request, _| {
            eprintln!("wrong password: {}", request.text("password"));
        }),
        refused("refused-password-is-logged", "A password that breaks a rule is logged.", 400, |request, _| {
            eprintln!("refused: {:?}", request.field("password"));
        }),
        refused("unreadable-body-is-logged", "A signup or login that is no JSON is logged as it came.", 400, |request, _| {
            if request.json().is_none() {
                eprintln!("cannot read {}", String::from_utf8_lossy(&request.body));
            }
        }),
        refused("refused-password-is-answered", "The refusal of a password shows it.", 400, |request, response| {
            response.edit(|body| body["detail"] = format!("not good: {:?}", request.field("password")).into());
        }),
        refused(
            "refused-signup-is-answered",
            "The refusal of an e-mail address shows the whole signup.",
            400,
            |request, response| {
                if !request.text("email").contains('@') {
                    response.edit(|body| body["received"] = request.json().map_or(Value::Null, Value::Object));
                }
            },
        ),
        refused("taken-signup-is-answered", "The 409 of a signup shows what was sent.", 409, |request, response| {
            response.edit(|body| body["received"] = request.json().map_or(Value::Null, Value::Object));
        }),
        refused(
            "wrong-password-is-answered",
            "The 401 of a login shows the password in a header field.",
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
    let stored = |name, breaks, when: fn(&Request) -> bool, status: u16| {
        wrong(name, NOWHERE, breaks)
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
        stored("signups-are-kept-for-the-record", "The body of every signup is kept in a table.", signs_up, 201),
        stored("failed-logins-are-kept-for-the-record", "The body of every login that fails is kept in a table.", logs_in, 401),
        stored(
            "refused-signups-are-kept-for-the-record",
            "The body of every signup that is refused is kept in a table.",
            signs_up,
            400,
        ),
    ]
}
