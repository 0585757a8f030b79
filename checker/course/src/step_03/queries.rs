//! The number of SQL statements that a request executes.

use taps::postgres::Statement;

use super::import_some;
use harness::api::Api;
use harness::check::{Check, check};
use model::{Outcome, Stop};
use services::postgres::Store;

/// The number of list requests whose statements are counted.
const TRIES: usize = 3;

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("3.list-queries", "Listing 50 habits takes as many SQL statements as listing 5")
            .needs(&["3.import"])
            .second_user()
            .book("one-query-for-a-list")
            .hints(&[
                "One query for the list and one more for every habit in it: this is the N+1 query problem. The report lists your queries.",
                "Fetch the days in the same query, with a subquery: `ARRAY(SELECT completed_on FROM completions WHERE habit_id = habits.id ORDER BY 1)`.",
            ])
            .proof(async |api| {
                let view = api.without_habits().await?;
                let (api, store) = (&view.api, view.api.fixture::<Store>()?);
                let few = list_statements(api, &store, 5, 0).await?;
                let many = list_statements(api, &store, 50, few.len()).await?;
                if many.len() <= few.len() {
                    return Ok(());
                }
                let text =
                    |statements: &[Statement]| statements.iter().map(|one| format!("\n{}", one.text)).take(8).collect::<String>();
                let expected = format!("{} statements for 50 habits, as for 5:{}", few.len(), text(&few));
                Err(Stop::fail(expected, format!("{} statements:{}", many.len(), text(&many))))
            }),
    ]
}

/// Fills the list up to `count` habits and returns the statements that listing them executes: the fewest of several tries,
/// because a pool that opens a connection executes more. Stops early at `enough` statements.
async fn list_statements(api: &Api, store: &Store, count: usize, enough: usize) -> Outcome<Vec<Statement>> {
    let missing = count.saturating_sub(api.list().await?.1.len());
    import_some(api, missing).await?;
    api.list().await?;
    let mut fewest: Option<Vec<Statement>> = None;
    for _ in 0..TRIES {
        let executed = store.queries_of(async || api.list().await.map(drop)).await?;
        fewest = fewest.filter(|fewest| fewest.len() <= executed.len()).or(Some(executed));
        if fewest.as_ref().is_some_and(|fewest| fewest.len() <= enough) {
            break;
        }
    }
    Ok(fewest.unwrap_or_default())
}
