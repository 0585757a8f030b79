//! Lists that run too many or too expensive queries.

use serde_json::Value;

use crate::api::routes::lists;
use crate::http::{ConnectionLost, Response, Upstream};
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [too_many(), too_expensive()].into_iter().flatten().collect()
}

fn too_many() -> Vec<Sabotage> {
    let trips = &["3.list-queries"];
    let run_for_habits = |name, breaks, per: usize, sql: fn(i64) -> String| {
        wrong(name, trips, breaks).instead(lists, async move |request, upstream| {
            let response = upstream.send(request).await?;
            run_for_each(&response, upstream, per, sql).await?;
            Ok(response)
        })
    };
    let days = |id| format!("SELECT completed_on FROM completions WHERE habit_id = {id} ORDER BY completed_on");
    vec![
        run_for_habits("list-asks-for-each-habit", "A list runs one more query for each habit.", 1, days),
        run_for_habits("list-asks-for-each-habit-twice", "A list runs two more queries for each habit.", 1, |id| {
            format!("SELECT 1 FROM completions WHERE habit_id = {id}; SELECT name FROM habits WHERE id = {id}")
        }),
        run_for_habits("list-asks-for-each-ten", "A list runs one more query for every ten habits.", 10, days),
        run_for_habits(
            "list-calls-for-each-habit",
            "A list runs one more query, with a function call, for each habit.",
            1,
            |id| format!("SELECT pg_catalog.count(*) FROM completions WHERE habit_id = {id}"),
        ),
    ]
}

/// Runs a query for every `per`-th habit of a list.
async fn run_for_each(
    response: &Response,
    upstream: &Upstream,
    per: usize,
    sql: fn(i64) -> String,
) -> Result<(), ConnectionLost> {
    let list = response.json();
    let ids = list.as_ref().and_then(Value::as_array).into_iter().flatten().filter_map(|habit| habit["id"].as_i64());
    for id in ids.step_by(per) {
        upstream.database().run(&sql(id)).await?;
    }
    Ok(())
}

fn too_expensive() -> Vec<Sabotage> {
    let trips = &["3.list-flat"];
    let run_before = |name, breaks, sql: &'static str| {
        wrong(name, trips, breaks).instead(lists, async move |request, upstream| {
            upstream.database().run(sql).await?;
            upstream.send(request).await
        })
    };
    vec![
        run_before(
            "list-reads-every-completion",
            "A list scans the completions of all users.",
            "SELECT habit_id, array_agg(completed_on) FROM completions GROUP BY habit_id ORDER BY habit_id DESC",
        ),
        run_before(
            "list-searches-every-habit",
            "A list scans the habits of all users.",
            "SELECT count(*) FROM habits WHERE md5(name) LIKE '%0000%'",
        ),
        wrong(
            "list-has-no-index",
            &["3.owner-index"],
            "No index begins with user_id, so that a list scans the habits of all users.",
        )
        .alter_tables(
            "DROP INDEX habits_name_key; CREATE UNIQUE INDEX habits_name_key ON habits (lower(name), user_id);
            DROP INDEX habits_owner_idx",
        ),
    ]
}
