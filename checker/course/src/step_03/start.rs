//! Configuration, start, and what outlives a process.

use futures_util::future::join3;
use serde_json::json;

use super::{complete, days_ago};
use harness::api::Api;
use harness::check::{Check, check};
use harness::habit::Habit;
use model::{Outcome, Stop};
use sandbox::RunToExit;
use services::postgres::Store;

/// Whether the configuration is read.
pub fn configuration() -> Vec<Check> {
    vec![
        check(
            "3.database-url",
            "Without a DATABASE_URL that can be read, the program ends at once and names the variable on stderr",
        )
        .book("connecting")
        .hints(&[
            "There is no sensible default for a database: whoever forgot the variable has to learn it at once.",
            "An empty variable counts as unset. A text that is no URL is refused too, before anything is connected to.",
            "Parse the variable into `PgConnectOptions` while the configuration is read, and let the error name it.",
        ])
        .proof(async |api| {
            for value in ["", "no-url-at-all", "postgresql://127.0.0.1:no-port/habits"] {
                expect_refusal(value, api.run_to_exit(&[("DATABASE_URL", value)]).await?)?;
            }
            Ok(())
        }),
    ]
}

/// What a database keeps from one start to the next.
pub fn lasting() -> Vec<Check> {
    vec![
        check("3.migrations-again", "A second start on the same database changes no table and loses nothing")
            .needs(&["3.tables"])
            .book("migrations")
            .hints(&[
                "A habit that the second start does not know was in memory. Move POST, GET by id and the list to the database.",
                "A migration runs once per database, not once per start. Something has to remember which ones have run.",
                "`sqlx::migrate!().run(pool)` keeps a table of what has run. A start adds no second built-in user either.",
            ])
            .proof(async |api| {
                let backing = api.new_backing().await?;
                let store = backing.fixture::<Store>()?;
                let first = api.start_on(&backing, &[]).await?;
                let habit = described(&first.api).await?;
                // Whether there are such columns is another check's business.
                let values = [("habit_id", &*habit.id.to_string()), ("completed_on", "CURRENT_DATE - n")];
                let laid = match store.insert("completions", &values, "generate_series(1, 3) AS n").await? {
                    Ok(()) => 3,
                    Err(_) => 0,
                };
                let (_, before) = first.api.read(&habit).await?;
                let schema = store.schema().await?;
                let users = store.count("FROM users").await?;
                first.stop().await;
                let second = api.start_on(&backing, &[]).await?;
                let (answer, after) = second.api.read(&habit).await?;
                after.expect_same(&answer, &before)?;
                let (answer, list) = second.api.list().await?;
                if list.len() != 1 {
                    return Err(answer.fail("a list of the one habit there was", format!("a list of {} habits", list.len())));
                }
                let again = store.schema().await?;
                if again != schema {
                    return Err(Stop::fail(schema, again));
                }
                let again = store.count("FROM users").await?;
                if again != users {
                    return Err(Stop::fail(format!("users: {users}, as before"), format!("users: {again}")));
                }
                let left = match laid {
                    0 => 0,
                    _ => store.count("FROM completions").await?,
                };
                match left == laid {
                    true => Ok(()),
                    false => Err(Stop::fail(format!("completions: {laid}, as before"), format!("completions: {left}"))),
                }
            }),
        check("3.migrations-parallel", "Two servers that start at once on an empty database both come up, and share its tables")
            .needs(&["3.migrations-again"])
            .book("migrations")
            .hints(&[
                "Both look, both find no tables, both make them: one fails. Who goes first has to be settled in the database.",
                "`sqlx::migrate!()` takes an advisory lock. So can you: `pg_advisory_lock` before, `pg_advisory_unlock` after.",
            ])
            .proof(async |api| {
                let backing = api.new_backing().await?;
                let store = backing.fixture::<Store>()?;
                // Tables that are being made by somebody else: whoever makes them too has to wait. So both get to that point.
                let held = store.hold("CREATE TABLE users (); CREATE TABLE habits (); CREATE TABLE completions ()").await?;
                let release = async {
                    let waited = store.until_waiting(2).await;
                    drop(held);
                    waited
                };
                let (first, second, waited) = join3(api.start_on(&backing, &[]), api.start_on(&backing, &[]), release).await;
                waited?;
                let (first, second) = (&first?, &second?);
                let habits = [described(&first.api).await?, described(&second.api).await?];
                for instance in [first, second] {
                    for habit in &habits {
                        instance.api.read(habit).await?;
                    }
                }
                match store.count("FROM (SELECT DISTINCT user_id FROM habits) AS owners").await? {
                    1 => Ok(()),
                    owners => {
                        Err(Stop::fail("one built-in user whom every habit belongs to", format!("habits of {owners} users")))
                    }
                }
            }),
        check("3.survives-kill", "What was stored is still there after the server was killed and started again")
            .needs(&["3.migrations-again", "3.complete"])
            .book("why-a-database")
            .hints(&[
                "SIGKILL gives a program no time to save anything. When is it too late to write to the database?",
                "A change is in the database before its request is answered: habits, completions and deletions alike.",
            ])
            .proof(async |api| {
                let first = api.start_another().await?;
                let gone = described(&first.api).await?;
                let kept = described(&first.api).await?;
                first.api.delete(gone.path()).await?.status(204)?;
                complete(&first.api, &kept, days_ago(0)).await?;
                let described = json!({ "description": first.api.data.description() });
                first.api.patch(kept.path(), described).await?.status(200)?;
                let (_, before) = first.api.read(&kept).await?;
                first.kill().await;
                let second = api.start_another().await?;
                let (answer, after) = second.api.read(&kept).await?;
                after.expect_same(&answer, &before)?.expect(&answer, "streak", before.get("streak"))?;
                second.api.get(gone.path()).await?.status(404)?;
                Ok(())
            }),
    ]
}

async fn described(api: &Api) -> Outcome<Habit> {
    api.create_described(&api.data.name(), &api.data.description()).await
}

fn expect_refusal(value: &str, came: RunToExit) -> Outcome {
    let variable = format!("DATABASE_URL={value}");
    match came {
        RunToExit::Exited { ending, .. } if ending.is_success() => {
            Err(Stop::fail(format!("a non-zero exit code for {variable}"), ending.to_string()))
        }
        RunToExit::Exited { stderr, .. } if stderr.iter().any(|line| line.to_uppercase().contains("DATABASE_URL")) => Ok(()),
        RunToExit::Exited { ending, stderr } => {
            let actual = format!("{ending}, and stderr:\n{}", stderr.join("\n"));
            Err(Stop::fail(format!("a message on stderr that names DATABASE_URL, for {variable}"), actual))
        }
        RunToExit::StillRunning => {
            Err(Stop::fail(format!("a program that ends at once for {variable}"), "a program that goes on running"))
        }
        RunToExit::Problem(problem) => Err(Stop::Inconclusive(problem.title)),
    }
}
