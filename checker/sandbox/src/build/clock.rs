//! The time that a build takes, and how long it may be silent.

use std::time::{Duration, Instant};

/// How long cargo may work without any progress. A build may take as long as the machine needs for it.
pub const SILENT_FOR: Duration = Duration::from_secs(10 * 60);
/// How long to wait for another cargo. A full build of the workshop takes less.
pub const WAIT_WITHIN: Duration = Duration::from_secs(30 * 60);
/// Measures the time that cargo works, excluding the time it waits for another cargo, and the time without progress.
pub struct Clock {
    begun: Instant,
    pub(super) advanced: Instant,
    waited: Duration,
    waiting_since: Option<Instant>,
}

impl Clock {
    pub fn new() -> Clock {
        Clock { begun: Instant::now(), advanced: Instant::now(), waited: Duration::ZERO, waiting_since: None }
    }

    pub fn waits(&mut self) {
        self.waiting_since.get_or_insert_with(Instant::now);
    }

    pub fn works(&mut self) {
        if let Some(since) = self.waiting_since.take() {
            self.waited += since.elapsed();
            self.advances();
        }
    }

    pub fn advances(&mut self) {
        self.advanced = Instant::now();
    }

    pub fn is_waiting(&self) -> bool {
        self.waiting_since.is_some()
    }

    pub fn worked(&self) -> Duration {
        let waiting = self.waiting_since.map_or(Duration::ZERO, |since| since.elapsed());
        self.begun.elapsed().saturating_sub(self.waited + waiting)
    }

    pub fn remaining(&self) -> Duration {
        match self.waiting_since {
            Some(since) => WAIT_WITHIN.saturating_sub(since.elapsed()),
            None => SILENT_FOR.saturating_sub(self.advanced.elapsed()),
        }
    }
}
