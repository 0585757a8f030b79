//! Validation of path and query parameters.

use super::{Stored, expect_field, expect_no_server_error};
use harness::check::{Check, check};
use harness::problem::expect_problem;
use harness::route::Values;

/// Ids that are not integers.
const INVALID_IDS: [&str; 7] = ["abc", "1.5", "1e3", "0x10", "12abc", "--1", "1%27%20OR%20%271%27=%271"];

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("5.path-ids", "Ids that are not integers and limits out of range are rejected with 400, and the error names the parameter")
            .book("path-and-query")
            .hints(&[
                "404 means that there is no habit with this id. `abc` is not a valid id at all, so `/habits/abc` is a 400.",
                "Write a custom extractor around `Path` that maps its rejection to your error type, with `id` as the field. Do the same for `Query`.",
            ])
            .proof(async |api| {
                let before = Stored::now(api).await?;
                let has_put = super::has_put(api, &before.habit).await?;
                let habit_routes = api.routes().iter().filter(|route| route.has_habit_id());
                for route in habit_routes.filter(|route| has_put || !route.stretch) {
                    for id in INVALID_IDS {
                        let name = api.data.name();
                        let request = route.request("", Values { id, date: "2026-01-31", name: &name });
                        expect_field(&api.http.send(request).await?, "id")?;
                    }
                }
                // Pagination is a stretch goal.
                api.any_habit().await?;
                if api.get("/habits?limit=1").await?.header("link").is_some() {
                    for limit in ["0", "101", "-1", "ten", "1.5", "99999999999999999999"] {
                        expect_field(&api.get(format!("/habits?limit={limit}")).await?, "limit")?;
                    }
                    for after in ["no%20such%20place", "%27%3B--"] {
                        expect_problem(&api.get(format!("/habits?limit=1&after={after}")).await?, [400, 422])?;
                    }
                }
                for query in ["limit=1&after=9223372036854775808", "after=9223372036854775808"] {
                    expect_no_server_error(&api.get(format!("/habits?{query}")).await?)?;
                }
                let (response, read) = api.read(&before.habit).await?;
                read.expect_same(&response, &before.habit)?;
                Ok(())
            }),
    ]
}
