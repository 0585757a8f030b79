//! Configuration, migrations at start, and durability.

use futures_util::future::join3;
use serde_json::json;

use super::{complete, days_ago};
use harness::api::Api;
use harness::check::{Check, check};
use harness::habit::Habit;
use model::{Outcome, Stop};
use sandbox::RunToExit;
use services::postgres::Store;

/// The checks of the configuration.
pub fn configuration() -> Vec<Check> {
    vec![
        check(
            "3.database-url",
            "Without a valid DATABASE_URL, the program exits at once and names the variable on stderr",
        )
        .book("connecting")
        .hints(&[
            "There is no sensible default for a database. Fail fast: the operator who forgot the variable must see an error at once.",
            "An empty variable counts as unset. Reject an invalid URL too, before you connect to anything.",
            "Parse the variable into `PgConnectOptions` when you read the configuration, and let the error name the variable.",
        ])
        .proof(async |api| {
            for value in ["", "no-url-at-all", "postgresql://127.0.0.1:no-port/habits"] {
                expect_refusal(value, api.run_to_exit(&[("DATABASE_URL", value)]).await?)?;
            }
            Ok(())
        }),
    ]
}

/// The checks of migrations and of data that survives a restart.
pub fn durability() -> Vec<Check> {
    vec![
        check("3.migrations-again", "A second start on the same database changes no table and loses no data")
            .needs(&["3.tables"])
            .book("migrations")
            .hints(&[
                "A habit that is missing after the second start was only in memory. Move POST, GET by id and the list to the database.",
                "A migration runs once per database, not once per start. The database must record which migrations have run.",
                "`sqlx::migrate!().run(pool)` records applied migrations in a table. A restart must not add a second built-in user either.",
            ])
            .proof(async |api| {
                let backing = api.new_backing().await?;
                let store = backing.fixture::<Store>()?;
                let first = api.start_on(&backing, &[]).await?;
                let habit = new_habit(&first.api).await?;
                // Another check covers these columns.
                let values = [("habit_id", &*habit.id.to_string()), ("completed_on", "CURRENT_DATE - n")];
                let inserted = match store.insert("completions", &values, "generate_series(1, 3) AS n").await? {
                    Ok(()) => 3,
                    Err(_) => 0,
                };
                let (_, before) = first.api.read(&habit).await?;
                let schema = store.schema().await?;
                let users = store.count("FROM users").await?;
                first.stop().await;
                let second = api.start_on(&backing, &[]).await?;
                let (response, after) = second.api.read(&habit).await?;
                after.expect_same(&response, &before)?;
                let (response, list) = second.api.list().await?;
                if list.len() != 1 {
                    return Err(response.fail("a list of one habit, as before", format!("a list of {} habits", list.len())));
                }
                let again = store.schema().await?;
                if again != schema {
                    return Err(Stop::fail(schema, again));
                }
                let again = store.count("FROM users").await?;
                if again != users {
                    return Err(Stop::fail(format!("{users} users, as before"), format!("{again} users")));
                }
                let left = match inserted {
                    0 => 0,
                    _ => store.count("FROM completions").await?,
                };
                match left == inserted {
                    true => Ok(()),
                    false => Err(Stop::fail(format!("{inserted} completions, as before"), format!("{left} completions"))),
                }
            }),
        check("3.migrations-parallel", "Two servers that start at the same time on an empty database both start up and share its tables")
            .needs(&["3.migrations-again"])
            .book("migrations")
            .hints(&[
                "This is a race condition: both servers find no tables, both create them, and one fails. Use a lock in the database to serialize the migrations.",
                "`sqlx::migrate!()` takes an advisory lock. You can do the same: `pg_advisory_lock` before, `pg_advisory_unlock` after.",
            ])
            .proof(async |api| {
                let backing = api.new_backing().await?;
                let store = backing.fixture::<Store>()?;
                // An open transaction of ours creates the same tables, so both servers wait at this point, and then race.
                let held = store.hold("CREATE TABLE users (); CREATE TABLE habits (); CREATE TABLE completions ()").await?;
                let release = async {
                    let waited = store.until_waiting(2).await;
                    drop(held);
                    waited
                };
                let (first, second, waited) = join3(api.start_on(&backing, &[]), api.start_on(&backing, &[]), release).await;
                waited?;
                let (first, second) = (&first?, &second?);
                let habits = [new_habit(&first.api).await?, new_habit(&second.api).await?];
                for instance in [first, second] {
                    for habit in &habits {
                        instance.api.read(habit).await?;
                    }
                }
                match store.count("FROM (SELECT DISTINCT user_id FROM habits) AS owners").await? {
                    1 => Ok(()),
                    owners => {
                        Err(Stop::fail("habits that all belong to one built-in user", format!("habits of {owners} users")))
                    }
                }
            }),
        check("3.survives-kill", "Stored data survives when the server is killed and restarted")
            .needs(&["3.migrations-again", "3.complete"])
            .book("why-a-database")
            .hints(&[
                "SIGKILL ends a process at once: there is no time to save anything. When is it too late to write to the database?",
                "Durability: write every change to the database before you respond to the request. This applies to habits, completions and deletions.",
            ])
            .proof(async |api| {
                let first = api.start_another().await?;
                let deleted = new_habit(&first.api).await?;
                let kept = new_habit(&first.api).await?;
                first.api.delete(deleted.path()).await?.status(204)?;
                complete(&first.api, &kept, days_ago(0)).await?;
                let change = json!({ "description": first.api.data.description() });
                first.api.patch(kept.path(), change).await?.status(200)?;
                let (_, before) = first.api.read(&kept).await?;
                first.kill().await;
                let second = api.start_another().await?;
                let (response, after) = second.api.read(&kept).await?;
                after.expect_same(&response, &before)?.expect(&response, "streak", before.get("streak"))?;
                second.api.get(deleted.path()).await?.status(404)?;
                Ok(())
            }),
    ]
}

async fn new_habit(api: &Api) -> Outcome<Habit> {
    api.create_described(&api.data.name(), &api.data.description()).await
}

fn expect_refusal(value: &str, run: RunToExit) -> Outcome {
    let variable = format!("DATABASE_URL={value}");
    match run {
        RunToExit::Exited { ending, .. } if ending.is_success() => {
            Err(Stop::fail(format!("a non-zero exit code for {variable}"), ending.to_string()))
        }
        RunToExit::Exited { stderr, .. } if stderr.iter().any(|line| line.to_uppercase().contains("DATABASE_URL")) => Ok(()),
        RunToExit::Exited { ending, stderr } => {
            let actual = format!("{ending}, and stderr:\n{}", stderr.join("\n"));
            Err(Stop::fail(format!("a message on stderr that names DATABASE_URL, for {variable}"), actual))
        }
        RunToExit::StillRunning => {
            Err(Stop::fail(format!("a program that exits at once for {variable}"), "a program that keeps running"))
        }
        RunToExit::Problem(problem) => Err(Stop::Inconclusive(problem.title)),
    }
}
