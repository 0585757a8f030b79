//! Texts that are changed, refused or run because of what stands in them.

use serde_json::Value;

use super::{any_field, edit_objects, edit_texts, has_body, writes_habit, wrong};
use crate::message::{Request, any};
use crate::sabotage::Sabotage;
use crate::step_03::{imports, refusal, refuse};
use crate::step_04::{caller, logs_in, sign_in, signs_up};

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
    wrong(name, trips, breaks).request(when, move |request| TEXTS.iter().for_each(|field| edit_texts(request, field, change)))
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
            .answer(any, |_, answer| {
                answer.edit_habits(|habit| {
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
        changed("patch-removes-semicolons", TRIPS, "PATCH removes semicolons from texts.", crate::message::patches, |text| {
            text.replace(';', "")
        }),
        changed("put-removes-quotes", TRIPS, "PUT removes single quotation marks from texts.", crate::message::puts, |text| {
            text.replace('\'', "")
        }),
        wrong("descriptions-are-escaped-alone", BOTH, "Single quotation marks are doubled in descriptions.")
            .request(writes, |request| edit_texts(request, "description", |text| text.replace('\'', "''"))),
    ]
}

fn refused() -> Vec<Sabotage> {
    let refuses = |name, breaks, when: fn(&Request) -> bool, fields: &'static [&'static str], is_odd: fn(&str) -> bool| {
        wrong(name, TRIPS, breaks).instead(
            move |request| {
                when(request) && fields.iter().any(|field| any_field(request, field, |text| text.as_str().is_some_and(is_odd)))
            },
            async |request, server| refusal(&request, server, 400, "That looks like an attack.").await,
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
        wrong("sleeping-answers-500", TRIPS, "pg_sleep in a text answers 500.").answer(
            |request| {
                has_body(request) && any_field(request, "name", |text| text.as_str().is_some_and(|it| it.contains("pg_sleep")))
            },
            |_, answer| refuse(answer, 500, "Something went wrong."),
        ),
    ]
}

fn users() -> Vec<Sabotage> {
    let edited = |name, breaks, when: fn(&Request) -> bool, field: &'static str, change: fn(&str) -> String| {
        wrong(name, TRIPS, breaks).request(when, move |request| edit_texts(request, field, change))
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
            |request| logs_in(request) && any_field(request, "password", |text| text == "' OR '1'='1"),
            async |request, server| {
                let first: Vec<(i64,)> = server.database().rows("SELECT min(id) FROM users WHERE id > 0").await?;
                let mut answer = server.send(request).await?;
                sign_in(&mut answer, first.first().map_or(0, |row| row.0));
                Ok(answer)
            },
        ),
        wrong("login-fails-at-a-quote", TRIPS, "A login with a quotation mark in an unknown address answers 500.").answer(
            |request| logs_in(request) && any_field(request, "email", |text| text.as_str().is_some_and(|it| it.contains('\''))),
            |_, answer| {
                if !answer.is_success() {
                    refuse(answer, 500, "Something went wrong.")
                }
            },
        ),
        wrong("quote-in-an-address-is-a-comment", TRIPS, "A login with ' -- behind an address needs no password.").instead(
            |request| {
                logs_in(request) && any_field(request, "email", |text| text.as_str().is_some_and(|it| it.ends_with("' --")))
            },
            async |mut request, server| {
                let email =
                    request.field("email").and_then(|email| email.as_str().map(|it| it.trim_end_matches("' --").to_owned()));
                edit_objects(&mut request, |body| drop(body.insert("password".into(), "not the one".into())));
                let find = format!("SELECT id FROM users WHERE email = {}", crate::step_03::quoted(&email.unwrap_or_default()));
                let rows: Vec<(i64,)> = server.database().rows(&find).await?;
                let mut answer = server.send(request).await?;
                if let Some((user,)) = rows.first() {
                    sign_in(&mut answer, *user);
                }
                Ok(answer)
            },
        ),
        wrong("names-are-run", TRIPS, "A name that ends a statement and begins DELETE is run, later.").instead(
            writes,
            async |request, server| {
                let answer = server.send(request.clone()).await?;
                let is_meant = |name: &Value| name.as_str().is_some_and(|name| name.contains("'); DELETE FROM"));
                if let Some(user) = caller(&request).filter(|_| answer.is_success() && any_field(&request, "name", is_meant)) {
                    server.database().run(&format!("DELETE FROM habits WHERE user_id = {user}")).await?;
                }
                Ok(answer)
            },
        ),
    ]
}
