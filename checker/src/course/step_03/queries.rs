//! What a request costs in statements.

use super::import_some;
use crate::course::api::Api;
use crate::course::check::{Check, check};
use crate::course::database::Store;
use crate::outcome::{Outcome, Stop};
use crate::taps::Statement;

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("3.list-queries", "A list of 50 habits takes as many statements as one of 5")
            .needs(&["3.import"])
            .book("one-query-for-a-list")
            .hints(&[
                "One query for the list and then one more for every habit in it: that is N+1 queries. Count yours in the log.",
                "Bring the days of all habits in the query of the list: `LEFT JOIN completions`, `array_agg` and `GROUP BY`.",
            ])
            .proof(async |api| {
                let server = api.start_instance(&[]).await?;
                let (api, store) = (&server.api, server.api.store()?);
                let few = list_of(api, store, 5).await?;
                let many = list_of(api, store, 50).await?;
                if few.len() == many.len() {
                    return Ok(());
                }
                let text =
                    |statements: &[Statement]| statements.iter().map(|one| format!("\n{}", one.text)).take(8).collect::<String>();
                let expected = format!("as many statements for 50 habits as for 5, which took {}:{}", few.len(), text(&few));
                Err(Stop::fail(expected, format!("{} statements:{}", many.len(), text(&many))))
            }),
    ]
}

/// Fills the list up to `count` habits and says what listing them executes. The fewest of several tries, because a pool that
/// opens a connection says more.
async fn list_of(api: &Api, store: &Store, count: usize) -> Outcome<Vec<Statement>> {
    let missing = count - api.list().await?.1.len();
    import_some(api, missing).await?;
    let mut fewest: Option<Vec<Statement>> = None;
    for _ in 0..3 {
        let executed = store.queries_of(async || api.list().await.map(drop)).await?;
        fewest = Some(match fewest {
            Some(fewest) if fewest.len() <= executed.len() => fewest,
            _ => executed,
        });
    }
    Ok(fewest.unwrap_or_default())
}
