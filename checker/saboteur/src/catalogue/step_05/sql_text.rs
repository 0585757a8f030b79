//! Queries with values from requests in their text instead of in parameters, even if they are quoted correctly.

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
    [habits(), users(), paths_and_queries()].into_iter().flatten().collect()
}

/// Runs a query with this condition before the upstream server gets the request.
fn query(
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

/// A string field of the body as an SQL literal.
fn literal(request: &Request, field: &str) -> Option<String> {
    // PostgreSQL does not support U+0000.
    request.field(field)?.as_str().filter(|text| !text.contains('\0')).map(quote_literal)
}

fn habits() -> Vec<Sabotage> {
    let of_habits = |name, breaks, when, field: &'static str| {
        query(name, breaks, when, move |request| Some(format!("habits WHERE {field} = {}", literal(request, field)?)))
    };
    vec![
        of_habits("post-asks-for-the-name", "POST puts the name into the text of a query.", creates, "name"),
        of_habits("post-asks-for-the-description", "POST puts the description into the text of a query.", creates, "description"),
        of_habits("patch-asks-for-the-name", "PATCH puts the name into the text of a query.", patches, "name"),
        of_habits(
            "patch-asks-for-the-description",
            "PATCH puts the description into the text of a query.",
            patches,
            "description",
        ),
        of_habits("put-asks-for-the-name", "PUT puts the name into the text of a query.", puts, "name"),
        query("import-asks-for-the-names", "An import puts all names into the text of a query.", imports, |request| {
            let names: Vec<String> = request
                .items()
                .iter()
                .filter_map(|item| item["name"].as_str().filter(|name| !name.contains('\0')).map(quote_literal))
                .collect();
            (!names.is_empty()).then(|| format!("habits WHERE name IN ({})", names.join(", ")))
        }),
        query(
            "import-asks-for-the-last-description",
            "An import puts the last description into the text of a query.",
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
        query(name, breaks, when, move |request| Some(format!("users WHERE {field} = {}", literal(request, field)?)))
    };
    vec![
        of_users("signup-asks-for-the-address", "A signup puts the e-mail address into the text of a query.", signs_up, "email"),
        of_users("signup-asks-for-the-name", "A signup puts the user's name into the text of a query.", signs_up, "name"),
        of_users("login-asks-for-the-address", "A login puts the e-mail address into the text of a query.", logs_in, "email"),
        query("login-lets-the-database-compare", "A login puts the password into the text of a query.", logs_in, |request| {
            Some(format!("users WHERE password_hash = md5({})", literal(request, "password")?))
        }),
        query("signup-lets-the-database-hash", "A signup puts the password into the text of a query.", signs_up, |request| {
            Some(format!("users WHERE password_hash = md5({})", literal(request, "password")?))
        }),
    ]
}

fn paths_and_queries() -> Vec<Sabotage> {
    vec![
        query("id-stands-in-a-query", "GET of a habit puts an unvalidated id into the text of a query.", reads, |request| {
            Some(format!("habits WHERE id::text = {}", quote_literal(request.id_text()?)))
        }),
        query("number-stands-in-a-query", "All routes of a habit put a validated id into the text of a query.", any, |request| {
            habit_id(request).map(|id| format!("habits WHERE id = {id}"))
        }),
        query(
            "date-stands-in-a-query",
            "PUT of a completion puts a validated date into the text of a query.",
            completes,
            |request| {
                let (id, day) = completion(request).filter(|(_, day)| is_date(day))?;
                Some(format!("completions WHERE habit_id = {} AND completed_on = {}", id.min(1), quote_literal(day)))
            },
        ),
        query(
            "any-date-stands-in-a-query",
            "DELETE of a completion puts an unvalidated date into the text of a query.",
            uncompletes,
            |request| {
                completion(request).map(|(_, day)| format!("completions WHERE completed_on::text = {}", quote_literal(day)))
            },
        ),
        query(
            "from-stands-in-a-query",
            "GET of completions puts a validated `from` into the text of a query.",
            lists_completions,
            |request| {
                let from = request.query_parameter("from").filter(|day| is_date(day))?;
                Some(format!("completions WHERE completed_on >= {}", quote_literal(from)))
            },
        ),
        query(
            "to-stands-in-a-query",
            "GET of completions puts an unvalidated `to` into the text of a query.",
            lists_completions,
            |request| {
                request.query_parameter("to").map(|to| format!("completions WHERE completed_on::text <= {}", quote_literal(to)))
            },
        ),
        query("after-stands-in-a-query", "A page puts a validated `after` into the text of a query.", lists, |request| {
            let after: i64 = request.query_parameter("after")?.parse().ok()?;
            Some(format!("habits WHERE id > {after}"))
        }),
        query(
            "imported-dates-stand-in-a-query",
            "An import puts a validated date into the text of a query.",
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

/// Whether PostgreSQL accepts a text as a date of our era.
fn is_date(text: &str) -> bool {
    let parts: Vec<u32> = text.split('-').filter_map(|part| part.parse().ok()).collect();
    text.len() == "2026-01-31".len() && matches!(parts[..], [(1..), 1..=12, 1..=28])
}
