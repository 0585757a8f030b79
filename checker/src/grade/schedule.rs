//! Which check comes next, where several servers of a target are examined side by side.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use tokio::sync::Notify;

use crate::course::{Check, SIGNING_IN};
use crate::outcome::Verdict;

/// The checks of a run, handed out to lanes: each check after those that it needs.
pub struct Schedule<'a> {
    pub checks: &'a [Check],
    /// The places of the checks that come before each.
    before: Vec<Vec<usize>>,
    states: RefCell<Vec<State>>,
    /// Checks that did not pass, and why what needs them is skipped.
    unmet: RefCell<HashMap<&'static str, String>>,
    changed: Notify,
    lanes: RefCell<BTreeSet<usize>>,
    /// Whether somebody takes the checks in which the lanes' servers have no part.
    apart: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Taken,
    Decided,
}

impl<'a> Schedule<'a> {
    /// A schedule of which nothing is done yet, for these lanes, and for whoever takes what is `apart`, if there is somebody.
    pub fn new(checks: &'a [Check], lanes: impl IntoIterator<Item = usize>, apart: bool) -> Self {
        Schedule {
            checks,
            before: checks.iter().map(|check| before(check, checks)).collect(),
            states: RefCell::new(vec![State::Open; checks.len()]),
            unmet: RefCell::default(),
            changed: Notify::new(),
            lanes: RefCell::new(lanes.into_iter().collect()),
            apart,
        }
    }

    /// The place of the next check for a lane, once what it needs is decided; none when all checks are.
    pub async fn next(&self, lane: usize) -> Option<usize> {
        self.first(|| self.due(lane)).await
    }

    /// The same for whoever takes what is apart.
    pub async fn next_apart(&self) -> Option<usize> {
        self.first(|| self.due_apart()).await
    }

    async fn first(&self, due: impl Fn() -> Option<usize>) -> Option<usize> {
        loop {
            // Asked for before looking, so that no change between the two is missed.
            let changed = self.changed.notified();
            if let Some(place) = due() {
                self.set(place, State::Taken);
                return Some(place);
            }
            if self.done() == self.checks.len() {
                return None;
            }
            changed.await;
        }
    }

    /// The first check that is due, and that this lane may have. What is for the first lane alone is done there one after the other,
    /// so that lane begins with it.
    fn due(&self, lane: usize) -> Option<usize> {
        let for_the_first = |check: &Check| check.in_first_lane || check.apart;
        let due = |wanted: bool| self.find(|check| for_the_first(check) == wanted && !(check.apart && self.apart));
        let is_first = self.lanes.borrow().first() == Some(&lane);
        is_first.then(|| due(true)).flatten().or_else(|| due(false))
    }

    fn due_apart(&self) -> Option<usize> {
        self.find(|check| check.apart)
    }

