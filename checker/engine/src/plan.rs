//! Which check comes next, when several workers examine servers of a target side by side.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use tokio::sync::Notify;

use harness::check::Check;
use model::Verdict;

/// The checks of a run, handed out to workers: each check after those that it needs.
pub struct Plan<'a> {
    pub checks: &'a [Check],
    /// The places of the checks that come before each.
    before: Vec<Vec<usize>>,
    states: RefCell<Vec<State>>,
    /// The checks that did not pass, each with the reason why its dependents are skipped.
    unmet: RefCell<HashMap<&'static str, String>>,
    changed: Notify,
    workers: RefCell<BTreeSet<usize>>,
    /// Whether isolated checks run beside the workers.
    isolated: bool,
    /// The checks that prove that users can sign in.
    sign_in: &'static [&'static str],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Taken,
    Decided,
}

impl<'a> Plan<'a> {
    /// A plan with every check open, for these workers. With `isolated`, isolated checks run beside the workers; otherwise the
    /// first worker runs them.
    pub fn new(
        checks: &'a [Check],
        sign_in: &'static [&'static str],
        workers: impl IntoIterator<Item = usize>,
        isolated: bool,
    ) -> Self {
        Plan {
            checks,
            before: checks.iter().map(|check| before(check, checks, sign_in)).collect(),
            states: RefCell::new(vec![State::Open; checks.len()]),
            unmet: RefCell::default(),
            changed: Notify::new(),
            workers: RefCell::new(workers.into_iter().collect()),
            isolated,
            sign_in,
        }
    }

    /// The place of the next check for a worker, once the checks it needs are decided; `None` once all checks are.
    pub async fn next(&self, worker: usize) -> Option<usize> {
        self.first(|| self.due(worker)).await
    }

    /// The place of the next isolated check.
    pub async fn next_isolated(&self) -> Option<usize> {
        self.first(|| self.due_isolated()).await
    }

    async fn first(&self, due: impl Fn() -> Option<usize>) -> Option<usize> {
        loop {
            // Subscribe before looking, so that no change between the two is missed.
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

    /// The first due check that this worker may run. Some checks only the first worker may run, one after the other, so it begins
    /// with them.
    fn due(&self, worker: usize) -> Option<usize> {
        let due = |for_first: bool| {
            self.find(|check| is_for_the_first(check) == for_first && !(check.disturbs.is_some() && self.isolated))
        };
        let is_first = self.workers.borrow().first() == Some(&worker);
        is_first.then(|| due(true)).flatten().or_else(|| due(false))
    }

    fn due_isolated(&self) -> Option<usize> {
        self.find(|check| check.disturbs.is_some())
    }

    fn find(&self, wanted: impl Fn(&Check) -> bool) -> Option<usize> {
        (0..self.checks.len()).find(|place| wanted(&self.checks[*place]) && self.is_due(*place))
    }

    /// Records the verdict of a check.
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

    /// Leaves this check and all others to the other workers; `false` if there are none.
    pub fn leave(&self, place: usize, worker: usize) -> bool {
        if self.workers.borrow().len() < 2 {
            return false;
        }
        self.withdraw(worker);
        self.set(place, State::Open);
        true
    }

    /// Takes a worker that has no check off the plan.
    pub fn withdraw(&self, worker: usize) {
        self.workers.borrow_mut().remove(&worker);
        self.changed.notify_waiters();
    }

    /// Why this check is to be skipped, if a check that it needs did not pass.
    pub fn unmet_need(&self, check: &Check) -> Option<String> {
        self.first_unmet(check.needs)
    }

    /// Why no user can sign in, if an earlier check has shown that.
    pub fn signed_out(&self) -> Option<String> {
        self.first_unmet(self.sign_in)
    }

    /// How many checks are decided.
    pub fn done(&self) -> usize {
        self.states.borrow().iter().filter(|state| **state == State::Decided).count()
    }

    fn first_unmet(&self, ids: &[&str]) -> Option<String> {
        let unmet = self.unmet.borrow();
        ids.iter().find_map(|id| unmet.get(id)).cloned()
    }

    fn is_due(&self, place: usize) -> bool {
        let is_quiet = || !self.states.borrow().contains(&State::Taken);
        self.is(place, State::Open)
            && self.before[place].iter().all(|before| self.is(*before, State::Decided))
            && (!self.checks[place].exclusive || is_quiet())
    }

    fn is(&self, place: usize, state: State) -> bool {
        self.states.borrow()[place] == state
    }

    fn set(&self, place: usize, state: State) {
        self.states.borrow_mut()[place] = state;
        self.changed.notify_waiters();
    }
}

/// Whether only the first worker may run a check, since what it needs (a second user, backing services to disturb) is made once.
fn is_for_the_first(check: &Check) -> bool {
    check.second_user || check.disturbs.is_some()
}

/// The places of the checks that come before one. The checks that prove that users can sign in come before all others, and
/// exclusive ones last, when no worker has anything else to do.
fn before(check: &Check, checks: &[Check], sign_in: &[&str]) -> Vec<usize> {
    let signs_in = |check: &Check| sign_in.contains(&check.id);
    let is_first = signs_in(check);
    let is_before =
        |other: &Check| check.needs.contains(&other.id) || !is_first && signs_in(other) || check.exclusive && !other.exclusive;
    (0..checks.len()).filter(|other| is_before(&checks[*other])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness::check::check;
    use model::Stop;
    use services::DATABASE;

    const SIGN_IN: &[&str] = &["4.signup", "4.login"];

    fn checks() -> Vec<Check> {
        let draft = |id, needs| check(id, "").needs(needs).proof(async |_| Ok(()));
        vec![draft("5.late", &["3.early"]), draft("4.signup", &[]), draft("3.early", &[]), draft("4.login", &["4.signup"])]
    }

    async fn order(plan: &Plan<'_>, checks: &[Check], worker: usize) -> Vec<&'static str> {
        let mut order = Vec::new();
        while let Some(place) = plan.next(worker).await {
            order.push(checks[place].id);
            tokio::task::yield_now().await;
            plan.decide(place, &Verdict::Pass);
        }
        order
    }

    #[tokio::test]
    async fn signing_in_comes_first_and_a_check_after_what_it_needs() {
        let checks = checks();
        let plan = Plan::new(&checks, SIGN_IN, [0], false);
        assert_eq!(order(&plan, &checks, 0).await, ["4.signup", "4.login", "3.early", "5.late"]);
    }

    #[tokio::test]
    async fn two_workers_take_each_check_once() {
        let checks = checks();
        let plan = Plan::new(&checks, SIGN_IN, [0, 1], false);
        let (mut one, other) = tokio::join!(order(&plan, &checks, 0), order(&plan, &checks, 1));
        one.extend(other);
        one.sort_unstable();
        assert_eq!(one, ["3.early", "4.login", "4.signup", "5.late"]);
        assert_eq!(plan.done(), 4);
    }

    #[tokio::test]
    async fn exclusive_checks_come_last_and_one_at_a_time() {
        let draft = |id| check(id, "");
        let some = async |_: &_| Ok(());
        let checks =
            [draft("3.quiet").exclusive().proof(some), draft("3.still").exclusive().proof(some), draft("3.noise").proof(some)];
        let plan = Plan::new(&checks, SIGN_IN, [0, 1], false);
        assert_eq!(plan.next(0).await, Some(2));
        for (last, next) in [(2, 0), (0, 1)] {
            assert_eq!(plan.due(1), None, "another check is under way");
            plan.decide(last, &Verdict::Pass);
            assert_eq!(plan.next(1).await, Some(next));
        }
    }

    #[tokio::test]
    async fn the_first_worker_has_what_only_it_may_have() {
        let draft = |id| check(id, "");
        let some = async |_: &_| Ok(());
        let checks =
            [draft("3.plain").proof(some), draft("3.one").second_user().proof(some), draft("3.two").second_user().proof(some)];
        let plan = Plan::new(&checks, SIGN_IN, [0, 1], false);
        assert_eq!(plan.next(1).await, Some(0));
        assert_eq!(plan.due(1), None);
        let place = plan.next(0).await.expect("it begins with those");
        assert_eq!(checks[place].id, "3.one");
        assert!(plan.leave(place, 0));
        plan.decide(0, &Verdict::Pass);
        assert_eq!(order(&plan, &checks, 1).await, ["3.one", "3.two"]);
    }

    #[tokio::test]
    async fn isolated_checks_are_for_somebody_else_or_for_the_first_worker() {
        let draft = |id| check(id, "");
        let some = async |_: &_| Ok(());
        let checks = [draft("3.isolated").disturbs(DATABASE).proof(some), draft("3.plain").proof(some)];
        let plan = Plan::new(&checks, SIGN_IN, [0, 1], true);
        assert_eq!(plan.next_isolated().await, Some(0));
        assert_eq!(plan.next(0).await, Some(1));
        assert_eq!((plan.due(0), plan.due(1), plan.due_isolated()), (None, None, None));
        let plan = Plan::new(&checks, SIGN_IN, [0, 1], false);
        assert_eq!(plan.next(1).await, Some(1));
        assert_eq!((plan.due(1), plan.due(0)), (None, Some(0)));
    }

    #[tokio::test]
    async fn a_check_that_a_worker_leaves_is_for_the_other_one() {
        let checks = checks();
        let plan = Plan::new(&checks, SIGN_IN, [0, 1], false);
        let place = plan.next(0).await.expect("a check");
        assert!(plan.leave(place, 0), "there is another worker");
        assert_eq!(plan.next(1).await, Some(place));
        assert!(!plan.leave(place, 1), "the last worker cannot leave");
    }

    #[tokio::test]
    async fn a_check_that_needs_a_failed_one_is_skipped() {
        let checks = checks();
        let plan = Plan::new(&checks, SIGN_IN, [0], false);
        let Stop::Fail(failure) = Stop::fail("one thing", "another") else { panic!("a failure") };
        plan.decide(2, &Verdict::Fail(failure));
        assert_eq!(plan.unmet_need(&checks[0]).as_deref(), Some("3.early failed"));
        assert_eq!(plan.signed_out(), None);
    }
}
