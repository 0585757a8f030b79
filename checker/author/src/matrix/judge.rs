//! Which checks run on a wrong server, and whether those failed that it declares.

use std::collections::BTreeSet;

use super::servers::WrongServer;
use course::COURSE;
use harness::check::Check;
use model::{Problem, RunReport, StepVerdict, Verdict};

/// One row of the matrix.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The server.
    pub server: WrongServer,
    /// The checks that failed, in the order they ran.
    pub failed: Vec<String>,
    /// How the row differs from what the server declares, one sentence each.
    pub surprises: Vec<String>,
}

impl Judged {
    /// Whether exactly the declared checks failed.
    pub fn is_as_declared(&self) -> bool {
        self.surprises.is_empty()
    }
}

/// A check that has to pass beside the declared ones. Which one depends on the server's name, so that many servers together make a
/// sample of the full product.
pub fn control(server: &WrongServer, mut checks: Vec<Check>) -> Option<Check> {
    let spoiled = with_dependents(&server.trips, &checks);
    let sound: Vec<usize> = (0..checks.len()).filter(|place| !spoiled.contains(checks[*place].id)).collect();
    let place = *sound.get(server.hash() % sound.len().max(1))?;
    Some(checks.swap_remove(place))
}

/// What a full run examines: everything, but what measures times only where it is declared, because it runs alone and for long.
pub fn affordable(server: &WrongServer, mut checks: Vec<Check>) -> Vec<Check> {
    checks.retain(|check| !check.exclusive || server.declares(check.id));
    checks
}

/// Judges a run: declared checks have to fail, those that need them are skipped, every other one passes.
pub fn judge(server: &WrongServer, report: &RunReport, checks: &[Check]) -> Judged {
    let spoiled = with_dependents(&server.trips, checks);
    let declares = |id: &str| server.trips.iter().any(|trip| trip == id);
    let mut judged = Judged { server: server.clone(), failed: Vec::new(), surprises: Vec::new() };
    if let Some(problem) = did_not_run(&report.verdict) {
        judged.surprises.push(format!("it did not run: {}", problem.title));
        return judged;
    }
    for check in &report.checks {
        let surprise = match &check.verdict {
            Verdict::Fail(failure) => {
                judged.failed.push(check.id.clone());
                (!declares(&check.id)).then(|| format!("fails, expected {}, got {}", failure.expected, failure.actual))
            }
            Verdict::Pass => declares(&check.id).then(|| "passes, though declared to fail".to_owned()),
            // A declared check that needs another declared one cannot be seen to fail by this server.
            Verdict::Skipped(reason) => {
                let expected = spoiled.contains(check.id.as_str()) && !declares(&check.id);
                (!expected).then(|| format!("is skipped because {reason}"))
            }
            Verdict::Inconclusive(reason) => Some(format!("is inconclusive: {reason}")),
        };
        judged.surprises.extend(surprise.map(|surprise| format!("{} {surprise}", check.id)));
    }
    let unknown = server.trips.iter().filter(|trip| report.checks.iter().all(|check| &check.id != *trip));
    judged.surprises.extend(unknown.map(|trip| format!("{trip} is declared, and no check of step {}", server.step)));
    judged
}

/// These checks and all that need one of them, directly or not; earlier steps' checks are run signed in.
fn with_dependents<'a>(ids: &'a [String], checks: &'a [Check]) -> BTreeSet<&'a str> {
    let mut spoiled: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
    // Steps grade their own checks first, so a check may stand before the one it needs.
    loop {
        let before = spoiled.len();
        let nobody_signs_in = COURSE
            .steps
            .iter()
            .filter_map(|step| step.sign_in)
            .any(|sign_in| sign_in.checks.iter().any(|id| spoiled.contains(id)));
        let needs_sign_in = |check: &Check| nobody_signs_in && is_from_before_users(check);
        spoiled.extend(
            checks
                .iter()
                .filter(|check| needs_sign_in(check) || check.needs.iter().any(|need| spoiled.contains(need)))
                .map(|check| check.id)
                .collect::<Vec<_>>(),
        );
        if spoiled.len() == before {
            return spoiled;
        }
    }
}

/// Whether a check comes from a step without users, and is run signed in at later steps.
fn is_from_before_users(check: &Check) -> bool {
    COURSE.step(check.step).is_some_and(|step| step.sign_in.is_none())
}

