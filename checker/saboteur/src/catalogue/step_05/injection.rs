//! Text that is changed, rejected or executed because of its content.

use serde_json::Value;

use crate::api::routes::{any, has_body, imports, logs_in, patches, puts, signs_up, writes_habit};
use crate::api::users::{caller, set_login};
use crate::database::quote_literal;
use crate::http::Request;
use crate::sabotage::{Sabotage, wrong};

const TRIPS: &[&str] = &["5.injection"];
/// A text of step 1 contains such characters, too.
const BOTH: &[&str] = &["5.injection", "1.text-fidelity"];
/// The text fields of a habit.
const TEXTS: [&str; 2] = ["name", "description"];

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [habits(), single_routes(), rejected(), users(), executed()].into_iter().flatten().collect()
}

/// Changes the text fields of the habits in a body.
fn change_texts(
    name: &'static str,
    trips: &'static [&'static str],
    breaks: &'static str,
    when: fn(&Request) -> bool,
    change: fn(&str) -> String,
) -> Sabotage {
    wrong(name, trips, breaks).request(when, move |request| TEXTS.iter().for_each(|field| request.edit_texts(field, change)))
}

fn writes(request: &Request) -> bool {
    writes_habit(request) || imports(request)
}

fn habits() -> Vec<Sabotage> {
    let change_texts = |name, trips, breaks, change| change_texts(name, trips, breaks, writes, change);
    vec![
        change_texts("words-of-sql-are-removed", TRIPS, "DROP TABLE and DELETE FROM are removed from text.", |text| {
            text.replace("DROP TABLE ", "").replace("DELETE FROM ", "")
        }),
        change_texts("comments-of-sql-are-removed", TRIPS, "; -- is removed from text.", |text| text.replace("; --", "")),
        change_texts("single-quotes-are-doubled", BOTH, "Single quotes in text are doubled.", |text| text.replace('\'', "''")),
        change_texts("single-quotes-are-removed", BOTH, "Single quotes are removed from text.", |text| text.replace('\'', "")),
        change_texts("semicolons-are-removed", BOTH, "Semicolons are removed from text.", |text| text.replace(';', "")),
        change_texts("scripts-are-removed", TRIPS, "<script> elements are removed from text.", |text| {
            text.replace("<script>", "").replace("</script>", "")
        }),
        change_texts("entities-are-read", BOTH, "The HTML entities &amp; and &lt; are decoded.", |text| {
            text.replace("&lt;", "<").replace("&amp;", "&")
        }),
        change_texts("percent-signs-are-read", TRIPS, "%27 is decoded to a single quote.", |text| text.replace("%27", "'")),
        change_texts("percent-signs-are-formats", BOTH, "Percent signs in text are doubled.", |text| text.replace('%', "%%")),
        change_texts("escapes-are-read-twice", TRIPS, "The six characters \\u0000 are removed from text.", |text| {
            text.replace("\\u0000", "")
        }),
        change_texts("templates-are-rendered", TRIPS, "{{7*7}} is rendered as 49.", |text| text.replace("{{7*7}}", "49")),
        change_texts("dots-of-paths-are-removed", TRIPS, "../ is removed from text.", |text| text.replace("../", "")),
        change_texts("dollars-are-parameters", BOTH, "$1 in text is replaced as if it were a parameter.", |text| {
            text.replace("$1", "NULL")
        }),
        wrong("answers-are-escaped-for-html", TRIPS, "Responses escape text that contains <script> for HTML.").response(
            any,
            |_, response| {
                response.edit_habits(|habit| {
                    for field in TEXTS {
                        if let Some(text) = habit.get(field).and_then(Value::as_str).filter(|text| text.contains("<script")) {
                            let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
                            habit.insert(field.into(), escaped.into());
                        }
                    }
                })
            },
        ),
    ]
}

fn single_routes() -> Vec<Sabotage> {
    vec![
        change_texts("import-doubles-quotes", TRIPS, "An import doubles single quotes.", imports, |text| {
            text.replace('\'', "''")
        }),
        change_texts(
            "import-removes-markup",
            TRIPS,
            "An import removes the special characters of SQL and HTML from text.",
            imports,
            |text| text.replace(['<', '>', ';', '\'', '"', '%', '$', '/'], ""),
        ),
        change_texts("patch-removes-semicolons", TRIPS, "PATCH removes semicolons from text.", patches, |text| {
            text.replace(';', "")
        }),
        change_texts("put-removes-quotes", TRIPS, "PUT removes single quotes from text.", puts, |text| text.replace('\'', "")),
        wrong("descriptions-are-escaped-alone", BOTH, "Single quotes in descriptions are doubled.")
            .request(writes, |request| request.edit_texts("description", |text| text.replace('\'', "''"))),
    ]
}

