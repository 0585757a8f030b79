//! Bodies that hold exactly what they may.

use serde_json::{Value, json};

use super::bodies::{Kind, Shape, shapes};
use super::{Untouched, expect_field, expect_unbroken};
use harness::api::Api;
use harness::check::{Check, check};
use harness::problem::expect_problem;
use model::Outcome;

/// Control characters; white space among them, which is trimmed only at the ends.
const CONTROLS: [char; 10] = ['\u{0}', '\u{1}', '\u{8}', '\t', '\n', '\u{1b}', '\u{1f}', '\u{7f}', '\u{80}', '\u{9f}'];
/// Those that a description must not hold either, be they white space or not.
const IN_NO_TEXT: [char; 8] = ['\u{0}', '\u{7}', '\u{b}', '\u{1b}', '\u{1f}', '\u{7f}', '\u{85}', '\u{9f}'];

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("5.unknown-field", "A field that is not in the contract is refused on every route with a body, and named")
            .book("strict-shapes")
            .hints(&[
                "Whoever sends `desription` believes that it is stored. Who tells them?",
                "`#[serde(deny_unknown_fields)]` above every type that is read from a body: signup and login too.",
                "`serde_path_to_error` knows where the unknown field stands. In an import its name begins with the habit's place: `0.extra`.",
            ])
            .proof(async |api| {
                let before = Untouched::now(api).await?;
                for shape in shapes(api, &before.habit).await? {
                    let unknown = format!("x{}", api.data.token(8));
                    for (field, value) in [(unknown.as_str(), json!("text")), (&unknown, json!(null)), (foisted(&shape), json!(1))] {
                        let answer = api.http.send(shape.with(field, value)).await?;
                        expect_field(&answer, &shape.named(field))?;
                    }
                }
                before.expect(api).await
            }),
        check("5.wrong-types", "A value of the wrong type is refused in every field of every body, and the field is named")
            .book("strict-shapes")
            .hints(&[
                "`7` is no name, `\"true\"` is not true, and one date is no list of dates.",
                "Let one extractor read all bodies: what it does for POST /habits holds for signup, login and import as well.",
            ])
            .proof(async |api| {
                let before = Untouched::now(api).await?;
                for shape in shapes(api, &before.habit).await? {
                    for (field, kind) in shape.fields {
                        for value in kind.others() {
                            expect_field(&api.http.send(shape.with(field, value)).await?, &shape.named(field))?;
                        }
                    }
                    for body in shape.others() {
                        expect_problem(&api.http.send(shape.with_body(body.to_string())).await?, [400, 422])?;
                    }
                }
                before.expect(api).await
            }),
        check(
            "5.control-characters",
            "Control characters are refused, in descriptions all but newline and tab, in passwords U+0000 alone",
        )
        .book("strict-shapes")
        .hints(&[
            "PostgreSQL cannot store U+0000 in a text; what does your server answer when it says so?",
            "`char::is_control` is true for U+0000–001F and U+007F–009F, and for nothing else.",
            "Names and addresses hold none of them, a description only `\\n` and `\\t`. A password may hold any but U+0000.",
        ])
        .proof(async |api| {
            let before = Untouched::now(api).await?;
            for shape in shapes(api, &before.habit).await? {
                // Nobody has this address and this password; that is no reason to ask the database for them and fail.
                for field in shape.fields.iter().map(|(field, _)| field).filter(|_| shape.path.ends_with("login")) {
                    let text = format!("{}\u{0}@{}.example.com", api.data.token(8), api.data.token(8));
                    expect_unbroken(&api.http.send(shape.with(field, json!(text))).await?)?;
                }
                for (field, kind) in shape.fields {
                    for control in refused(*kind, &shape) {
                        let text = match kind {
                            Kind::Email => format!("some{control}body@{}.example.com", api.data.token(8)),
                            _ => format!("{}{control}{}", api.data.token(8), api.data.token(8)),
                        };
                        let answer = api.http.send(shape.with(field, json!(text))).await?;
                        expect_field(&answer, &shape.named(field))?;
                    }
                }
            }
            before.expect(api).await?;
            lines_are_fine(api).await?;
            any_password_is_fine(api).await
        }),
    ]
}

/// What somebody may send who hopes that more is read than the contract says.
fn foisted(shape: &Shape) -> &'static str {
    if shape.path.starts_with("/auth") { "role" } else { "user_id" }
}

/// Characters that such a field must not hold.
fn refused(kind: Kind, shape: &Shape) -> &'static [char] {
    match kind {
        Kind::Name => &CONTROLS,
        // Nobody has such an address, so that a login may say that as well.
        Kind::Email if shape.path.ends_with("signup") => &CONTROLS,
        Kind::Description => &IN_NO_TEXT,
        Kind::Password if shape.path.ends_with("signup") => &CONTROLS[..1],
        Kind::Email | Kind::Password | Kind::Flag | Kind::Dates => &[],
    }
}

async fn lines_are_fine(api: &Api) -> Outcome {
    let text = format!("{}\n\t{}\n", api.data.token(8), api.data.token(8));
    let habit = api.create_described(&api.data.name(), &text).await?;
    let (answer, read) = api.read(&habit).await?;
    // A description may be trimmed or not.
    match read.get("description") {
        Value::String(kept) if kept == text || kept == text.trim() => Ok(()),
        kept => Err(answer.fail(format!("\"description\": {}", json!(text)), format!("\"description\": {kept}"))),
    }
}

async fn any_password_is_fine(api: &Api) -> Outcome {
    let (email, password) = (api.email(), format!("{}\u{1}\t\n\u{7f}\u{9f}", api.data.token(8)));
    api.sign_up(json!({ "email": email, "password": password })).await?.status(201)?;
    api.log_in(&email, &password).await?.status(200)?;
    Ok(())
}
