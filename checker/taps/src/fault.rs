//! Fault injection: the faults of a tap, and how often each has hit traffic.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::watch;

/// When a connection is cut, relative to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// No byte of the request reaches the service.
    Before,
    /// Part of the request reaches the service, so that it is never executed.
    Mid,
    /// The request has been executed, and outside a transaction it is committed, but the client never learns it.
    After,
}

/// A fault that is active while this value lives. A fault that never hit traffic proves nothing.
#[must_use = "the fault ends as soon as this value is dropped"]
pub struct Fault {
    faults: Rc<dyn Ends>,
    hits: Hits,
}

impl Fault {
    /// How often it hit traffic: delayed round trips, and cut, refused or silenced connections.
    pub fn hits(&self) -> u64 {
        self.hits.get()
    }

    /// Ends the fault and returns how often it hit. Connections whose bytes were swallowed are cut, as their streams have gaps.
    pub fn end(self) -> u64 {
        self.hits()
    }
}

impl Drop for Fault {
    fn drop(&mut self) {
        self.faults.end(&self.hits);
    }
}

type Hits = Rc<Cell<u64>>;
type Choice<E> = Box<dyn Fn(&E) -> bool>;

/// Where a fault is ended, whatever the events of the tap are.
trait Ends {
    /// Ends a fault. One that was replaced by another of its kind has already ended.
    fn end(&self, hits: &Hits);
}

/// The faults of one tap: the latest of each kind.
pub struct Faults<E> {
    delay: RefCell<Option<(Duration, Hits)>>,
    cut: RefCell<Option<(Moment, Choice<E>, Hits)>>,
    black_hole: RefCell<Option<Hits>>,
    refusal: RefCell<Option<Hits>>,
    changes: watch::Sender<()>,
}

impl<E> Default for Faults<E> {
    fn default() -> Self {
        Faults {
            delay: RefCell::default(),
            cut: RefCell::default(),
            black_hole: RefCell::default(),
            refusal: RefCell::default(),
            changes: watch::Sender::default(),
        }
    }
}

impl<E: 'static> Faults<E> {
    /// Delays each round trip by this time.
    pub fn delay(self: &Rc<Self>, time: Duration) -> Fault {
        self.begin(|hits| *self.delay.borrow_mut() = Some((time, hits)))
    }

    /// Cuts the connection of the next chosen request.
    pub fn cut_next(self: &Rc<Self>, moment: Moment, choice: impl Fn(&E) -> bool + 'static) -> Fault {
        self.begin(|hits| *self.cut.borrow_mut() = Some((moment, Box::new(choice), hits)))
    }

    /// Accepts connections and bytes, and forwards nothing.
    pub fn black_hole(self: &Rc<Self>) -> Fault {
        self.begin(|hits| *self.black_hole.borrow_mut() = Some(hits))
    }

    /// Resets every new connection.
    pub fn refuse(self: &Rc<Self>) -> Fault {
        self.begin(|hits| *self.refusal.borrow_mut() = Some(hits))
    }

    fn begin(self: &Rc<Self>, place: impl FnOnce(Hits)) -> Fault {
        let hits = Hits::default();
        place(hits.clone());
        self.changes.send_replace(());
        Fault { faults: self.clone(), hits }
    }

    /// A receiver that changes when a fault begins or ends.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// Waits for the delay of a round trip, or until the delay is changed or ended.
    pub async fn wait(&self) {
        let Some(time) = self.delay.borrow().as_ref().map(|(time, hits)| {
            hits.set(hits.get() + 1);
            *time
        }) else {
            return;
        };
        let mut changes = self.changes();
        let changed = async {
            while self.delay.borrow().as_ref().is_some_and(|(now, _)| *now == time) {
                if changes.changed().await.is_err() {
                    break;
                }
            }
        };
        let _ = tokio::time::timeout(time, changed).await;
    }

    /// Whether a cut is waiting for its request.
    pub fn cut_is_armed(&self) -> bool {
        self.cut.borrow().is_some()
    }

    /// The cut that applies to this request, if any. The call disarms it, because a cut applies to one request.
    pub fn cut(&self, event: &E) -> Option<Cut> {
        // Taken out meanwhile, because the choice may use the tap.
        let (moment, choice, hits) = self.cut.take()?;
        if choice(event) {
            return Some(Cut { moment, hits });
        }
        self.cut.borrow_mut().get_or_insert((moment, choice, hits));
        None
    }

    /// Counts a new connection as refused if connections are refused now.
    pub fn refuses(&self) -> bool {
        hit(&self.refusal)
    }

    /// Counts traffic as swallowed if everything is swallowed now.
    pub fn swallows(&self) -> bool {
        hit(&self.black_hole)
    }

    /// Waits until traffic is forwarded again.
    pub async fn passable(&self) {
        let mut changes = self.changes();
        while self.black_hole.borrow().is_some() && changes.changed().await.is_ok() {}
    }
}

impl<E> Ends for Faults<E> {
    fn end(&self, hits: &Hits) {
        let same = |other: &Hits| Rc::ptr_eq(other, hits);
        self.delay.borrow_mut().take_if(|(_, other)| same(other));
        self.cut.borrow_mut().take_if(|(_, _, other)| same(other));
        self.black_hole.borrow_mut().take_if(|other| same(other));
        self.refusal.borrow_mut().take_if(|other| same(other));
        self.changes.send_replace(());
    }
}

fn hit(slot: &RefCell<Option<Hits>>) -> bool {
    let slot = slot.borrow();
    slot.iter().for_each(|hits| hits.set(hits.get() + 1));
    slot.is_some()
}

/// A cut that has found its request.
pub struct Cut {
    /// When it is due, relative to the request.
    pub moment: Moment,
    hits: Hits,
}

impl Cut {
    /// Counts it as a hit.
    pub fn done(self) {
        self.hits.set(self.hits.get() + 1);
    }
}
