//! The extras of step 3 that are not about pages.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{ROUTES, expect_conflict, import_some, recased};
use crate::openapi;
use harness::api::{Api, ExtraServer};
use harness::check::{Check, check};
use harness::timing::{are_clearly_longer, median};
use model::{Outcome, Stop};
use services::postgres::Store;

/// How many habits the list holds whose time is measured.
const OWN: usize = 50;
/// How many habits other users have in the one database and in the other.
const FOREIGN: [usize; 2] = [100, 100_000];
/// How often each list is read; not quite as often where that would take long.
const TRIES: usize = 31;
const FEWEST: usize = 5;
const LONGEST: Duration = Duration::from_secs(3);
/// How many times as long the list may take beside many habits of others.
const FLAT: f64 = 1.5;
/// How many users share them.
const USERS: usize = 50;
/// A difference below this says nothing, in seconds.
const NOTHING: f64 = 0.001;

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("3.openapi", "/openapi.json names the routes of completions and of the import")
            .needs(&["1.openapi"])
            .book("completing-a-day")
            .hints(&["`routes!(…)` in each router, and each router merged into the one that the document is made from."])
            .proof(async |api| openapi::names_routes(api, ROUTES).await),
        check("3.put-taken", "PUT to a name that is taken answers 409 and changes nothing")
            .stretch()
            .needs(&["3.rename-taken", "1.put-replaces"])
            .book("constraints")
            .hints(&["PUT is an UPDATE too. Give both one function that translates the constraint."])
            .proof(async |api| {
                let taken = api.data.name();
                api.create(&taken).await?;
                let habit = api.create_described(&api.data.name(), &api.data.description()).await?;
                for name in [taken.clone(), recased(&taken)] {
                    expect_conflict(&api.put(habit.path(), json!({ "name": name, "completed_today": true })).await?)?;
                    let (answer, read) = api.read(&habit).await?;
                    read.expect_same(&answer, &habit)?;
                }
                Ok(())
            }),
        check("3.list-flat", "The list takes no longer beside 100,000 habits of other users than beside 100")
            .stretch()
            .exclusive()
            .needs(&["3.owner-index", "3.list-queries"])
            .book("explain")
            .hints(&[
                "`EXPLAIN ANALYZE` shows whether the whole table is read. Use many rows: a small table is read as a whole.",
                "The list asks for one user's habits, and for the completions of these habits: an index has to serve both.",
                "A prepared statement may get one plan for all values, which `EXPLAIN` with your values does not show: after `SET plan_cache_mode = force_generic_plan`, look at `EXPLAIN EXECUTE`. `LIMIT $1` with a NULL is such a case.",
            ])
            .proof(async |api| {
                let (near, far) = (beside(api, FOREIGN[0]).await?, beside(api, FOREIGN[1]).await?);
                let mut times = [const { Vec::new() }; 2];
                let begun = Instant::now();
                for round in 0..TRIES {
                    if round >= FEWEST && begun.elapsed() > LONGEST {
                        break;
                    }
                    for (server, times) in [&near, &far].into_iter().zip(&mut times) {
                        let clock = Instant::now();
                        server.api.get("/habits").await?.status(200)?;
                        times.push(clock.elapsed().as_secs_f64());
                    }
                }
                judge(&times)
            }),
    ]
}

/// How long the list takes beside so many habits of other users, read turn by turn.
pub async fn list_times(api: &Api, foreign: &[usize], tries: usize) -> Outcome<Vec<Vec<Duration>>> {
    let mut servers = Vec::new();
    for count in foreign {
        servers.push(beside(api, *count).await?);
    }
    let mut times = vec![Vec::new(); foreign.len()];
    for _ in 0..tries {
        for (server, times) in servers.iter().zip(&mut times) {
            let clock = Instant::now();
            server.api.get("/habits").await?.status(200)?;
            times.push(clock.elapsed());
        }
    }
    Ok(times)
}

/// A server with some habits of its own in a database that holds `foreign` habits of others.
async fn beside(api: &Api, foreign: usize) -> Outcome<ExtraServer> {
    let server = api.start_instance(&[]).await?;
    import_some(&server.api, OWN).await?;
    let store = server.api.fixture::<Store>()?;
    let others = "FROM users WHERE email LIKE 'other-%'";
    let owner = format!("(SELECT array_agg(id) {others})[1 + g % {USERS}]");
    let rows: [(_, &[_], _); 3] = [
        ("users", &[("email", "'other-' || g || '@example.com'")], format!("generate_series(1, {USERS}) AS g")),
        ("habits", &[("user_id", &owner), ("name", "'habit ' || g")], format!("generate_series(1, {foreign}) AS g")),
        (
            "completions",
            &[("habit_id", "h.id"), ("completed_on", "'2026-01-31'")],
            format!("habits AS h WHERE h.user_id IN (SELECT id {others})"),
        ),
    ];
    for (table, values, from) in rows {
        if let Err(refusal) = store.insert(table, values, &from).await? {
            let reason = format!("rows of other users cannot be laid in {table}: {}", refusal.message);
            return Err(Stop::Skip(reason));
        }
    }
    // By default a part of the rows is looked at, and which plan comes of that is chance; so every row is.
    store.rows("SET default_statistics_target = 400; ANALYZE; RESET default_statistics_target").await?;
    let (answer, list) = server.api.list().await?;
    match list.len() {
        OWN => Ok(server),
        count => Err(answer.fail(format!("a list of one's own {OWN} habits"), format!("a list of {count} habits"))),
    }
}

/// Compares seconds: beside few habits of others, and beside many.
fn judge([near, far]: &[Vec<f64>; 2]) -> Outcome {
    let (usual, slow) = (median(near), median(far));
    if slow <= usual * FLAT || slow - usual < NOTHING {
        return Ok(());
    }
    if !are_clearly_longer(far, near) {
        return Err(Stop::Inconclusive("the machine is too busy for times to be compared".into()));
    }
    let milliseconds = |seconds: f64| format!("{:.1} ms", seconds * 1e3);
    let expected = format!("about {} for the list, as beside {} habits of others", milliseconds(usual), FOREIGN[0]);
    Err(Stop::fail(expected, format!("{} beside {}", milliseconds(slow), FOREIGN[1])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_grows_with_others_is_told_from_a_noisy_machine() {
        let judge = |near: [f64; 5], far: [f64; 5]| judge(&[near.to_vec(), far.to_vec()]);
        assert!(judge([0.002; 5], [0.002; 5]).is_ok());
        assert!(judge([0.0004; 5], [0.0012; 5]).is_ok(), "too little to say anything");
        assert!(matches!(judge([0.002; 5], [0.012; 5]), Err(Stop::Fail(_))));
        assert!(matches!(judge([0.002, 0.012, 0.002, 0.011, 0.002], [0.012; 5]), Err(Stop::Inconclusive(_))));
    }
}