fn rejected() -> Vec<Sabotage> {
    let reject = |name, breaks, when: fn(&Request) -> bool, fields: &'static [&'static str], is_odd: fn(&str) -> bool| {
        wrong(name, TRIPS, breaks).instead(
            move |request| {
                when(request) && fields.iter().any(|field| request.any_field(field, |text| text.as_str().is_some_and(is_odd)))
            },
            async |request, upstream| upstream.problem(&request, 400, "That looks like an attack.").await,
        )
    };
    let is_sql = |text: &str| ["DROP TABLE", "DELETE FROM", "SELECT pg_sleep"].iter().any(|words| text.contains(words));
    vec![
        reject("words-of-sql-are-refused", "Text that contains SQL is rejected.", has_body, &TEXTS, is_sql),
        reject("markup-is-refused", "Text that contains <script> is rejected.", has_body, &TEXTS, |text| {
            text.contains("<script>")
        }),
        reject(
            "quotes-in-passwords-are-refused",
            "A password that contains a single quote is rejected.",
            has_body,
            &["password"],
            |text| text.contains('\''),
        ),
        reject(
            "quotes-in-addresses-are-refused",
            "An e-mail address that contains a single quote is rejected.",
            signs_up,
            &["email"],
            |text| text.contains('\''),
        ),
        wrong("sleeping-answers-500", TRIPS, "A name that contains pg_sleep answers 500.").response(
            |request| {
                has_body(request) && request.any_field("name", |text| text.as_str().is_some_and(|it| it.contains("pg_sleep")))
            },
            |_, response| response.set_problem(500, "Something went wrong."),
        ),
    ]
}

fn users() -> Vec<Sabotage> {
    let edit = |name, breaks, when: fn(&Request) -> bool, field: &'static str, change: fn(&str) -> String| {
        wrong(name, TRIPS, breaks).request(when, move |request| request.edit_texts(field, change))
    };
    vec![
        edit("names-of-users-lose-quotes", "Single quotes are removed from users' names.", signs_up, "name", |name| {
            name.replace('\'', "")
        }),
        edit("names-of-users-lose-comments", "-- is removed from users' names.", signs_up, "name", |name| name.replace("--", "")),
        edit("addresses-lose-quotes", "Single quotes are removed from e-mail addresses.", has_body, "email", |email| {
            email.replace('\'', "")
        }),
        edit(
            "new-passwords-lose-backslashes",
            "A signup removes backslashes from the password.",
            signs_up,
            "password",
            |password| password.replace('\\', ""),
        ),
        edit("login-doubles-quotes", "A login doubles single quotes in the password.", logs_in, "password", |password| {
            password.replace('\'', "''")
        }),
    ]
}

fn executed() -> Vec<Sabotage> {
    vec![
        wrong("login-runs-what-it-gets", TRIPS, "A login with the password ' OR '1'='1 logs in as the first user.").instead(
            |request| logs_in(request) && request.any_field("password", |text| text == "' OR '1'='1"),
            async |request, upstream| {
                let first: Vec<(i64,)> = upstream.database().rows("SELECT min(id) FROM users WHERE id > 0").await?;
                let mut response = upstream.send(request).await?;
                set_login(&mut response, first.first().map_or(0, |row| row.0));
                Ok(response)
            },
        ),
        wrong("login-fails-at-a-quote", TRIPS, "A login with a single quote in an unknown e-mail address answers 500.").response(
            |request| logs_in(request) && request.any_field("email", |text| text.as_str().is_some_and(|it| it.contains('\''))),
            |_, response| {
                if !response.is_success() {
                    response.set_problem(500, "Something went wrong.")
                }
            },
        ),
        wrong("quote-in-an-address-is-a-comment", TRIPS, "A login with ' -- after the e-mail address needs no password.")
            .instead(
                |request| {
                    logs_in(request) && request.any_field("email", |text| text.as_str().is_some_and(|it| it.ends_with("' --")))
                },
                async |mut request, upstream| {
                    let email =
                        request.field("email").and_then(|email| email.as_str().map(|it| it.trim_end_matches("' --").to_owned()));
                    request.edit_objects(|body| drop(body.insert("password".into(), "not the one".into())));
                    let find = format!("SELECT id FROM users WHERE email = {}", quote_literal(&email.unwrap_or_default()));
                    let rows: Vec<(i64,)> = upstream.database().rows(&find).await?;
                    let mut response = upstream.send(request).await?;
                    if let Some((user,)) = rows.first() {
                        set_login(&mut response, *user);
                    }
                    Ok(response)
                },
            ),
        wrong("names-are-run", TRIPS, "A name that contains '); DELETE FROM is executed.").instead(
            writes,
            async |request, upstream| {
                let response = upstream.send(request.clone()).await?;
                let is_meant = |name: &Value| name.as_str().is_some_and(|name| name.contains("'); DELETE FROM"));
                if let Some(user) = caller(&request).filter(|_| response.is_success() && request.any_field("name", is_meant)) {
                    upstream.database().run(&format!("DELETE FROM habits WHERE user_id = {user}")).await?;
                }
                Ok(response)
            },
        ),
    ]
}
