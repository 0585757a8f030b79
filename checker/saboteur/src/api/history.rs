//! The habits that were created and deleted through the proxy.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use super::routes::{any, creates, deletes};
use crate::http::{Request, Response};
use crate::sabotage::Sabotage;

/// The ids of the habits that were created, and of those that were deleted.
#[derive(Default)]
pub struct History {
    created: RefCell<Vec<i64>>,
    deleted: RefCell<BTreeSet<i64>>,
}

impl History {
    /// An empty history.
    pub fn new() -> Rc<Self> {
        Rc::default()
    }

    /// Whether no habit with the id in the path was ever created.
    pub fn never_existed(&self, request: &Request) -> bool {
        request.id().is_some_and(|id| !self.created.borrow().contains(&id))
    }

    /// Whether the habit in the path was deleted.
    pub fn was_deleted(&self, request: &Request) -> bool {
        request.id().is_some_and(|id| self.deleted.borrow().contains(&id))
    }

    /// The habits that exist, oldest first.
    pub fn existing(&self) -> Vec<i64> {
        let deleted = self.deleted.borrow();
        self.created.borrow().iter().copied().filter(|id| !deleted.contains(id)).collect()
    }

    fn record(&self, request: &Request, response: &Response) {
        if creates(request) && response.is_success() {
            self.created.borrow_mut().extend(response.id());
        }
        if deletes(request) && response.is_success() {
            self.deleted.borrow_mut().extend(request.id());
        }
    }
}

impl Sabotage {
    /// Records which habits are created and deleted. Response hooks before this one change what is recorded, those after do not.
    pub fn recording(self, history: &Rc<History>) -> Self {
        let history = history.clone();
        self.response(any, move |request, response| history.record(request, response))
    }
}
