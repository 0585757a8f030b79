//! Wrong servers for step 3: the database's schema, completions and streaks, name conflicts, imports, pagination and queries.

mod completed_today;
mod completions;
mod database_url;
mod durability;
mod failed_imports;
mod import;
mod import_limits;
mod leaks;
mod migrations;
mod name_conflicts;
mod openapi;
mod pagination;
mod queries;
mod schema;
mod streaks;

use crate::sabotage::{Sabotage, of_step};

/// The sabotages of step 3.
pub fn sabotages() -> Vec<Sabotage> {
    of_step(
        3,
        [
            database_url::sabotages(),
            migrations::sabotages(),
            durability::sabotages(),
            schema::sabotages(),
            completions::sabotages(),
            completed_today::sabotages(),
            openapi::sabotages(),
            streaks::sabotages(),
            name_conflicts::sabotages(),
            leaks::sabotages(),
            import::sabotages(),
            failed_imports::sabotages(),
            import_limits::sabotages(),
            queries::sabotages(),
            pagination::sabotages(),
        ],
    )
}
