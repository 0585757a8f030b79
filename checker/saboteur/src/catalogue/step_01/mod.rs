//! Wrong servers for step 1: mistakes that people make on their first day.

mod changing;
mod content_type;
mod creating;
mod deleting;
mod docs;
mod ids;
mod location;
mod reading;
mod text;

use crate::sabotage::{Sabotage, of_step};

/// The sabotages of step 1.
pub fn sabotages() -> Vec<Sabotage> {
    of_step(
        1,
        [
            creating::sabotages(),
            reading::sabotages(),
            changing::sabotages(),
            deleting::sabotages(),
            ids::sabotages(),
            content_type::sabotages(),
            docs::sabotages(),
            location::sabotages(),
            text::sabotages(),
        ],
    )
}
