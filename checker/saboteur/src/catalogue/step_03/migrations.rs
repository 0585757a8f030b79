//! Wrong ways to migrate the database at the start.

use std::cell::Cell;
use std::rc::Rc;

use crate::database::{Database, DatabaseError};
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [restarts(), parallel()].into_iter().flatten().collect()
}

fn restarts() -> Vec<Sabotage> {
    let trips = &["3.migrations-again"];
    let on_restart = |name, breaks, sql: &'static str| {
        wrong(name, trips, breaks).after_start(async move |database| match record_start(database).await? {
            true => Ok(()),
            false => database.run(sql).await,
        })
    };
    vec![
        on_restart("start-empties-the-tables", "Every start empties the tables.", "DELETE FROM habits"),
        on_restart("start-drops-the-completions", "Every start deletes all completions.", "DELETE FROM completions"),
        on_restart(
            "start-adds-a-user",
            "Every start adds a built-in user.",
            "INSERT INTO users (email) VALUES (gen_random_uuid())",
        ),
        on_restart("start-adds-an-index", "Every start adds one more index.", "CREATE INDEX ON habits (created_at)"),
        on_restart(
            "start-adds-a-constraint",
            "Every start adds the same constraint under another name.",
            "ALTER TABLE habits ADD CHECK (name <> '')",
        ),
        on_restart(
            "start-renews-created-at",
            "Every start sets created_at to the current time.",
            "UPDATE habits SET created_at = now()",
        ),
        on_restart(
            "start-adds-the-sample-habit-again",
            "Every start but the first adds a sample habit.",
            "INSERT INTO habits (user_id, name) VALUES (0, 'sample ' || gen_random_uuid())",
        ),
        wrong("second-start-fails", trips, "The second start fails because the tables already exist.").before_start(
            async |database| match record_start(database).await? {
                true => Ok(()),
                false => Err(DatabaseError("relation \"users\" already exists".into())),
            },
        ),
    ]
}

/// Records a start. Returns whether it is the first one on this database.
async fn record_start(database: &Database) -> Result<bool, DatabaseError> {
    database
        .run_exclusively("CREATE SCHEMA IF NOT EXISTS saboteur; CREATE TABLE IF NOT EXISTS saboteur.starts (process int)")
        .await?;
    let before: Vec<(i64,)> = database.rows("SELECT count(*) FROM saboteur.starts").await?;
    database.run("INSERT INTO saboteur.starts VALUES (pg_backend_pid())").await?;
    Ok(before == [(0,)])
}

/// Tries to lock the start on this database. Returns false if another process is starting.
async fn acquire_start_lock(database: &Database) -> Result<bool, DatabaseError> {
    let alone: Vec<(bool,)> = database.rows("SELECT pg_try_advisory_lock(7352)").await?;
    Ok(alone == [(true,)])
}

async fn release_start_lock(database: &Database) -> Result<(), DatabaseError> {
    database.run("SELECT pg_advisory_unlock_all()").await
}

fn parallel() -> Vec<Sabotage> {
    let trips = &["3.migrations-parallel"];
    let second = Rc::new(Cell::new(false));
    let is_second = second.clone();
    vec![
        wrong("parallel-start-fails", trips, "If two servers start at the same time on an empty database, one of them fails.")
            .before_start(async |database| match acquire_start_lock(database).await? {
                true => Ok(()),
                false => {
                    Err(DatabaseError("duplicate key value violates unique constraint \"pg_type_typname_nsp_index\"".into()))
                }
            })
            .after_start(release_start_lock),
        wrong(
            "parallel-start-fails-late",
            trips,
            "If two servers start at the same time, one of them fails after its migrations.",
        )
        .before_start(async move |database| {
            second.set(!acquire_start_lock(database).await?);
            Ok(())
        })
        .after_start(async move |database| match is_second.get() {
            true => Err(DatabaseError("migration 1 was previously applied but has been modified".into())),
            false => release_start_lock(database).await,
        }),
        wrong("parallel-start-adds-two-users", trips, "If two servers start at the same time, each adds a built-in user.")
            .before_start(async |database| {
                if !acquire_start_lock(database).await? {
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
                release_start_lock(database).await
            }),
    ]
}
