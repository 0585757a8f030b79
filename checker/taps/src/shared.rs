//! The state that the connections of a tap share.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Instant;

use tokio::sync::{Notify, watch};

use super::fault::Faults;
use super::record::{Event, Recording, Trouble};

/// What the connections of a tap share.
pub struct Shared<E: Event> {
    /// What the tap has seen.
    pub recording: RefCell<Recording<E>>,
    /// The faults that are active.
    pub faults: Rc<Faults<E>>,
    /// Every change cuts all connections.
    pub(crate) cuts: watch::Sender<()>,
    /// The number of connections so far.
    pub(crate) connections: Cell<u64>,
    /// When bytes last arrived from either side.
    pub(crate) traffic: Cell<Option<Instant>>,
    /// The number of connections that wait for a result.
    pub(crate) waiting: Cell<usize>,
    /// Notified when no connection waits any longer.
    pub(crate) answered: Notify,
}

impl<E: Event> Default for Shared<E> {
    fn default() -> Self {
        Shared {
            recording: RefCell::default(),
            faults: Rc::default(),
            cuts: watch::Sender::default(),
            connections: Cell::default(),
            traffic: Cell::default(),
            waiting: Cell::default(),
            answered: Notify::default(),
        }
    }
}

impl<E: Event> Shared<E> {
    /// Updates the number of connections that wait for a result.
    pub fn note_waiting(&self, waits: bool) {
        let waiting = self.waiting.get();
        self.waiting.set(if waits { waiting + 1 } else { waiting.saturating_sub(1) });
        if self.waiting.get() == 0 {
            self.answered.notify_waiters();
        }
    }

    /// Records an event of a connection that is not a request.
    pub fn note_trouble(&self, connection: u64, trouble: Trouble<E::Error>) {
        self.recording.borrow_mut().add_trouble(connection, trouble);
    }

    pub(crate) fn note_traffic(&self) {
        self.traffic.set(Some(Instant::now()));
    }
}