fn did_not_run(verdict: &StepVerdict) -> Option<Problem> {
    match verdict {
        StepVerdict::NotStarted(problem) | StepVerdict::Environment(problem) => Some(problem.clone()),
        StepVerdict::NotBuilt(message) => Some(Problem::new(message.clone(), "")),
        StepVerdict::Passed | StepVerdict::Failed | StepVerdict::Undecided => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use course::COURSE;
    use model::Target;
    use model::{CheckReport, Failure, Kind};

    fn server(trips: &[&str]) -> WrongServer {
        let trips = trips.iter().map(|id| (*id).to_owned()).collect();
        WrongServer { name: "forgets".into(), step: 1, breaks: "It forgets.".into(), trips }
    }

    fn checks() -> Vec<Check> {
        COURSE.checks_at(COURSE.step(1).expect("there is a step 1"))
    }

    /// A run of step 1 in which these failed, these were skipped, and the rest passed.
    fn run(failed: &[&str], skipped: &[&str]) -> RunReport {
        let verdict = |id| match (failed.contains(&id), skipped.contains(&id)) {
            (true, _) => Verdict::Fail(Box::new(Failure { expected: "201".into(), actual: "500".into(), exchange: None })),
            (_, true) => Verdict::Skipped("x failed".into()),
            _ => Verdict::Pass,
        };
        let checked = checks()
            .into_iter()
            .map(|check| CheckReport { verdict: verdict(check.id), ..CheckReport::new(check.id, check.claim, Kind::Core) });
        let target = Target::Command("x".into());
        RunReport { verdict: StepVerdict::Failed, checks: checked.collect(), ..RunReport::new(1, "One", target, 1) }
    }

    fn surprises(trips: &[&str], failed: &[&str], skipped: &[&str]) -> Vec<String> {
        judge(&server(trips), &run(failed, skipped), &checks()).surprises
    }

    #[test]
    fn where_nobody_can_sign_in_the_checks_of_earlier_steps_are_skipped() {
        let checks = COURSE.checks_at(COURSE.step(4).expect("there is a step 4"));
        let spoiled = |id: &str| with_dependents(&[id.to_owned()], &checks).len();
        let earlier = checks.iter().filter(|check| is_from_before_users(check)).count();
        assert!(spoiled("4.login") > earlier);
        assert_eq!(spoiled("4.email-taken-parallel"), 1);
    }

    #[test]
    fn a_server_that_fails_what_it_declares_and_nothing_else_is_as_declared() {
        assert_eq!(surprises(&["1.openapi"], &["1.openapi"], &[]), [""; 0]);
        assert_eq!(surprises(&["1.delete"], &["1.delete"], &["1.delete-again", "1.ids-not-reused"]), [""; 0]);
        assert_eq!(surprises(&[], &[], &[]), [""; 0]);
    }

    #[test]
    fn every_other_verdict_is_a_surprise() {
        assert_eq!(surprises(&["1.openapi"], &[], &[]), ["1.openapi passes, though declared to fail"]);
        assert_eq!(surprises(&[], &["1.openapi"], &[]), ["1.openapi fails, expected 201, got 500"]);
        assert_eq!(surprises(&["1.openapi"], &["1.openapi"], &["1.list"]), ["1.list is skipped because x failed"]);
        assert_eq!(surprises(&["1.gone"], &[], &[]), ["1.gone is declared, and no check of step 1"]);
    }

    #[test]
    fn the_control_depends_on_nothing_that_fails() {
        for name in ["a", "forgets", "delete-takes-the-next-along"] {
            let server = WrongServer { name: name.into(), ..server(&["1.create"]) };
            let id = control(&server, checks()).map(|check| check.id).expect("two checks need nothing");
            assert!(["1.docs-page", "1.openapi"].contains(&id), "{id}");
        }
        let everything = WrongServer { trips: checks().iter().map(|check| check.id.to_owned()).collect(), ..server(&[]) };
        assert!(control(&everything, checks()).is_none());
    }

    #[test]
    fn the_controls_of_many_servers_are_a_sample_of_all_checks() {
        let names = (0..500).map(|number| WrongServer { name: format!("forgets-{number}"), ..server(&[]) });
        let controls: BTreeSet<&str> = names.filter_map(|server| control(&server, checks())).map(|check| check.id).collect();
        assert_eq!(controls.len(), checks().len());
    }
}
