//! Wrong servers for step 2: errors, validation, logs, request ids, configuration and further features of HTTP.

mod compression;
mod errors;
mod head_and_options;
mod log_lines;
mod port;
mod request_ids;
mod validation;
mod versions;

use crate::sabotage::{Sabotage, of_step};

/// The sabotages of step 2.
pub fn sabotages() -> Vec<Sabotage> {
    of_step(
        2,
        [
            errors::sabotages(),
            validation::sabotages(),
            log_lines::sabotages(),
            request_ids::sabotages(),
            port::sabotages(),
            versions::sabotages(),
            compression::sabotages(),
            head_and_options::sabotages(),
        ],
    )
}
