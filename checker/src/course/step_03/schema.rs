//! What the database itself holds and refuses. What is tried out here is taken back.

use super::{complete, days_ago};
use crate::course::api::Api;
use crate::course::check::{Check, check};
use crate::course::database::{Refusal, Rehearsal, Store, quoted};
use crate::outcome::{Outcome, Stop};

/// The tables, with the columns that the contract names.
const TABLES: [(&str, &[&str]); 3] =
    [("users", &["id", "email"]), ("habits", &["id", "user_id", "name"]), ("completions", &["habit_id", "completed_on"])];

/// What a single row is made from.
const ONE: &str = "(SELECT) AS one";

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("3.tables", "There are tables users, habits and completions, with the columns of the contract")
            .book("tables-rows-columns")
            .hints(&[
                "The names count: `users.id, email`, `habits.id, user_id, name`, `completions.habit_id, completed_on`.",
                "A table has as many more columns as you like; give each a default, or let your server fill it.",
            ])
            .proof(async |api| {
                let store = api.store()?;
                for (table, columns) in TABLES {
                    let found = store.columns(table).await?;
                    if found.is_empty() {
                        return Err(Stop::fail(format!("a table {table}"), "no such table"));
                    }
                    if let Some(missing) = columns.iter().find(|column| found.iter().all(|other| other != *column)) {
                        let actual = format!("the table {table} with {}", found.join(", "));
                        return Err(Stop::fail(format!("a column {table}.{missing}"), actual));
                    }
                }
                // Memory answers requests as well; a table only fills when it is used.
                let habit = api.any_habit().await?;
                match store.count(&format!("FROM habits WHERE id = {}", habit.id)).await? {
                    1 => Ok(()),
                    count => Err(Stop::fail(format!("one row of habits with id {}", habit.id), format!("{count} such rows"))),
                }
            }),
        check("3.primary-keys", "Each of the three tables has a primary key")
            .needs(&["3.tables"])
            .book("keys")
            .hints(&[
                "What tells one row from every other? For a habit it is the id; for a completion it can be two columns together.",
                "`id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY`, and `PRIMARY KEY (habit_id, completed_on)`.",
            ])
            .proof(async |api| {
                let store = api.store()?;
                for (table, _) in TABLES {
                    let key = format!("FROM pg_index WHERE indisprimary AND indrelid = to_regclass('{table}')");
                    if store.count(&key).await? == 0 {
                        return Err(Stop::fail(format!("a primary key of {table}"), format!("the table {table} without one")));
                    }
                }
                Ok(())
            }),
        check("3.foreign-keys", "A habit has a user and a completion has a habit: the database refuses rows without")
            .needs(&["3.tables"])
            .book("keys")
            .hints(&[
                "Whatever your code gets wrong, the database should never hold a completion of a habit that does not exist.",
                "`REFERENCES users (id)` behind `habits.user_id`, and `REFERENCES habits (id)` behind `completions.habit_id`.",
            ])
            .proof(async |api| {
                let habit = api.any_habit().await?;
                complete(api, &habit, days_ago(1)).await?;
                api.store()?
                    .rehearse(async |sql| {
                        let nobody = sql.unknown_id("users").await?;
                        let orphan = format!("UPDATE habits SET user_id = {nobody} WHERE id = {}", habit.id);
                        refused(sql, &orphan, "a habit of a user that does not exist").await?;
                        let nothing = sql.unknown_id("habits").await?;
                        let orphan = format!("UPDATE completions SET habit_id = {nothing} WHERE habit_id = {}", habit.id);
                        refused(sql, &orphan, "a completion of a habit that does not exist").await
                    })
                    .await
            }),
        check("3.cascade", "A deleted user takes the habits along, and a deleted habit its completions")
            .needs(&["3.tables"])
            .book("keys")
            .hints(&[
                "What should become of the completions when their habit is deleted? A foreign key can say it.",
                "`REFERENCES habits (id) ON DELETE CASCADE`, and the same for `users`.",
            ])
            .proof(async |api| {
                let (habit, other) = (api.any_habit().await?, api.any_habit().await?);
                complete(api, &habit, days_ago(1)).await?;
                complete(api, &other, days_ago(1)).await?;
                let store = api.store()?;
                store
                    .rehearse(async |sql| {
                        taken_along(sql, "habits", &habit.id.to_string(), "completions", "habit_id").await?;
                        let owner = format!("SELECT user_id FROM habits WHERE id = {}", other.id);
                        let owner = sql.run(&owner).await?.into_iter().flatten().flatten().next().unwrap_or_default();
                        let owner = quoted(&owner);
                        taken_along(sql, "users", &owner, "habits", "user_id").await?;
                        expect_no_rows(sql, &format!("FROM completions WHERE habit_id = {}", other.id)).await
                    })
                    .await?;
                api.delete(habit.path()).await?.status(204)?;
                match store.count(&format!("FROM completions WHERE habit_id = {}", habit.id)).await? {
                    0 => Ok(()),
                    left => Err(Stop::fail("no completion of a deleted habit", format!("rows left in completions: {left}"))),
                }
            }),
        check("3.not-null", "user_id, name, habit_id, completed_on and email refuse NULL")
            .needs(&["3.tables"])
            .book("constraints")
            .hints(&[
                "A column takes NULL unless it says otherwise. Which of yours may be unknown?",
                "`NOT NULL` behind the type. What belongs to a primary key refuses NULL anyway.",
            ])
            .proof(async |api| {
                let habit = api.any_habit().await?;
                complete(api, &habit, days_ago(1)).await?;
                let row = format!("id = {}", habit.id);
                let owner = format!("id = (SELECT user_id FROM habits WHERE {row})");
                let completion = format!("habit_id = {}", habit.id);
                let columns = [
                    ("habits", "user_id", &row),
                    ("habits", "name", &row),
                    ("completions", "habit_id", &completion),
                    ("completions", "completed_on", &completion),
                    ("users", "email", &owner),
                ];
                api.store()?
                    .rehearse(async |sql| {
                        for (table, column, row) in columns {
                            let empty = format!("UPDATE {table} SET {column} = NULL WHERE {row}");
                            refused(sql, &empty, &format!("NULL in {table}.{column}")).await?;
                        }
                        Ok(())
                    })
                    .await
            }),
        check("3.unique-day", "The database itself refuses a second completion of a habit on one day")
            .needs(&["3.tables"])
            .book("constraints")
            .hints(&[
                "Two requests at once can both look, find nothing, and both insert. Only the database sees them both.",
                "A primary key or a `UNIQUE` constraint over `(habit_id, completed_on)`.",
            ])
            .proof(async |api| {
                let (habit, other) = (api.any_habit().await?, api.any_habit().await?);
                let (first, second) = (days_ago(2), days_ago(1));
                for (habit, day) in [(&habit, first), (&habit, second), (&other, first), (&other, second)] {
                    complete(api, habit, day).await?.status(201)?;
                }
                let again = format!("UPDATE completions SET completed_on = '{first}' WHERE habit_id = {}", habit.id);
                let again = format!("{again} AND completed_on = '{second}'");
                let what = format!("a second completion of habit {} on {first}", habit.id);
                api.store()?.rehearse(async |sql| refused(sql, &again, &what).await).await
            }),
        check("3.unique-name", "A name is taken for its own user: a habit of another user may have it")
            .needs(&["3.tables"])
            .book("constraints")
            .hints(&[
                "There is one user now and there will be many. Whose habits does your constraint compare?",
                "A unique index over `(user_id, lower(name))`, not over `lower(name)` alone.",
            ])
            .proof(async |api| {
                api.any_habit().await?;
                let store = api.store()?;
                let email = quoted(&format!("{}@example.com", api.data.token(8)));
                let outcome = name_of_another(api, store, &email).await;
                // The list of a server that knows one user only may show everybody's habits.
                let owner = format!("user_id IN (SELECT id FROM users WHERE email = {email})");
                store.rows(&format!("DELETE FROM habits WHERE {owner}; DELETE FROM users WHERE email = {email}")).await?;
                outcome
            }),
        check("3.owner-index", "An index begins with habits.user_id")
            .needs(&["3.tables"])
            .book("indexes")
            .hints(&[
                "Every list asks for the habits of one user. A foreign key brings no index on its own side.",
                "`CREATE INDEX ON habits (user_id)`; an index over `(user_id, …)` does as well, over `(…, user_id)` it does not.",
            ])
            .proof(async |api| {
                let store = api.store()?;
                let led = "FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0] \
                           WHERE indrelid = to_regclass('habits') AND attname = 'user_id' AND indisvalid";
                if store.count(led).await? > 0 {
                    return Ok(());
                }
                let all = "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = to_regclass('habits')";
                let all: Vec<String> = store.rows(all).await?.into_iter().flatten().flatten().collect();
                let actual = if all.is_empty() { "no index at all".into() } else { all.join("\n") };
                Err(Stop::fail("an index of habits that begins with user_id", actual))
            }),
    ]
}

