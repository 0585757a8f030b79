//! Step 4 · Authentication and authorization: signing up and in, tokens, and whose habits are whose.

use super::check::Check;

/// The checks of step 4.
pub fn checks() -> Vec<Check> {
    Vec::new()
}
