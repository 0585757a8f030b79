//! Which check comes next, where several servers of a target are examined side by side.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use tokio::sync::{Notify, RwLock};

use crate::course::{Check, SIGNING_IN};
use crate::outcome::Verdict;

/// The checks of a run, handed out to lanes: each check after those that it needs.
pub struct Schedule<'a> {
    checks: &'a [Check],
    states: RefCell<Vec<State>>,
    /// Checks that did not pass, and why what needs them is skipped.
    unmet: RefCell<HashMap<&'static str, String>>,
    changed: Notify,
    lanes: Cell<usize>,
    /// Held for writing by a check that measures times, for reading by every other one.
    pub quiet: RwLock<()>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Taken,
    Decided,
}

impl<'a> Schedule<'a> {
    /// A schedule of which nothing is done yet.
    pub fn new(checks: &'a [Check], lanes: usize) -> Self {
        Schedule {
            checks,
            states: RefCell::new(vec![State::Open; checks.len()]),
            unmet: RefCell::default(),
            changed: Notify::new(),
            lanes: Cell::new(lanes),
            quiet: RwLock::default(),
        }
    }

    /// The place of the next check, once what it needs is decided; none when all checks are taken.
    pub async fn next(&self) -> Option<usize> {
        loop {
            // Asked for before looking, so that no change between the two is missed.
            let changed = self.changed.notified();
            let place = (0..self.checks.len()).find(|place| self.is(*place, State::Open) && self.is_due(*place));
            if let Some(place) = place {
                self.set(place, State::Taken);
                return Some(place);
            }
            if self.states.borrow().iter().all(|state| *state == State::Decided) {
                return None;
            }
            changed.await;
        }
    }

    /// Takes note of what a check came to.
    pub fn decide(&self, place: usize, verdict: &Verdict) {
        let id = self.checks[place].id;
        let reason = match verdict {
            Verdict::Pass => None,
            Verdict::Fail(_) => Some(format!("{id} failed")),
            Verdict::Skipped(reason) => Some(reason.clone()),
            Verdict::Inconclusive(_) => Some(format!("{id} was inconclusive")),
        };
        self.unmet.borrow_mut().extend(reason.map(|reason| (id, reason)));
        self.set(place, State::Decided);
    }

    /// Leaves a check, and all others, to the other lanes; false where there is none.
    pub fn leave(&self, place: usize) -> bool {
        let others = self.lanes.get() - 1;
        if others > 0 {
            self.lanes.set(others);
            self.set(place, State::Open);
        }
        others > 0
    }

    /// Why there is no sense in this check.
    pub fn unmet_need(&self, check: &Check) -> Option<String> {
        self.unmet_of(check.needs)
    }

    /// Why nobody can be signed in, if a check before has said so.
    pub fn signed_out(&self) -> Option<String> {
        self.unmet_of(&SIGNING_IN)
    }

    /// How many checks are decided.
    pub fn done(&self) -> usize {
        self.states.borrow().iter().filter(|state| **state == State::Decided).count()
    }

    fn unmet_of(&self, ids: &[&str]) -> Option<String> {
        let unmet = self.unmet.borrow();
        ids.iter().find_map(|id| unmet.get(id)).cloned()
    }

    /// Whether what a check needs is decided. Whether anybody can sign in is told by the checks that are about it, so those
    /// come before all others.
    fn is_due(&self, place: usize) -> bool {
        let check = &self.checks[place];
        let signs_in = |id: &str| SIGNING_IN.contains(&id);
        let is_first = |other: &Check| check.needs.contains(&other.id) || signs_in(other.id) && !signs_in(check.id);
        (0..self.checks.len()).all(|other| !is_first(&self.checks[other]) || self.is(other, State::Decided))
    }

    fn is(&self, place: usize, state: State) -> bool {
        self.states.borrow()[place] == state
    }

    fn set(&self, place: usize, state: State) {
        self.states.borrow_mut()[place] = state;
        self.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::check;
    use crate::outcome::Stop;

    fn checks() -> Vec<Check> {
        let draft = |id, needs| check(id, "").needs(needs).proof(async |_| Ok(()));
        vec![draft("5.late", &["3.early"]), draft("4.signup", &[]), draft("3.early", &[]), draft("4.login", &["4.signup"])]
    }

    async fn order(schedule: &Schedule<'_>, checks: &[Check]) -> Vec<&'static str> {
        let mut order = Vec::new();
        while let Some(place) = schedule.next().await {
            order.push(checks[place].id);
            tokio::task::yield_now().await;
            schedule.decide(place, &Verdict::Pass);
        }
        order
    }

    #[tokio::test]
    async fn signing_in_comes_first_and_a_check_after_what_it_needs() {
        let checks = checks();
        let schedule = Schedule::new(&checks, 1);
        assert_eq!(order(&schedule, &checks).await, ["4.signup", "4.login", "3.early", "5.late"]);
    }

    #[tokio::test]
    async fn two_lanes_take_each_check_once() {
        let checks = checks();
        let schedule = Schedule::new(&checks, 2);
        let (mut one, other) = tokio::join!(order(&schedule, &checks), order(&schedule, &checks));
        one.extend(other);
        one.sort_unstable();
        assert_eq!(one, ["3.early", "4.login", "4.signup", "5.late"]);
        assert_eq!(schedule.done(), 4);
    }

    #[tokio::test]
    async fn a_check_that_a_lane_leaves_is_for_the_other_one() {
        let checks = checks();
        let schedule = Schedule::new(&checks, 2);
        let place = schedule.next().await.expect("a check");
        assert!(schedule.leave(place), "there is another lane");
        assert_eq!(schedule.next().await, Some(place));
        assert!(!schedule.leave(place), "the last lane cannot leave");
    }

    #[tokio::test]
    async fn what_needs_a_check_that_failed_has_no_sense() {
        let checks = checks();
        let schedule = Schedule::new(&checks, 1);
        let Stop::Fail(failure) = Stop::fail("one thing", "another") else { panic!("a failure") };
        schedule.decide(2, &Verdict::Fail(failure));
        assert_eq!(schedule.unmet_need(&checks[0]).as_deref(), Some("3.early failed"));
        assert_eq!(schedule.signed_out(), None);
    }

    #[test]
    fn the_checks_of_signing_in_need_no_others() {
        let needs = |id: &&str| crate::course::find(id).expect("the check exists").needs;
        assert!(SIGNING_IN.iter().flat_map(needs).all(|need| SIGNING_IN.contains(need)));
    }
}