/// Lays a habit of a new user with this e-mail, and creates one of the same name.
async fn name_of_another(api: &Api, store: &Store, email: &str) -> Outcome {
    let name = api.data.name();
    let user = store.insert("users", &[("email", email)], ONE).await?;
    user.map_err(|refusal| not_taken("a second user", &refusal))?;
    let owner = format!("(SELECT id FROM users WHERE email = {email})");
    let habit = store.insert("habits", &[("user_id", &owner), ("name", &quoted(&name))], ONE).await?;
    habit.map_err(|refusal| not_taken("a habit of a second user", &refusal))?;
    api.create(&name).await.map(drop)
}

/// Fails unless a constraint refuses a statement; `what` says what it would store.
async fn refused(sql: &mut Rehearsal<'_>, statement: &str, what: &str) -> Outcome {
    match sql.attempt(statement).await? {
        Err(refusal) if refusal.is_by_constraint() => Ok(()),
        Err(refusal) => Err(not_taken(what, &refusal)),
        Ok(()) => Err(Stop::fail(format!("a database that refuses {what}"), "a database that stores it")),
    }
}

/// Deletes a row of `parent`, and fails unless the rows of `child` that refer to it go with it.
async fn taken_along(sql: &mut Rehearsal<'_>, parent: &str, id: &str, child: &str, reference: &str) -> Outcome {
    if let Err(refusal) = sql.attempt(&format!("DELETE FROM {parent} WHERE id = {id}")).await? {
        let expected = format!("a row of {parent} that takes its {child} along when it is deleted");
        return Err(Stop::fail(expected, format!("the database refuses to delete it: {}", refusal.message)));
    }
    expect_no_rows(sql, &format!("FROM {child} WHERE {reference} = {id}")).await
}

async fn expect_no_rows(sql: &mut Rehearsal<'_>, from: &str) -> Outcome {
    match sql.count(from).await? {
        0 => Ok(()),
        left => Err(Stop::fail(format!("no row left: {from}"), format!("{left} rows"))),
    }
}

/// A statement that nothing but a wrong schema refuses in this way.
fn not_taken(what: &str, refusal: &Refusal) -> Stop {
    Stop::fail(format!("a database in which one can try to store {what}"), format!("it says: {}", refusal.message))
}
