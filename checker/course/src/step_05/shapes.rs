//! Strict validation of bodies: unknown fields, wrong types and control characters.

use serde_json::{Value, json};

use super::bodies::{Kind, Shape, shapes};
use super::{Stored, expect_field, expect_no_server_error};
use harness::api::Api;
use harness::check::{Check, check};
use harness::problem::expect_problem;
use model::Outcome;

/// Control characters, including white space, which is trimmed only at the ends.
const CONTROLS: [char; 10] = ['\u{0}', '\u{1}', '\u{8}', '\t', '\n', '\u{1b}', '\u{1f}', '\u{7f}', '\u{80}', '\u{9f}'];
/// Control characters that are invalid in a description too.
const NON_TEXT_CONTROLS: [char; 8] = ['\u{0}', '\u{7}', '\u{b}', '\u{1b}', '\u{1f}', '\u{7f}', '\u{85}', '\u{9f}'];

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("5.unknown-field", "Every route with a body rejects an unknown field, and the error names it")
            .book("strict-shapes")
            .hints(&[
                "A client that sends `desription` believes that the server stores it. How does the client learn about the typo?",
                "Put `#[serde(deny_unknown_fields)]` on every type that you deserialize from a body, signup and login included.",
                "`serde_path_to_error` gives you the path to the unknown field. In an import, it starts with the habit's index: `0.extra`.",
            ])
            .proof(async |api| {
                let before = Stored::now(api).await?;
                for shape in shapes(api, &before.habit).await? {
                    let unknown = format!("x{}", api.data.token(8));
                    for (field, value) in [(unknown.as_str(), json!("text")), (&unknown, json!(null)), (privileged_field(&shape), json!(1))] {
                        let response = api.http.send(shape.with(field, value)).await?;
                        expect_field(&response, &shape.error_field(field))?;
                    }
                }
                before.expect_unchanged(api).await
            }),
        check("5.wrong-types", "A value of the wrong type is rejected in every field of every body, and the error names the field")
            .book("strict-shapes")
            .hints(&[
                "`7` is not a name, `\"true\"` is not a boolean, and a single date is not an array of dates.",
                "Use one extractor for all bodies. What it does for POST /habits then applies to signup, login and import as well.",
            ])
            .proof(async |api| {
                let before = Stored::now(api).await?;
                for shape in shapes(api, &before.habit).await? {
                    for (field, kind) in shape.fields {
                        for value in kind.wrong_types() {
                            expect_field(&api.http.send(shape.with(field, value)).await?, &shape.error_field(field))?;
                        }
                    }
                    for body in shape.wrong_types() {
                        expect_problem(&api.http.send(shape.with_body(body.to_string())).await?, [400, 422])?;
                    }
                }
                before.expect_unchanged(api).await
            }),
        check(
            "5.control-characters",
            "Control characters are rejected: in descriptions all but newline and tab, in passwords only U+0000",
        )
        .book("strict-shapes")
        .hints(&[
            "PostgreSQL cannot store U+0000 in a text column. How does your server respond to this database error?",
            "`char::is_control` returns true for exactly U+0000–001F and U+007F–009F.",
            "Names and e-mail addresses may contain none of them, a description only `\\n` and `\\t`. A password may contain any character but U+0000.",
        ])
        .proof(async |api| {
            let before = Stored::now(api).await?;
            for shape in shapes(api, &before.habit).await? {
                // A login with U+0000 may respond 401 or 400, but the database must not fail on it.
                for field in shape.fields.iter().map(|(field, _)| field).filter(|_| shape.path.ends_with("login")) {
                    let text = format!("{}\u{0}@{}.example.com", api.data.token(8), api.data.token(8));
                    expect_no_server_error(&api.http.send(shape.with(field, json!(text))).await?)?;
                }
                for (field, kind) in shape.fields {
                    for control in invalid_controls(*kind, &shape) {
                        let text = match kind {
                            Kind::Email => format!("some{control}body@{}.example.com", api.data.token(8)),
                            _ => format!("{}{control}{}", api.data.token(8), api.data.token(8)),
                        };
                        let response = api.http.send(shape.with(field, json!(text))).await?;
                        expect_field(&response, &shape.error_field(field))?;
                    }
                }
            }
            before.expect_unchanged(api).await?;
            expect_lines_accepted(api).await?;
            expect_controls_in_password_accepted(api).await
        }),
    ]
}

/// A field that an attacker may add to gain privileges (mass assignment).
fn privileged_field(shape: &Shape) -> &'static str {
    if shape.path.starts_with("/auth") { "role" } else { "user_id" }
}

/// The control characters that are invalid in a field of this kind.
fn invalid_controls(kind: Kind, shape: &Shape) -> &'static [char] {
    match kind {
        Kind::Name => &CONTROLS,
        // A login with such an address may also respond 401, since no user has it.
        Kind::Email if shape.path.ends_with("signup") => &CONTROLS,
        Kind::Description => &NON_TEXT_CONTROLS,
        Kind::Password if shape.path.ends_with("signup") => &CONTROLS[..1],
        Kind::Email | Kind::Password | Kind::Flag | Kind::Dates => &[],
    }
}

async fn expect_lines_accepted(api: &Api) -> Outcome {
    let text = format!("{}\n\t{}\n", api.data.token(8), api.data.token(8));
    let habit = api.create_described(&api.data.name(), &text).await?;
    let (response, read) = api.read(&habit).await?;
    // The server may trim a description.
    match read.get("description") {
        Value::String(stored) if stored == text || stored == text.trim() => Ok(()),
        other => Err(response.fail(format!("\"description\": {}", json!(text)), format!("\"description\": {other}"))),
    }
}

async fn expect_controls_in_password_accepted(api: &Api) -> Outcome {
    let (email, password) = (api.email(), format!("{}\u{1}\t\n\u{7f}\u{9f}", api.data.token(8)));
    api.sign_up(json!({ "email": email, "password": password })).await?.status(201)?;
    api.log_in(&email, &password).await?.status(200)?;
    Ok(())
}
