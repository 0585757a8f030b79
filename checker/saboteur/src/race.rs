//! Race conditions: tells which requests overlap, and how long a server leaves the window open.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

/// How long a server with a race condition waits between its check and the write that depends on it.
pub const WINDOW: Duration = Duration::from_millis(10);

/// The number of requests in flight.
#[derive(Default)]
pub struct InFlight(Rc<Cell<usize>>);

impl InFlight {
    /// Counts a request until the guard is dropped, which also happens when the client hangs up.
    pub fn enter(&self) -> Guard {
        let before = self.0.get();
        self.0.set(before + 1);
        Guard { overlaps: before > 0, in_flight: self.0.clone() }
    }
}

/// One request in flight.
pub struct Guard {
    /// Whether another request was in flight when this one began.
    pub overlaps: bool,
    in_flight: Rc<Cell<usize>>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.in_flight.set(self.in_flight.get() - 1);
    }
}
