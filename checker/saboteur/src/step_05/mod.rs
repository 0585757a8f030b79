//! Wrong servers for step 5: lax validation, injection, and a database that fails.

mod aftermath;
mod causes;
mod controls;
mod cors;
mod dates;
mod headers;
mod injection;
mod limiter;
mod limits;
mod odd;
mod outage;
mod parameters;
mod paths;
mod rates;
mod recovery;
mod shapes;
mod timeouts;
mod types;

use crate::sabotage::{Sabotage, of_step};

/// The sabotages of step 5.
pub fn sabotages() -> Vec<Sabotage> {
    of_step(
        5,
        [
            shapes::sabotages(),
            types::sabotages(),
            controls::sabotages(),
            dates::sabotages(),
            paths::sabotages(),
            limits::sabotages(),
            odd::sabotages(),
            aftermath::sabotages(),
            injection::sabotages(),
            parameters::sabotages(),
            outage::sabotages(),
            causes::sabotages(),
            recovery::sabotages(),
            timeouts::sabotages(),
            headers::sabotages(),
            cors::sabotages(),
            rates::sabotages(),
        ],
    )
}
