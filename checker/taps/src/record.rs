//! The bounded recording of what a tap has seen.

use std::collections::VecDeque;
use std::fmt;

/// The most events kept, and the most memory they may use, in bytes; the oldest are dropped first.
const EVENTS: usize = 100_000;
const MEMORY: usize = 64 * 1024 * 1024;
/// The most troubles kept.
const TROUBLES: usize = 1_000;

/// A request of a client with its outcome, as a tap records it.
pub trait Event: Clone + fmt::Debug + 'static {
    /// An error that the service reports outside any request.
    type Error: Clone + fmt::Debug + fmt::Display;

    /// The memory it uses, in bytes.
    fn weight(&self) -> usize;
}

/// The record of a period.
#[derive(Debug, Clone)]
pub struct Seen<E: Event> {
    /// The requests in order of arrival.
    pub events: Vec<E>,
    /// All other events, with the number of the connection.
    pub troubles: Vec<(u64, Trouble<E::Error>)>,
    /// How many records were too many or too large to keep: unless this is 0, something may be missing.
    pub missed: u64,
}

/// An event that is not a request.
#[derive(Debug, Clone)]
pub enum Trouble<Error> {
    /// The service reported an error, within a request or outside any.
    Refused(Error),
    /// A connection could not be parsed, for this reason; its bytes are forwarded unrecorded.
    Unreadable(String),
    /// The service could not be reached, for this reason.
    Unreachable(String),
}

impl<Error: fmt::Display> fmt::Display for Trouble<Error> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Refused(error) => write!(f, "{error}"),
            Trouble::Unreadable(why) => write!(f, "a connection cannot be parsed: {why}"),
            Trouble::Unreachable(why) => write!(f, "the service cannot be reached: {why}"),
        }
    }
}

/// A position in the recording.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    event: u64,
    trouble: u64,
    shortened: u64,
}

/// The records of one tap.
pub struct Recording<E: Event> {
    events: VecDeque<E>,
    /// The number of the oldest event kept; the numbers are consecutive.
    oldest: u64,
    memory: usize,
    troubles: VecDeque<(u64, Trouble<E::Error>)>,
    oldest_trouble: u64,
    /// How many messages were truncated.
    shortened: u64,
}

impl<E: Event> Default for Recording<E> {
    fn default() -> Self {
        Recording { events: VecDeque::new(), oldest: 0, memory: 0, troubles: VecDeque::new(), oldest_trouble: 0, shortened: 0 }
    }
}

impl<E: Event> Recording<E> {
    /// Records an event and returns its number.
    pub fn add(&mut self, event: E) -> u64 {
        self.memory += event.weight();
        self.events.push_back(event);
        while self.events.len() > EVENTS || self.memory > MEMORY {
            let Some(gone) = self.events.pop_front() else { break };
            self.memory -= gone.weight();
            self.oldest += 1;
        }
        self.oldest + self.events.len() as u64 - 1
    }

    /// An event by its number, if it is still kept.
    pub fn get(&self, number: u64) -> Option<&E> {
        self.events.get(self.index(number)?)
    }

    /// Changes an event, if it is still kept.
    pub fn change(&mut self, number: u64, change: impl FnOnce(&mut E)) {
        let index = self.index(number);
        if let Some(event) = index.and_then(|index| self.events.get_mut(index)) {
            self.memory -= event.weight();
            change(event);
            self.memory += event.weight();
        }
    }

    fn index(&self, number: u64) -> Option<usize> {
        usize::try_from(number.checked_sub(self.oldest)?).ok()
    }

    /// Records another event.
    pub fn add_trouble(&mut self, connection: u64, trouble: Trouble<E::Error>) {
        self.troubles.push_back((connection, trouble));
        if self.troubles.len() > TROUBLES {
            self.troubles.pop_front();
            self.oldest_trouble += 1;
        }
    }

    /// Counts a truncated message.
    pub fn add_shortened(&mut self) {
        self.shortened += 1;
    }

    /// The current position.
    pub fn mark(&self) -> Mark {
        Mark {
            event: self.oldest + self.events.len() as u64,
            trouble: self.oldest_trouble + self.troubles.len() as u64,
            shortened: self.shortened,
        }
    }

    /// What was recorded since a position.
    pub fn since(&self, mark: Mark) -> Seen<E> {
        let skipped = |from: u64, oldest: u64| usize::try_from(from.saturating_sub(oldest)).unwrap_or(usize::MAX);
        let dropped = self.oldest.saturating_sub(mark.event) + self.oldest_trouble.saturating_sub(mark.trouble);
        Seen {
            events: self.events.iter().skip(skipped(mark.event, self.oldest)).cloned().collect(),
            troubles: self.troubles.iter().skip(skipped(mark.trouble, self.oldest_trouble)).cloned().collect(),
            missed: dropped + self.shortened.saturating_sub(mark.shortened),
        }
    }
}
