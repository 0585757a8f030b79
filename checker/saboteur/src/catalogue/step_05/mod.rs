//! Wrong servers for step 5: lax validation, injection, and a database that fails.

mod aftermath;
mod body_limits;
mod control_characters;
mod cors;
mod database_failure;
mod dates;
mod injection;
mod malformed;
mod outage;
mod outage_logs;
mod path_ids;
mod pool_leaks;
mod rate_limiter;
mod rate_limits;
mod recovery;
mod security_headers;
mod sql_text;
mod timeouts;
mod unknown_fields;
mod wrong_types;

use crate::sabotage::{Sabotage, of_step};

/// The sabotages of step 5.
pub fn sabotages() -> Vec<Sabotage> {
    of_step(
        5,
        [
            unknown_fields::sabotages(),
            wrong_types::sabotages(),
            control_characters::sabotages(),
            dates::sabotages(),
            path_ids::sabotages(),
            body_limits::sabotages(),
            malformed::sabotages(),
            aftermath::sabotages(),
            injection::sabotages(),
            sql_text::sabotages(),
            outage::sabotages(),
            outage_logs::sabotages(),
            recovery::sabotages(),
            timeouts::sabotages(),
            pool_leaks::sabotages(),
            security_headers::sabotages(),
            cors::sabotages(),
            rate_limits::sabotages(),
        ],
    )
}
