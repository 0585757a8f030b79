//! Sabotages of step 5: loose shapes, input that is trusted, and a database whose end is the server's.

mod causes;
mod cors;
mod headers;
mod limiter;
mod outage;
mod rates;
mod recovery;
mod timeouts;

use crate::sabotage::Sabotage;

/// The sabotages of step 5.
pub fn sabotages() -> Vec<Sabotage> {
    let parts = [
        outage::sabotages(),
        causes::sabotages(),
        recovery::sabotages(),
        timeouts::sabotages(),
        headers::sabotages(),
        cors::sabotages(),
        rates::sabotages(),
    ];
    parts.into_iter().flatten().collect()
}

fn wrong(name: &'static str, trips: &'static [&'static str], breaks: &'static str) -> Sabotage {
    Sabotage::new(5, name, trips, breaks)
}
