//! Conflicts whose error responses leak internals.

use crate::api::routes::{completes, creates, imports, patches};
use crate::http::Request;
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    let trips = &["3.no-internals"];
    let leak_in_409 = |name, breaks, when: fn(&Request) -> bool, text: &'static str| {
        wrong(name, trips, breaks).response(when, move |_, response| {
            if response.status() == 409 {
                response.edit(|problem| problem["detail"] = text.into())
            }
        })
    };
    let violation = "duplicate key value violates unique constraint \"habits_name_key\"";
    vec![
        leak_in_409("conflict-shows-the-constraint", "The 409 of POST shows the database's error message.", creates, violation),
        leak_in_409("conflict-of-patch-shows-the-constraint", "The 409 of PATCH shows the database's error message.", patches, violation),
        leak_in_409("conflict-of-import-shows-the-constraint", "The 409 of an import shows the database's error message.", imports, violation),
        leak_in_409("conflict-shows-the-key", "The 409 of POST shows the columns of the constraint.", creates, "Key (user_id, lower(name))=(28, walk) already exists."),
        leak_in_409("conflict-shows-the-sql", "The 409 of POST shows the SQL statement.", creates, "INSERT INTO habits (user_id, name) VALUES ($1, $2)"),
        leak_in_409("conflict-shows-the-library", "The 409 of POST shows the database library's error type.", creates, "sqlx::Error: Database(PgDatabaseError)"),
        leak_in_409("conflict-shows-the-sqlstate", "The 409 of POST shows the SQLSTATE.", creates, "ERROR: SQLSTATE 23505"),
        wrong("unknown-habit-shows-the-constraint", trips, "The 404 for PUT of a completion shows the database's error message.").response(
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
