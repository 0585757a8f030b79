//! Wrong servers for step 3: the database's schema, completions and streaks, name conflicts, imports, pagination and queries.

mod completions;
mod import;
mod names;
mod pages;
mod queries;
mod schema;
mod start;
mod streaks;

use crate::sabotage::{Sabotage, of_step};

/// The sabotages of step 3.
pub fn sabotages() -> Vec<Sabotage> {
    of_step(
        3,
        [
            start::sabotages(),
            schema::sabotages(),
            completions::sabotages(),
            streaks::sabotages(),
            names::sabotages(),
            import::sabotages(),
            queries::sabotages(),
            pages::sabotages(),
        ],
    )
}
