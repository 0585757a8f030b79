//! Compares what failed with what a wrong server declares.

use std::collections::BTreeSet;

use super::servers::WrongServer;
use crate::course::{Check, FIRST_WITH_USERS, SIGNING_IN};
use crate::outcome::{Problem, RunReport, StepVerdict, Verdict};

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

/// Checks that store 100,000 habits to measure times.
const COSTLY: &[&str] = &["3.list-flat"];

impl Judged {
    /// Whether exactly the declared checks failed.
    pub fn is_as_declared(&self) -> bool {
        self.surprises.is_empty()
    }
}

/// What a quick run examines: the declared checks, and one more that has to pass. Which one depends on the server's name,
/// so that many servers together make a sample of the full product.
pub fn declared_and_control(server: &WrongServer, checks: &[Check]) -> Vec<String> {
    let spoiled = with_dependents(&server.trips, checks);
    let sound: Vec<&str> = checks.iter().map(|check| check.id).filter(|id| !spoiled.contains(id)).collect();
    let number = server.name.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
    let control = sound.get(number % sound.len().max(1)).map(|id| (*id).to_owned());
    server.trips.iter().cloned().chain(control).collect()
}

/// What a full run examines: everything, but costly checks only where they are declared.
pub fn affordable(server: &WrongServer, checks: &[Check]) -> Vec<String> {
    let ids = checks.iter().map(|check| check.id);
    ids.filter(|id| !COSTLY.contains(id) || server.trips.iter().any(|trip| trip == id)).map(str::to_owned).collect()
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
                judged.failed.push(check.id.to_owned());
                (!declares(check.id)).then(|| format!("fails, expected {}, got {}", failure.expected, failure.actual))
            }
            Verdict::Pass => declares(check.id).then(|| "passes, though declared to fail".to_owned()),
            // A declared check that needs another declared one cannot be seen to fail by this server.
            Verdict::Skipped(reason) => {
                let expected = spoiled.contains(check.id) && !declares(check.id);
                (!expected).then(|| format!("is skipped because {reason}"))
            }
            Verdict::Inconclusive(reason) => Some(format!("is inconclusive: {reason}")),
        };
        judged.surprises.extend(surprise.map(|surprise| format!("{} {surprise}", check.id)));
    }
    let unknown = server.trips.iter().filter(|trip| report.checks.iter().all(|check| check.id != *trip));
    judged.surprises.extend(unknown.map(|trip| format!("{trip} is declared, and no check of step {}", server.step)));
    judged
}

/// These checks and all that need one of them, directly or not; earlier steps' checks are run signed in.
fn with_dependents<'a>(ids: &'a [String], checks: &'a [Check]) -> BTreeSet<&'a str> {
    let mut spoiled: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
    // Steps grade their own checks first, so a check may stand before the one it needs.
    loop {
        let before = spoiled.len();
        let nobody_signs_in = SIGNING_IN.iter().any(|id| spoiled.contains(id));
        let needs_sign_in = |check: &Check| nobody_signs_in && check.step < FIRST_WITH_USERS;
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

fn did_not_run(verdict: &StepVerdict) -> Option<Problem> {
    match verdict {
        StepVerdict::NotStarted(problem) | StepVerdict::Environment(problem) => Some(problem.clone()),
        StepVerdict::NotBuilt(message) => Some(Problem::new(message.clone(), "")),
        StepVerdict::Passed | StepVerdict::Failed | StepVerdict::Undecided => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::course::Step;
    use crate::outcome::{CheckReport, Failure, Kind};
    use crate::target::Spec;

    fn server(trips: &[&str]) -> WrongServer {
        let trips = trips.iter().map(|id| (*id).to_owned()).collect();
        WrongServer { name: "forgets".into(), step: 1, breaks: "It forgets.".into(), trips }
    }

    fn checks() -> Vec<Check> {
        Step::numbered(1).expect("there is a step 1").all_checks()
    }

    /// A run of step 1 in which these failed, these were skipped, and the rest passed.
    fn run(failed: &[&str], skipped: &[&str]) -> RunReport {
        let verdict = |id| match (failed.contains(&id), skipped.contains(&id)) {
            (true, _) => Verdict::Fail(Box::new(Failure { expected: "201".into(), actual: "500".into(), exchange: None })),
            (_, true) => Verdict::Skipped("x failed".into()),
            _ => Verdict::Pass,
        };
        let checked = checks().into_iter().map(|check| CheckReport {
            id: check.id,
            title: check.claim,
            kind: Kind::Core,
            verdict: verdict(check.id),
            hint: "",
            chapter: String::new(),
            disturbs: false,
            duration: Duration::ZERO,
            ended: None,
            exchanges: Vec::new(),
            log: Vec::new(),
            sql: Vec::new(),
        });
        RunReport {
            step: 1,
            title: "One",
            target: Spec::Command("x".into()),
            verdict: StepVerdict::Failed,
            whole: true,
            seed: 1,
            duration: Duration::ZERO,
            build: None,
            checks: checked.collect(),
            advice: Vec::new(),
            server_log: Vec::new(),
        }
    }

    fn surprises(trips: &[&str], failed: &[&str], skipped: &[&str]) -> Vec<String> {
        judge(&server(trips), &run(failed, skipped), &checks()).surprises
    }

    #[test]
    fn where_nobody_can_sign_in_the_checks_of_earlier_steps_are_skipped() {
        let checks = Step::numbered(4).expect("there is a step 4").all_checks();
        let spoiled = |id: &str| with_dependents(&[id.to_owned()], &checks).len();
        let earlier = checks.iter().filter(|check| check.step < FIRST_WITH_USERS).count();
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
    fn the_control_of_a_quick_run_needs_nothing_that_fails() {
        let checks = checks();
        for name in ["a", "forgets", "delete-takes-the-next-along"] {
            let server = WrongServer { name: name.into(), ..server(&["1.create"]) };
            let wanted = declared_and_control(&server, &checks);
            assert_eq!(wanted[0], "1.create");
            assert!(["1.docs-page", "1.openapi"].contains(&wanted[1].as_str()), "{wanted:?}");
        }
    }
}
