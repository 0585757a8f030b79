//! Texts that are changed, refused or run because of what stands in them.

use serde_json::Value;

use crate::api::routes::{any, has_body, imports, logs_in, patches, puts, signs_up, writes_habit};
use crate::api::users::{caller, set_login};
use crate::database::quote_literal;
use crate::http::Request;
use crate::sabotage::{Sabotage, wrong};

const TRIPS: &[&str] = &["5.injection"];
/// A text of step 1 holds some of it, too.
const BOTH: &[&str] = &["5.injection", "1.text-fidelity"];
/// What texts of habits are kept in.
const TEXTS: [&str; 2] = ["name", "description"];

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [habits(), one_way(), refused(), users(), run()].into_iter().flatten().collect()
}

/// Changes the texts of a body.
fn changed(
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
    let changed = |name, trips, breaks, change| changed(name, trips, breaks, writes, change);
    vec![
        changed("words-of-sql-are-removed", TRIPS, "DROP TABLE and DELETE FROM are removed from texts.", |text| {
            text.replace("DROP TABLE ", "").replace("DELETE FROM ", "")
        }),
        changed("comments-of-sql-are-removed", TRIPS, "; -- is removed from texts.", |text| text.replace("; --", "")),
        changed("single-quotes-are-doubled", BOTH, "Single quotation marks are doubled before a text is bound.", |text| {
            text.replace('\'', "''")
        }),
        changed("single-quotes-are-removed", BOTH, "Single quotation marks are removed from texts.", |text| {
            text.replace('\'', "")
        }),
        changed("semicolons-are-removed", BOTH, "Semicolons are removed from texts.", |text| text.replace(';', "")),
        changed("scripts-are-removed", TRIPS, "Elements of HTML such as <script> are removed from texts.", |text| {
            text.replace("<script>", "").replace("</script>", "")
        }),
        changed("entities-are-read", BOTH, "&amp; and &lt; are read as & and <.", |text| {
            text.replace("&lt;", "<").replace("&amp;", "&")
        }),
        changed("percent-signs-are-read", TRIPS, "%27 is read as a single quotation mark.", |text| text.replace("%27", "'")),
        changed("percent-signs-are-formats", BOTH, "A percent sign is doubled for a format.", |text| text.replace('%', "%%")),
        changed("escapes-are-read-twice", TRIPS, "\\u0000 that stands in a text as six characters is removed.", |text| {
            text.replace("\\u0000", "")
        }),
        changed("templates-are-rendered", TRIPS, "{{7*7}} becomes 49.", |text| text.replace("{{7*7}}", "49")),
        changed("dots-of-paths-are-removed", TRIPS, "../ is removed from texts.", |text| text.replace("../", "")),
        changed("dollars-are-parameters", BOTH, "$1 in a text is taken for a parameter.", |text| text.replace("$1", "NULL")),
        wrong("answers-are-escaped-for-html", TRIPS, "Answers have texts escaped for HTML where they hold an element of it.")
            .response(any, |_, response| {
                response.edit_habits(|habit| {
                    for field in TEXTS {
                        if let Some(text) = habit.get(field).and_then(Value::as_str).filter(|text| text.contains("<script")) {
                            let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
                            habit.insert(field.into(), escaped.into());
                        }
                    }
                })
            }),
    ]
}

fn one_way() -> Vec<Sabotage> {
    vec![
        changed("import-doubles-quotes", TRIPS, "An import doubles single quotation marks.", imports, |text| {
            text.replace('\'', "''")
        }),
        changed("import-removes-markup", TRIPS, "An import removes what could be SQL or HTML from texts.", imports, |text| {
            text.replace(['<', '>', ';', '\'', '"', '%', '$', '/'], "")
        }),
        changed("patch-removes-semicolons", TRIPS, "PATCH removes semicolons from texts.", patches, |text| text.replace(';', "")),
        changed("put-removes-quotes", TRIPS, "PUT removes single quotation marks from texts.", puts, |text| {
            text.replace('\'', "")
        }),
        wrong("descriptions-are-escaped-alone", BOTH, "Single quotation marks are doubled in descriptions.")
            .request(writes, |request| request.edit_texts("description", |text| text.replace('\'', "''"))),
    ]
}

