//! Wrong ways to migrate the database at the start.

use std::cell::Cell;
use std::rc::Rc;

use crate::database::{Database, DatabaseError};
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [again(), parallel()].into_iter().flatten().collect()
}

fn again() -> Vec<Sabotage> {
    let again = &["3.migrations-again"];
    let at_second_start = |name, breaks, sql: &'static str| {
        wrong(name, again, breaks).after_start(async move |database| match is_first_start(database).await? {
            true => Ok(()),
            false => database.run(sql).await,
        })
    };
    vec![
        at_second_start("start-empties-the-tables", "Every start empties the tables.", "DELETE FROM habits"),
        at_second_start("start-drops-the-completions", "Every start makes the completions anew.", "DELETE FROM completions"),
        at_second_start(
            "start-adds-a-user",
            "Every start adds a built-in user.",
            "INSERT INTO users (email) VALUES (gen_random_uuid())",
        ),
        at_second_start("start-adds-an-index", "Every start adds one more index.", "CREATE INDEX ON habits (created_at)"),
        at_second_start(
            "start-adds-a-constraint",
            "Every start adds the same constraint under another name.",
            "ALTER TABLE habits ADD CHECK (name <> '')",
        ),
        at_second_start(
            "start-renews-created-at",
            "Every start sets created_at to the present.",
            "UPDATE habits SET created_at = now()",
        ),
        at_second_start(
            "start-adds-the-sample-habit-again",
            "Every start but the first adds a sample habit.",
            "INSERT INTO habits (user_id, name) VALUES (0, 'sample ' || gen_random_uuid())",
        ),
        wrong("second-start-fails", again, "The second start fails, for the tables exist.").before_start(async |database| {
            match is_first_start(database).await? {
                true => Ok(()),
                false => Err(DatabaseError("relation \"users\" already exists".into())),
            }
        }),
    ]
}

/// Notes a start, and tells whether no process has started on this database before.
async fn is_first_start(database: &Database) -> Result<bool, DatabaseError> {
    database
        .run_exclusively("CREATE SCHEMA IF NOT EXISTS saboteur; CREATE TABLE IF NOT EXISTS saboteur.starts (process int)")
        .await?;
    let before: Vec<(i64,)> = database.rows("SELECT count(*) FROM saboteur.starts").await?;
    database.run("INSERT INTO saboteur.starts VALUES (pg_backend_pid())").await?;
    Ok(before == [(0,)])
}

/// Whether no other process is starting on this database now. Our connection keeps the mark.
async fn starts_alone(database: &Database) -> Result<bool, DatabaseError> {
    let alone: Vec<(bool,)> = database.rows("SELECT pg_try_advisory_lock(7352)").await?;
    Ok(alone == [(true,)])
}

async fn has_started(database: &Database) -> Result<(), DatabaseError> {
    database.run("SELECT pg_advisory_unlock_all()").await
}

fn parallel() -> Vec<Sabotage> {
    let trips = &["3.migrations-parallel"];
    let second = Rc::new(Cell::new(false));
    let is_second = second.clone();
    vec![
        wrong("parallel-start-fails", trips, "Of two servers that start at once on an empty database one fails.")
            .before_start(async |database| match starts_alone(database).await? {
                true => Ok(()),
                false => {
                    Err(DatabaseError("duplicate key value violates unique constraint \"pg_type_typname_nsp_index\"".into()))
                }
            })
            .after_start(has_started),
        wrong("parallel-start-fails-late", trips, "Of two servers that start at once one fails when its migrations are done.")
            .before_start(async move |database| {
                second.set(!starts_alone(database).await?);
                Ok(())
            })
            .after_start(async move |database| match is_second.get() {
                true => Err(DatabaseError("migration 1 was previously applied but has been modified".into())),
                false => has_started(database).await,
            }),
        wrong("parallel-start-adds-two-users", trips, "Two servers that start at once make a built-in user each.")
            .before_start(async |database| {
                if !starts_alone(database).await? {
                    database.run("CREATE SCHEMA saboteur; CREATE TABLE saboteur.second ()").await?;
                }
                Ok(())
            })
            .after_start(async |database| {
                database
                    .run(
                        "DO $$ BEGIN IF to_regclass('saboteur.second') IS NOT NULL THEN
                            INSERT INTO users (id, email) VALUES (-1, 'second@localhost') ON CONFLICT DO NOTHING;
                            CREATE OR REPLACE FUNCTION saboteur.give() RETURNS trigger LANGUAGE plpgsql AS
                                'BEGIN UPDATE habits SET user_id = -1 WHERE id = NEW.id AND id % 2 = 0; RETURN NULL; END';
                            CREATE OR REPLACE TRIGGER give AFTER INSERT ON habits FOR EACH ROW EXECUTE FUNCTION saboteur.give();
                        END IF; END $$",
                    )
                    .await?;
                has_started(database).await
            }),
    ]
}
