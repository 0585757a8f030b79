//! What stands in paths and queries.

use super::{Untouched, expect_field, expect_unbroken};
use harness::check::{Check, check};
use harness::problem::expect_problem;
use harness::route::Filling;

/// What is no integer.
const NO_INTEGERS: [&str; 7] = ["abc", "1.5", "1e3", "0x10", "12abc", "--1", "1%27%20OR%20%271%27=%271"];

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("5.path-ids", "Ids that are no integers and limits out of range are refused by 400, and named")
            .book("path-and-query")
            .hints(&[
                "404 says that there is no such habit. Of `/habits/abc` that cannot even be asked.",
                "An extractor around `Path` turns its rejection into your error, with `id` as the field; one around `Query` likewise.",
            ])
            .proof(async |api| {
                let before = Untouched::now(api).await?;
                let has_put = super::has_put(api, &before.habit).await?;
                let of_a_habit = api.routes().iter().filter(|route| route.is_of_a_habit());
                for route in of_a_habit.filter(|route| has_put || !route.stretch) {
                    for id in NO_INTEGERS {
                        let name = api.data.name();
                        let request = route.request("", Filling { id, date: "2026-01-31", name: &name });
                        expect_field(&api.http.send(request).await?, "id")?;
                    }
                }
                // Pages are an extra.
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
                    expect_unbroken(&api.get(format!("/habits?{query}")).await?)?;
                }
                let (answer, read) = api.read(&before.habit).await?;
                read.expect_same(&answer, &before.habit)?;
                Ok(())
            }),
    ]
}