    fn find(&self, wanted: impl Fn(&Check) -> bool) -> Option<usize> {
        (0..self.checks.len()).find(|place| wanted(&self.checks[*place]) && self.is_due(*place))
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
    pub fn leave(&self, place: usize, lane: usize) -> bool {
        if self.lanes.borrow().len() < 2 {
            return false;
        }
        self.withdraw(lane);
        self.set(place, State::Open);
        true
    }

    /// A lane that has no check is there no longer.
    pub fn withdraw(&self, lane: usize) {
        self.lanes.borrow_mut().remove(&lane);
        self.changed.notify_waiters();
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

    fn is_due(&self, place: usize) -> bool {
        let is_quiet = || !self.states.borrow().contains(&State::Taken);
        self.is(place, State::Open)
            && self.before[place].iter().all(|before| self.is(*before, State::Decided))
            && (!self.checks[place].alone || is_quiet())
    }

    fn is(&self, place: usize, state: State) -> bool {
        self.states.borrow()[place] == state
    }

    fn set(&self, place: usize, state: State) {
        self.states.borrow_mut()[place] = state;
        self.changed.notify_waiters();
    }
}

/// The places of what a check needs. Whether anybody can sign in is told by the checks that are about it, so those come before all
/// others; and what measures times comes last, when no lane has anything else to do.
fn before(check: &Check, checks: &[Check]) -> Vec<usize> {
    let signs_in = |check: &Check| SIGNING_IN.contains(&check.id);
    let is_first = signs_in(check);
    let is_before =
        |other: &Check| check.needs.contains(&other.id) || !is_first && signs_in(other) || check.alone && !other.alone;
    (0..checks.len()).filter(|other| is_before(&checks[*other])).collect()
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

    async fn order(schedule: &Schedule<'_>, checks: &[Check], lane: usize) -> Vec<&'static str> {
        let mut order = Vec::new();
        while let Some(place) = schedule.next(lane).await {
            order.push(checks[place].id);
            tokio::task::yield_now().await;
            schedule.decide(place, &Verdict::Pass);
        }
        order
    }

    #[tokio::test]
    async fn signing_in_comes_first_and_a_check_after_what_it_needs() {
        let checks = checks();
        let schedule = Schedule::new(&checks, [0], false);
        assert_eq!(order(&schedule, &checks, 0).await, ["4.signup", "4.login", "3.early", "5.late"]);
    }

    #[tokio::test]
    async fn two_lanes_take_each_check_once() {
        let checks = checks();
        let schedule = Schedule::new(&checks, [0, 1], false);
        let (mut one, other) = tokio::join!(order(&schedule, &checks, 0), order(&schedule, &checks, 1));
        one.extend(other);
        one.sort_unstable();
        assert_eq!(one, ["3.early", "4.login", "4.signup", "5.late"]);
        assert_eq!(schedule.done(), 4);
    }

    #[tokio::test]
    async fn what_measures_times_comes_last_and_alone() {
        let draft = |id| check(id, "");
        let some = async |_: &_| Ok(());
        let checks = [draft("3.quiet").alone().proof(some), draft("3.still").alone().proof(some), draft("3.noise").proof(some)];
        let schedule = Schedule::new(&checks, [0, 1], false);
        assert_eq!(schedule.next(0).await, Some(2));
        for (last, next) in [(2, 0), (0, 1)] {
            assert_eq!(schedule.due(1), None, "another check is under way");
            schedule.decide(last, &Verdict::Pass);
            assert_eq!(schedule.next(1).await, Some(next));
        }
    }

    #[tokio::test]
    async fn the_first_lane_there_is_has_what_is_for_it_alone() {
        let draft = |id| check(id, "");
        let some = async |_: &_| Ok(());
        let checks = [
            draft("3.plain").proof(some),
            draft("3.one").in_first_lane().proof(some),
            draft("3.two").in_first_lane().proof(some),
        ];
        let schedule = Schedule::new(&checks, [0, 1], false);
        assert_eq!(schedule.next(1).await, Some(0));
        assert_eq!(schedule.due(1), None);
        let place = schedule.next(0).await.expect("it begins with those");
        assert_eq!(checks[place].id, "3.one");
        assert!(schedule.leave(place, 0));
        schedule.decide(0, &Verdict::Pass);
        assert_eq!(order(&schedule, &checks, 1).await, ["3.one", "3.two"]);
    }

    #[tokio::test]
    async fn what_is_apart_is_for_whoever_takes_that_and_else_for_the_first_lane() {
        let draft = |id| check(id, "");
        let some = async |_: &_| Ok(());
        let checks = [draft("3.apart").apart().proof(some), draft("3.plain").proof(some)];
        let schedule = Schedule::new(&checks, [0, 1], true);
        assert_eq!(schedule.next_apart().await, Some(0));
        assert_eq!(schedule.next(0).await, Some(1));
        assert_eq!((schedule.due(0), schedule.due(1), schedule.due_apart()), (None, None, None));
        let schedule = Schedule::new(&checks, [0, 1], false);
        assert_eq!(schedule.next(1).await, Some(1));
        assert_eq!((schedule.due(1), schedule.due(0)), (None, Some(0)));
    }

    #[tokio::test]
    async fn a_check_that_a_lane_leaves_is_for_the_other_one() {
        let checks = checks();
        let schedule = Schedule::new(&checks, [0, 1], false);
        let place = schedule.next(0).await.expect("a check");
        assert!(schedule.leave(place, 0), "there is another lane");
        assert_eq!(schedule.next(1).await, Some(place));
        assert!(!schedule.leave(place, 1), "the last lane cannot leave");
    }

    #[tokio::test]
    async fn what_needs_a_check_that_failed_has_no_sense() {
        let checks = checks();
        let schedule = Schedule::new(&checks, [0], false);
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

    #[test]
    fn nothing_needs_a_check_that_comes_last() {
        let all = crate::course::STEPS.iter().flat_map(crate::course::Step::own_checks).collect::<Vec<_>>();
        let last = |id: &&str| crate::course::find(id).expect("the check exists").alone;
        assert!(all.iter().filter(|check| !check.alone).all(|check| !check.needs.iter().any(last)));
    }
}
