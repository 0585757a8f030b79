//! The stretch checks of step 3, except those about pagination.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{ROUTES, expect_conflict, import_some, mixed_case};
use first_step::openapi;
use harness::api::{Api, ExtraServer};
use harness::check::{Check, check};
use harness::timing::{are_clearly_longer, median};
use model::{Outcome, Stop};
use services::postgres::Store;

/// The number of habits in the measured list.
const OWN_HABITS: usize = 50;
/// The number of habits of other users, in the small and in the large database.
const FOREIGN_HABITS: [usize; 2] = [100, 100_000];
/// The number of measurements of each list. Measuring stops earlier at the time limit, after the minimum.
const TRIES: usize = 31;
const TRIES_LEAST: usize = 5;
const TIME_LIMIT: Duration = Duration::from_secs(3);
/// The factor by which listing may take longer in the large database.
const SLOWDOWN_MOST: f64 = 1.5;
/// The number of other users, among whom those habits are divided.
const USERS: usize = 50;
/// The smallest difference that counts, in seconds.
const DIFFERENCE_LEAST: f64 = 0.001;

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("3.openapi", "/openapi.json names the routes for completions and for the import")
            .needs(&["1.openapi"])
            .book("completing-a-day")
            .hints(&["Register the handlers with `routes!(…)` in each `OpenApiRouter`, and merge each router into the one that generates the document."])
            .proof(async |api| openapi::names_routes(api, ROUTES).await),
        check("3.put-taken", "PUT with a taken name responds 409 and changes nothing")
            .stretch()
            .needs(&["3.rename-taken", "1.put-replaces"])
            .book("constraints")
            .hints(&["PUT runs an UPDATE, as PATCH does. Map the violated constraint to an error in one function that both share."])
            .proof(async |api| {
                let taken = api.data.name();
                api.create(&taken).await?;
                let habit = api.create_described(&api.data.name(), &api.data.description()).await?;
                for name in [taken.clone(), mixed_case(&taken)] {
                    expect_conflict(&api.put(habit.path(), json!({ "name": name, "completed_today": true })).await?)?;
                    let (response, read) = api.read(&habit).await?;
                    read.expect_same(&response, &habit)?;
                }
                Ok(())
            }),
        check("3.list-flat", "Listing takes about as long with 100,000 habits of other users in the database as with 100")
            .stretch()
            .exclusive()
            .needs(&["3.owner-index", "3.list-queries"])
            .book("explain")
            .hints(&[
                "`EXPLAIN ANALYZE` shows whether the query scans the whole table (`Seq Scan`). Try it with many rows: for a small table, PostgreSQL prefers a sequential scan anyway.",
                "The list query reads the habits of one user and the completions of these habits: both lookups need an index.",
                "A prepared statement may use a generic plan for all parameter values, which `EXPLAIN` with literal values does not show: run `SET plan_cache_mode = force_generic_plan`, then `EXPLAIN EXECUTE`. For example, a generic plan does not know that `LIMIT $1` will be NULL.",
            ])
            .proof(async |api| {
                let (small, large) = (server_with(api, FOREIGN_HABITS[0]).await?, server_with(api, FOREIGN_HABITS[1]).await?);
                let mut times = [const { Vec::new() }; 2];
                let started = Instant::now();
                for round in 0..TRIES {
                    if round >= TRIES_LEAST && started.elapsed() > TIME_LIMIT {
                        break;
                    }
                    for (server, times) in [&small, &large].into_iter().zip(&mut times) {
                        let clock = Instant::now();
                        server.api.get("/habits").await?.status(200)?;
                        times.push(clock.elapsed().as_secs_f64());
                    }
                }
                judge(&times)
            }),
    ]
}

/// Measures how long listing takes, in turn, with each of these numbers of habits of other users.
pub async fn list_times(api: &Api, foreign: &[usize], tries: usize) -> Outcome<Vec<Vec<Duration>>> {
    let mut servers = Vec::new();
    for count in foreign {
        servers.push(server_with(api, *count).await?);
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

/// Starts a server on a database with its user's own habits and `foreign` habits of other users.
async fn server_with(api: &Api, foreign: usize) -> Outcome<ExtraServer> {
    let server = api.start_instance(&[]).await?;
    import_some(&server.api, OWN_HABITS).await?;
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
            let reason = format!("the checker cannot insert rows of other users into {table}: {}", refusal.message);
            return Err(Stop::Skip(reason));
        }
    }
    // ANALYZE samples the rows by default, so the query plan would depend on chance. A larger sample covers every row.
    store.rows("SET default_statistics_target = 400; ANALYZE; RESET default_statistics_target").await?;
    let (response, list) = server.api.list().await?;
    match list.len() {
        OWN_HABITS => Ok(server),
        count => Err(response.fail(format!("a list of the user's own {OWN_HABITS} habits"), format!("a list of {count} habits"))),
    }
}

/// Compares the times in seconds in the small and in the large database.
fn judge([small, large]: &[Vec<f64>; 2]) -> Outcome {
    let (usual, slow) = (median(small), median(large));
    if slow <= usual * SLOWDOWN_MOST || slow - usual < DIFFERENCE_LEAST {
        return Ok(());
    }
    if !are_clearly_longer(large, small) {
        return Err(Stop::Inconclusive("the machine is too busy to compare times".into()));
    }
    let milliseconds = |seconds: f64| format!("{:.1} ms", seconds * 1e3);
    let expected = format!("about {} for the list, as with {} habits of other users", milliseconds(usual), FOREIGN_HABITS[0]);
    Err(Stop::fail(expected, format!("{} with {}", milliseconds(slow), FOREIGN_HABITS[1])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_list_fails_and_a_noisy_machine_is_inconclusive() {
        let judge = |small: [f64; 5], large: [f64; 5]| judge(&[small.to_vec(), large.to_vec()]);
        assert!(judge([0.002; 5], [0.002; 5]).is_ok());
        assert!(judge([0.0004; 5], [0.0012; 5]).is_ok(), "the difference is too small to count");
        assert!(matches!(judge([0.002; 5], [0.012; 5]), Err(Stop::Fail(_))));
        assert!(matches!(judge([0.002, 0.012, 0.002, 0.011, 0.002], [0.012; 5]), Err(Stop::Inconclusive(_))));
    }
}
