//! Sabotages of step 5: loose shapes, input that is trusted, and a database whose end is the server's.

use crate::sabotage::Sabotage;

/// The sabotages of step 5.
pub fn sabotages() -> Vec<Sabotage> {
    let parts: [Vec<Sabotage>; 0] = [];
    parts.into_iter().flatten().collect()
}
