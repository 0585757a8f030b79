//! What a wrong server remembers of the habits that passed it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde_json::Value;

use crate::message::{Answer, Request, any, creates, deletes};
use crate::sabotage::Sabotage;

/// The ids that were given out, and those that are gone again.
#[derive(Default)]
pub struct Memory {
    created: RefCell<Vec<i64>>,
    deleted: RefCell<BTreeSet<i64>>,
}

impl Memory {
    /// Nothing remembered yet.
    pub fn new() -> Rc<Self> {
        Rc::default()
    }

    /// Whether the id in the path was never given out.
    pub fn never_saw(&self, request: &Request) -> bool {
        request.id().is_some_and(|id| !self.created.borrow().contains(&id))
    }

    /// Whether the habit in the path was there once.
    pub fn saw_go(&self, request: &Request) -> bool {
        request.id().is_some_and(|id| self.deleted.borrow().contains(&id))
    }

    /// Habits there are, oldest first.
    pub fn live(&self) -> Vec<i64> {
        let deleted = self.deleted.borrow();
        self.created.borrow().iter().copied().filter(|id| !deleted.contains(id)).collect()
    }

    fn learn(&self, request: &Request, answer: &Answer) {
        if creates(request) && answer.is_success() {
            self.created.borrow_mut().extend(answer.id());
        }
        if deletes(request) && answer.is_success() {
            self.deleted.borrow_mut().extend(request.id());
        }
    }
}

impl Sabotage {
    /// Remembers what the right server did, before the answer hooks that follow change how it is told.
    pub fn remembering(self, memory: &Rc<Memory>) -> Self {
        let memory = memory.clone();
        self.answer(any, move |request, answer| memory.learn(request, answer))
    }

    /// Gives habits ids of its own, in place of the right server's, everywhere they are seen.
    ///
    /// `choose` gets the ids that are taken, and those that are free again, least first.
    pub fn renumbered(self, choose: impl Fn(&BTreeSet<i64>, &BTreeSet<i64>) -> i64 + 'static) -> Self {
        let numbers = Rc::new(RefCell::new(Numbers::default()));
        let known = numbers.clone();
        let inward = move |request: &mut Request| {
            if let Some(id) = request.id() {
                request.set_id(known.borrow().inner.get(&id).copied().unwrap_or(NO_HABIT));
            }
        };
        let outward = move |request: &Request, answer: &mut Answer| {
            let mut numbers = numbers.borrow_mut();
            if let Some(id) = answer.id().filter(|_| creates(request) && answer.is_success()) {
                let outer = choose(&numbers.taken(), &numbers.free);
                numbers.give(outer, id);
            }
            answer.edit_habits(|habit| {
                let inner = habit.get("id").and_then(Value::as_i64);
                if let Some(outer) = inner.and_then(|inner| numbers.outer.get(&inner)) {
                    habit.insert("id".into(), (*outer).into());
                }
            });
            if let Some(id) = answer.id().filter(|_| creates(request) && answer.header("location").is_some()) {
                answer.set_header("location", &format!("/habits/{id}"));
            }
            if deletes(request) && answer.is_success() {
                numbers.release(request.id());
            }
        };
        self.request(any, inward).answer(any, outward)
    }
}

/// An id that no right server gives out.
const NO_HABIT: i64 = i64::MAX - 7;

#[derive(Default)]
struct Numbers {
    /// From the client's ids to the right server's.
    inner: BTreeMap<i64, i64>,
    /// From the right server's ids to the client's.
    outer: BTreeMap<i64, i64>,
    free: BTreeSet<i64>,
}

impl Numbers {
    fn taken(&self) -> BTreeSet<i64> {
        self.inner.keys().copied().collect()
    }

    fn give(&mut self, outer: i64, inner: i64) {
        self.free.remove(&outer);
        self.inner.insert(outer, inner);
        self.outer.insert(inner, outer);
    }

    fn release(&mut self, outer: Option<i64>) {
        if let Some((outer, inner)) = outer.and_then(|outer| self.inner.remove_entry(&outer)) {
            self.outer.remove(&inner);
            self.free.insert(outer);
        }
    }
}
