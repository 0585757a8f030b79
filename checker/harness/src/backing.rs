//! The backing services of a server: its own part of each fixture, and the users that checks share there.

use std::any::Any;
use std::rc::Rc;

use fixtures::{Part, Visible};
use futures_util::future::join_all;
use model::{Outcome, Stop};

use crate::users::Users;

/// A part of every fixture of a step. Servers that are started with the same one share their data.
pub struct Backing {
    parts: Vec<Rc<dyn Part>>,
    users: Rc<Users>,
}

impl Backing {
    pub(crate) fn new(parts: Vec<Rc<dyn Part>>) -> Backing {
        Backing { parts, users: Rc::default() }
    }

    /// The part of this type, if the step has such a fixture.
    pub fn get<T: Part>(&self) -> Option<Rc<T>> {
        self.parts.iter().find_map(|part| {
            let part: Rc<dyn Any> = part.clone();
            part.downcast().ok()
        })
    }

    /// The part of this type; the check is skipped where the checker cannot see one.
    pub fn fixture<T: Visible>(&self) -> Outcome<Rc<T>> {
        self.get().ok_or_else(|| Stop::Skip(T::UNSEEN.into()))
    }

    /// The parts.
    pub fn parts(&self) -> &[Rc<dyn Part>] {
        &self.parts
    }

    /// Whether there are no parts: the step has no fixtures, or the server brings its own.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The users that checks share.
    pub fn users(&self) -> &Rc<Users> {
        &self.users
    }

    /// The environment variables that point a server to its parts.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        self.parts.iter().flat_map(|part| part.environment()).collect()
    }

    pub(crate) async fn remove(self) {
        join_all(self.parts.into_iter().map(Part::remove)).await;
    }
}
