//! Conflicts that leak internals of the database.

use crate::api::routes::{completes, creates, imports, patches};
use crate::http::Request;
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    let trips = &["3.no-internals"];
    let told = |name, breaks, when: fn(&Request) -> bool, text: &'static str| {
        wrong(name, trips, breaks).response(when, move |_, response| {
            if response.status() == 409 {
                response.edit(|problem| problem["detail"] = text.into())
            }
        })
    };
    let violation = "duplicate key value violates unique constraint \"habits_name_key\"";
    vec![
        told("conflict-shows-the-constraint", "The 409 of POST quotes the database's message.", creates, violation),
        told("conflict-of-patch-shows-the-constraint", "The 409 of PATCH quotes the database's message.", patches, violation),
        told("conflict-of-import-shows-the-constraint", "The 409 of an import quotes the database's message.", imports, violation),
        told("conflict-shows-the-key", "The 409 of POST shows the columns of the constraint.", creates, "Key (user_id, lower(name))=(28, walk) already exists."),
        told("conflict-shows-the-sql", "The 409 of POST shows the statement.", creates, "INSERT INTO habits (user_id, name) VALUES ($1, $2)"),
        told("conflict-shows-the-library", "The 409 of POST shows the library's error.", creates, "sqlx::Error: Database(PgDatabaseError)"),
        told("conflict-shows-the-sqlstate", "The 409 of POST shows the SQLSTATE.", creates, "ERROR: SQLSTATE 23505"),
        wrong("unknown-habit-shows-the-constraint", trips, "The 404 of PUT of a completion quotes the database's message.").response(
            completes,
            |_, response| {
                if response.status() == 404 {
                    response.edit(|problem| {
                        problem["detail"] =
                            "insert or update on table \"completions\" violates foreign key constraint \"completions_habit_id_fkey\"".into()
                    })
                }
            },
        ),
    ]
}