fn refused() -> Vec<Sabotage> {
    let refuses = |name, breaks, when: fn(&Request) -> bool, fields: &'static [&'static str], is_odd: fn(&str) -> bool| {
        wrong(name, TRIPS, breaks).instead(
            move |request| {
                when(request) && fields.iter().any(|field| request.any_field(field, |text| text.as_str().is_some_and(is_odd)))
            },
            async |request, upstream| upstream.problem(&request, 400, "That looks like an attack.").await,
        )
    };
    let is_sql = |text: &str| ["DROP TABLE", "DELETE FROM", "SELECT pg_sleep"].iter().any(|words| text.contains(words));
    vec![
        refuses("words-of-sql-are-refused", "A text with words of SQL is refused.", has_body, &TEXTS, is_sql),
        refuses("markup-is-refused", "A text with an element of HTML is refused.", has_body, &TEXTS, |text| {
            text.contains("<script>")
        }),
        refuses(
            "quotes-in-passwords-are-refused",
            "A password with a quotation mark is refused.",
            has_body,
            &["password"],
            |text| text.contains('\''),
        ),
        refuses(
            "quotes-in-addresses-are-refused",
            "An e-mail address with a quotation mark is refused.",
            signs_up,
            &["email"],
            |text| text.contains('\''),
        ),
        wrong("sleeping-answers-500", TRIPS, "pg_sleep in a text answers 500.").response(
            |request| {
                has_body(request) && request.any_field("name", |text| text.as_str().is_some_and(|it| it.contains("pg_sleep")))
            },
            |_, response| response.set_problem(500, "Something went wrong."),
        ),
    ]
}

fn users() -> Vec<Sabotage> {
    let edited = |name, breaks, when: fn(&Request) -> bool, field: &'static str, change: fn(&str) -> String| {
        wrong(name, TRIPS, breaks).request(when, move |request| request.edit_texts(field, change))
    };
    vec![
        edited(
            "names-of-users-lose-quotes",
            "Single quotation marks are removed from the names of users.",
            signs_up,
            "name",
            |name| name.replace('\'', ""),
        ),
        edited("names-of-users-lose-comments", "-- is removed from the names of users.", signs_up, "name", |name| {
            name.replace("--", "")
        }),
        edited(
            "addresses-lose-quotes",
            "Single quotation marks are removed from e-mail addresses.",
            has_body,
            "email",
            |email| email.replace('\'', ""),
        ),
        edited(
            "new-passwords-lose-backslashes",
            "A signup removes backslashes from the password.",
            signs_up,
            "password",
            |password| password.replace('\\', ""),
        ),
        edited(
            "login-doubles-quotes",
            "A login doubles single quotation marks of the password.",
            logs_in,
            "password",
            |password| password.replace('\'', "''"),
        ),
    ]
}

fn run() -> Vec<Sabotage> {
    vec![
        wrong("login-runs-what-it-gets", TRIPS, "A login with ' OR '1'='1 opens the first account.").instead(
            |request| logs_in(request) && request.any_field("password", |text| text == "' OR '1'='1"),
            async |request, upstream| {
                let first: Vec<(i64,)> = upstream.database().rows("SELECT min(id) FROM users WHERE id > 0").await?;
                let mut response = upstream.send(request).await?;
                set_login(&mut response, first.first().map_or(0, |row| row.0));
                Ok(response)
            },
        ),
        wrong("login-fails-at-a-quote", TRIPS, "A login with a quotation mark in an unknown address answers 500.").response(
            |request| logs_in(request) && request.any_field("email", |text| text.as_str().is_some_and(|it| it.contains('\''))),
            |_, response| {
                if !response.is_success() {
                    response.set_problem(500, "Something went wrong.")
                }
            },
        ),
        wrong("quote-in-an-address-is-a-comment", TRIPS, "A login with ' -- behind an address needs no password.").instead(
            |request| logs_in(request) && request.any_field("email", |text| text.as_str().is_some_and(|it| it.ends_with("' --"))),
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
        wrong("names-are-run", TRIPS, "A name that ends a statement and begins DELETE is run, later.").instead(
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
