//! Queries whose text is put together from what users send, however well it is quoted.

use crate::api::routes::{
    any, completes, completion, creates, habit_id, imports, lists, lists_completions, logs_in, patches, puts, reads, signs_up,
    uncompletes,
};
use crate::database::quote_literal;
use crate::http::Request;
use crate::sabotage::{Sabotage, wrong};

const TRIPS: &[&str] = &["5.parameters"];

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [texts(), users(), addresses()].into_iter().flatten().collect()
}

/// Asks the database whether there is such a row before the right server does its work.
fn asks(
    name: &'static str,
    breaks: &'static str,
    when: fn(&Request) -> bool,
    condition: impl Fn(&Request) -> Option<String> + 'static,
) -> Sabotage {
    wrong(name, TRIPS, breaks).instead(when, async move |request, upstream| {
        if let Some(condition) = condition(&request) {
            upstream.database().run(&format!("SELECT count(*) FROM {condition}")).await?;
        }
        upstream.send(request).await
    })
}

/// A text of the body as SQL writes it.
fn sent(request: &Request, field: &str) -> Option<String> {
    // PostgreSQL knows no U+0000.
    request.field(field)?.as_str().filter(|text| !text.contains('\0')).map(quote_literal)
}

fn texts() -> Vec<Sabotage> {
    let of_habits = |name, breaks, when, field: &'static str| {
        asks(name, breaks, when, move |request| Some(format!("habits WHERE {field} = {}", sent(request, field)?)))
    };
    vec![
        of_habits("post-asks-for-the-name", "POST looks for a habit by a query with the name in its text.", creates, "name"),
        of_habits("post-asks-for-the-description", "POST runs a query with the description in its text.", creates, "description"),
        of_habits("patch-asks-for-the-name", "PATCH looks for a habit by a query with the name in its text.", patches, "name"),
        of_habits(
            "patch-asks-for-the-description",
            "PATCH runs a query with the description in its text.",
            patches,
            "description",
        ),
        of_habits("put-asks-for-the-name", "PUT looks for a habit by a query with the name in its text.", puts, "name"),
        asks("import-asks-for-the-names", "An import runs one query with all names in its text.", imports, |request| {
            let names: Vec<String> = request
                .items()
                .iter()
                .filter_map(|item| item["name"].as_str().filter(|name| !name.contains('\0')).map(quote_literal))
                .collect();
            (!names.is_empty()).then(|| format!("habits WHERE name IN ({})", names.join(", ")))
        }),
        asks(
            "import-asks-for-the-last-description",
            "An import runs a query with the last description in its text.",
            imports,
            |request| {
                let text =
                    request.items().last()?["description"].as_str().filter(|text| !text.contains('\0')).map(quote_literal)?;
                Some(format!("habits WHERE description = {text}"))
            },
        ),
    ]
}

fn users() -> Vec<Sabotage> {
    let of_users = |name, breaks, when, field: &'static str| {
        asks(name, breaks, when, move |request| Some(format!("users WHERE {field} = {}", sent(request, field)?)))
    };
    vec![
        of_users(
            "signup-asks-for-the-address",
            "A signup looks for a user by a query with the address in its text.",
            signs_up,
            "email",
        ),
        of_users("signup-asks-for-the-name", "A signup runs a query with the user's name in its text.", signs_up, "name"),
        of_users(
            "login-asks-for-the-address",
            "A login looks for a user by a query with the address in its text.",
            logs_in,
            "email",
        ),
        asks("login-lets-the-database-compare", "A login runs a query with the password in its text.", logs_in, |request| {
            Some(format!("users WHERE password_hash = md5({})", sent(request, "password")?))
        }),
        asks("signup-lets-the-database-hash", "A signup runs a query with the password in its text.", signs_up, |request| {
            Some(format!("users WHERE password_hash = md5({})", sent(request, "password")?))
        }),
    ]
}

fn addresses() -> Vec<Sabotage> {
    vec![
        asks(
            "id-stands-in-a-query",
            "GET of a habit runs a query with the id in its text, be it a number or not.",
            reads,
            |request| Some(format!("habits WHERE id::text = {}", quote_literal(request.id_text()?))),
        ),
        asks(
            "number-stands-in-a-query",
            "Calls for a habit run a query with the id, once it is a number, in its text.",
            any,
            |request| habit_id(request).map(|id| format!("habits WHERE id = {id}")),
        ),
        asks(
            "date-stands-in-a-query",
            "PUT of a completion runs a query with the date, once it is one, in its text.",
            completes,
            |request| {
                let (id, day) = completion(request).filter(|(_, day)| is_date(day))?;
                Some(format!("completions WHERE habit_id = {} AND completed_on = {}", id.min(1), quote_literal(day)))
            },
        ),
        asks(
            "any-date-stands-in-a-query",
            "DELETE of a completion runs a query with what stands for the date.",
            uncompletes,
            |request| {
                completion(request).map(|(_, day)| format!("completions WHERE completed_on::text = {}", quote_literal(day)))
            },
        ),
        asks(
            "from-stands-in-a-query",
            "A range runs a query with `from`, once it is a date, in its text.",
            lists_completions,
            |request| {
                let from = request.query_parameter("from").filter(|day| is_date(day))?;
                Some(format!("completions WHERE completed_on >= {}", quote_literal(from)))
            },
        ),
        asks(
            "to-stands-in-a-query",
            "A range runs a query with what stands for `to` in its text.",
            lists_completions,
            |request| {
                request.query_parameter("to").map(|to| format!("completions WHERE completed_on::text <= {}", quote_literal(to)))
            },
        ),
        asks(
            "after-stands-in-a-query",
            "A page runs a query with `after`, once it is a number, in its text.",
            lists,
            |request| {
                let after: i64 = request.query_parameter("after")?.parse().ok()?;
                Some(format!("habits WHERE id > {after}"))
            },
        ),
        asks(
            "imported-dates-stand-in-a-query",
            "An import runs a query with the dates, once they are some, in its text.",
            imports,
            |request| {
                let items = request.items();
                let days = items.first()?["completions"].as_array()?;
                let day = days.iter().filter_map(|day| day.as_str()).find(|day| is_date(day))?;
                Some(format!("completions WHERE completed_on = {}", quote_literal(day)))
            },
        ),
    ]
}

/// Whether PostgreSQL takes it for a date of our era.
fn is_date(text: &str) -> bool {
    let parts: Vec<u32> = text.split('-').filter_map(|part| part.parse().ok()).collect();
    text.len() == "2026-01-31".len() && matches!(parts[..], [(1..), 1..=12, 1..=28])
}
