//! Step 5 · Validation and errors: what comes in is never trusted, and what goes wrong is said in brief and logged in full.

use super::check::Check;

/// The checks of step 5.
pub fn checks() -> Vec<Check> {
    Vec::new()
}
