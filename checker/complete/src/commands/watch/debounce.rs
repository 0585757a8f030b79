//! One save is many events: this waits until they have calmed down.

use std::time::{Duration, Instant};

/// How long nothing may happen before a save counts as done. Editors write, rename and touch within a few milliseconds.
const QUIET: Duration = Duration::from_millis(150);
/// How long to wait at most while events keep coming.
const LONGEST: Duration = Duration::from_millis(800);

/// Events that have not been acted on.
#[derive(Debug, Default)]
pub struct Debounce {
    pending: Option<Pending>,
}

#[derive(Debug, Clone, Copy)]
struct Pending {
    first: Instant,
    last: Instant,
}

impl Debounce {
    /// Something happened.
    pub fn note(&mut self, now: Instant) {
        let first = self.pending.map_or(now, |pending| pending.first);
        self.pending = Some(Pending { first, last: now });
    }

    /// When to act on what has happened, unless more happens.
    pub fn due(&self) -> Option<Instant> {
        self.pending.map(|pending| (pending.last + QUIET).min(pending.first + LONGEST))
    }

    /// Forgets what has happened, since it is acted on now.
    pub fn clear(&mut self) {
        self.pending = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(events: &[u64]) -> Duration {
        let start = Instant::now();
        let mut debounce = Debounce::default();
        for at in events {
            debounce.note(start + Duration::from_millis(*at));
        }
        debounce.due().expect("something happened") - start
    }

    #[test]
    fn without_events_nothing_is_due() {
        assert_eq!(Debounce::default().due(), None);
        let mut debounce = Debounce::default();
        debounce.note(Instant::now());
        debounce.clear();
        assert_eq!(debounce.due(), None);
    }

    #[test]
    fn each_event_of_a_save_puts_the_run_off_a_little() {
        assert_eq!(after(&[0]), QUIET);
        assert_eq!(after(&[0, 20, 100]), Duration::from_millis(100) + QUIET);
    }

    #[test]
    fn a_stream_of_events_does_not_put_it_off_forever() {
        let stream: Vec<u64> = (0..100).map(|n| n * 50).collect();
        assert_eq!(after(&stream), LONGEST);
    }
}
