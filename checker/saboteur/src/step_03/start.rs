//! Wrong ways to start on a database, and to keep what is in it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;

use crate::api::routes::{completes, completion, creates, deletes, lists};
use crate::database::{Database, DatabaseError};
use crate::http::{ConnectionLost, Request, Response, Upstream};
use crate::log::{Line, Stream};
use crate::sabotage::{Sabotage, wrong};
use crate::startup::{AfterExit, Startup};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [database_url(), again(), parallel(), killed()].into_iter().flatten().collect()
}

fn database_url() -> Vec<Sabotage> {
    let trips = &["3.database-url"];
    let goes_on = |name, breaks, is_wrong: fn(&str) -> bool| {
        wrong(name, trips, breaks).startup(move |startup: &mut Startup| {
            if is_wrong(&startup.database_url) {
                startup.after_exit = AfterExit::KeepRunning
            }
        })
    };
    let complaint = |line: Line, text: &str| match line.stream {
        Stream::Stderr => vec![Line { text: text.into(), ..line }],
        Stream::Stdout => vec![line],
    };
    vec![
        goes_on("database-url-has-a-default", "Without DATABASE_URL the program takes one of its own.", str::is_empty),
        goes_on("database-url-is-tried-forever", "The program goes on trying a DATABASE_URL that is none.", |url| {
            !url.is_empty() && !url.contains("://")
        }),
        goes_on("database-port-is-tried-forever", "The program goes on trying a DATABASE_URL whose port is none.", |url| {
            url.contains("no-port")
        }),
        wrong("database-url-ends-with-0", trips, "A missing DATABASE_URL ends the program with exit code 0.").startup(
            |startup| {
                if startup.database_url.is_empty() {
                    startup.after_exit = AfterExit::Code(0)
                }
            },
        ),
        wrong("database-url-is-not-named", trips, "The message about a missing DATABASE_URL does not name it.")
            .log_line(move |line| complaint(line, "error: environment variable not found")),
        wrong("database-url-is-told-on-stdout", trips, "The message about DATABASE_URL goes to standard output.")
            .log_line(|line| vec![Line { stream: Stream::Stdout, ..line }]),
        wrong("bad-database-url-is-not-named", trips, "The message about a DATABASE_URL that is none does not name it.")
            .log_line(move |line| match line.text.contains("must be set") {
                true => vec![line],
                false => complaint(line, "error: relative URL without a base"),
            }),
    ]
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

fn killed() -> Vec<Sabotage> {
    let trips = &["3.survives-kill"];
    let deleted: Rc<RefCell<BTreeSet<i64>>> = Rc::default();
    let (hidden, gone) = (deleted.clone(), deleted.clone());
    vec![
        forgetting(
            "kill-loses-habits",
            "New habits are in the database only once the server stops.",
            "DELETE FROM habits WHERE id",
        )
        .instead(creates, noted),
        forgetting(
            "kill-loses-descriptions",
            "Descriptions are in the database only once the server stops.",
            "UPDATE habits SET description = NULL WHERE id",
        )
        .instead(creates, noted),
        forgetting(
            "kill-loses-completions",
            "Completions are in the database only once the server stops.",
            "DELETE FROM completions WHERE habit_id",
        )
        .instead(completes, noted),
        wrong("kill-loses-deletions", trips, "Habits are deleted from the database when the server stops.")
            .instead(deletes, async move |mut request, upstream| {
                let id = request.id().unwrap_or_default();
                request.head.method = hyper::Method::GET;
                let mut response = upstream.send(request).await?;
                if response.is_success() && deleted.borrow_mut().insert(id) {
                    upstream.database().run(&format!("DELETE FROM completions WHERE habit_id = {id}")).await?;
                    upstream.database().run(&format!("UPDATE habits SET name = 'deleted ' || id WHERE id = {id}")).await?;
                    response.set_status(204);
                    response.clear();
                } else {
                    response.set_problem(404, "There is no such habit.");
                }
                Ok(response)
            })
            .response(
                move |request| !deletes(request) && request.id().is_some_and(|id| hidden.borrow().contains(&id)),
                |_, response| response.set_problem(404, "There is no such habit."),
            )
            .response(lists, move |_, response| {
                response.edit_list(|list| {
                    list.retain(|habit| habit["id"].as_i64().is_none_or(|id| !gone.borrow().contains(&id)));
                })
            }),
    ]
}

/// Forgets what a killed process wrote: what is noted of it, and was not told to be safe at its end. The connection of a
/// killed process is gone when the next one has come up.
fn forgetting(name: &'static str, breaks: &'static str, forget: &'static str) -> Sabotage {
    wrong(name, &["3.survives-kill"], breaks)
        .alter_tables("CREATE TABLE saboteur.unsaved (process int, habit bigint)")
        .after_start(async move |database| {
            let dead = "process NOT IN (SELECT pid FROM pg_stat_activity)";
            database.run(&format!("{forget} IN (SELECT habit FROM saboteur.unsaved WHERE {dead})")).await?;
            database.run(&format!("DELETE FROM saboteur.unsaved WHERE {dead}")).await
        })
        .before_stop(async |database| database.run("DELETE FROM saboteur.unsaved WHERE process = pg_backend_pid()").await)
}

/// Notes that something of a habit was written which is not safe yet.
async fn noted(request: Request, upstream: &Upstream) -> Result<Response, ConnectionLost> {
    let id = completion(&request).map(|(id, _)| id);
    let response = upstream.send(request).await?;
    if let Some(id) = id.or(response.id()).filter(|_| response.is_success()) {
        upstream.database().run(&format!("INSERT INTO saboteur.unsaved VALUES (pg_backend_pid(), {id})")).await?;
    }
    Ok(response)
}
