//! Wrong servers for step 2: errors, validation, logs, request ids, configuration and further features of HTTP.

mod configuration;
mod errors;
mod extras;
mod logs;
mod validation;

use crate::sabotage::{Sabotage, of_step};

/// The sabotages of step 2.
pub fn sabotages() -> Vec<Sabotage> {
    of_step(2, [errors::sabotages(), validation::sabotages(), logs::sabotages(), configuration::sabotages(), extras::sabotages()])
}
