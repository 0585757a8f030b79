//! Tells requests that run alone from those that overlap with another.

use std::cell::Cell;
use std::rc::Rc;

/// How many requests are inside.
#[derive(Default)]
pub struct Crowd(Rc<Cell<usize>>);

impl Crowd {
    /// Enters until the visit is dropped, also when the client hangs up.
    pub fn enter(&self) -> Visit {
        let before = self.0.get();
        self.0.set(before + 1);
        Visit { was_alone: before == 0, inside: self.0.clone() }
    }
}

/// The stay of one request.
pub struct Visit {
    /// Whether nobody else was inside when it began.
    pub was_alone: bool,
    inside: Rc<Cell<usize>>,
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.inside.set(self.inside.get() - 1);
    }
}
