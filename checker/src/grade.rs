//! Grades one target at one step: build, start, examine, stop. It returns what it found and prints nothing.

mod apart;
mod lane;
mod schedule;
mod trial;

use std::cell::RefCell;
use std::iter::once;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::future::{join_all, join3, try_join};

use self::lane::Lane;
use self::schedule::Schedule;
use self::trial::Trial;
use crate::course::{Check, FIRST_WITH_A_DATABASE, Instances, Step};
use crate::outcome::{CheckReport, Kind, Problem, RunReport, StepVerdict, Verdict};
use crate::services::{self, Audience, Postgres};
use crate::target::{self, BuildProgress, Launcher, Lives, PrepareError, Spec};

/// How many servers of a target are examined side by side.
const LANES: usize = 3;
/// From how many checks on a second server is worth its start.
const CHECKS_FOR_LANES: usize = 24;

/// What to grade.
#[derive(Debug, Clone)]
pub struct Grading {
    /// The step whose contract the target has to keep.
    pub step: &'static Step,
    /// What is examined.
    pub spec: Spec,
    /// Only these checks, and what they need; everything when empty.
    pub only: Vec<String>,
    /// Whether the extras are graded too.
    pub stretch: bool,
    /// The seed of the random data.
    pub seed: u64,
    /// Whether the compiler may color its messages.
    pub color: bool,
}

/// What is going on, for whoever waits.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// The target is being built.
    Building(&'a BuildProgress),
    /// A service is being prepared; the text says what is done.
    Preparing(&'a str),
    /// The target is being started.
    Starting,
    /// A check begins.
    Checking { done: usize, total: usize, id: &'static str },
}

/// Whoever waits for a run.
pub trait Onlooker: Audience {
    /// Sees what is going on.
    fn see(&mut self, event: Event<'_>);
}

impl<F: FnMut(Event<'_>)> Onlooker for F {
    fn see(&mut self, event: Event<'_>) {
        self(event);
    }
}

/// Where nobody can be asked, nothing is installed.
impl<F: FnMut(Event<'_>)> Audience for F {
    fn hear(&mut self, what: &str) {
        self(Event::Preparing(what));
    }

    async fn allows(&mut self, _service: &str, _command: &str) -> bool {
        false
    }
}

impl Grading {
    /// The learner's own crate of a step, core and regression checks.
    pub fn of_own_package(step: &'static Step, seed: u64) -> Self {
        Grading { step, spec: Spec::Package(step.package()), only: Vec::new(), stretch: false, seed, color: false }
    }

    /// The checks of this run in order, each before those that need it.
    pub fn checks(&self) -> Vec<Check> {
        let mut checks = self.step.all_checks();
        if self.only.is_empty() {
            checks.retain(|check| self.stretch || !check.stretch);
            return checks;
        }
        let mut wanted: Vec<&str> = self.only.iter().map(String::as_str).collect();
        let mut next = 0;
        while let Some(id) = wanted.get(next) {
            let needs = checks.iter().find(|check| check.id == *id).map_or(&[][..], |check| check.needs);
            for need in needs {
                if !wanted.contains(need) {
                    wanted.push(need);
                }
            }
            next += 1;
        }
        checks.retain(|check| wanted.contains(&check.id));
        checks
    }

    /// Whether the run examines everything a learner must pass.
    pub fn is_whole(&self) -> bool {
        self.only.is_empty()
    }
}

/// Grades a target.
pub async fn grade(grading: &Grading, root: &Path, onlooker: &mut impl Onlooker) -> RunReport {
    let clock = Instant::now();
    let mut report = RunReport {
        step: grading.step.number,
        title: grading.step.title,
        target: grading.spec.clone(),
        verdict: StepVerdict::Failed,
        whole: grading.is_whole(),
        seed: grading.seed,
        duration: Duration::ZERO,
        build: None,
        checks: Vec::new(),
        advice: Vec::new(),
        server_log: Vec::new(),
    };
    report.verdict = match run(grading, root, onlooker, &mut report).await {
        Ok(()) => verdict(&report.checks),
        Err(verdict) => verdict,
    };
    if let Spec::Package(package) = &grading.spec {
        report.advice.extend(grading.step.advice(&root.join(source_of(package))));
    }
    report.duration = clock.elapsed();
    report
}

/// The folder of a package of the workshop: `step-01-api-basics` is `steps/01-api-basics`.
fn source_of(package: &str) -> String {
    match package.split_once('-') {
        Some(("solution", slug)) => format!("solutions/{slug}"),
        Some((_, slug)) => format!("steps/{slug}"),
        None => package.to_owned(),
    }
}

async fn run(grading: &Grading, root: &Path, onlooker: &mut impl Onlooker, report: &mut RunReport) -> Result<(), StepVerdict> {
    let (launcher, service) = prepare(grading, root, onlooker).await?;
    report.build = launcher.build_time();
    let checks = grading.checks();
    let wired = match wire(grading, &checks, launcher, service, root, onlooker).await {
        Ok(wired) => wired,
        Err(problem) => {
            report.checks = checks.iter().map(|check| undecided(check, grading.step.number, &problem)).collect();
            return Err(StepVerdict::Environment(problem));
        }
    };
    onlooker.see(Event::Starting);
    let outcome = examine(grading, &checks, &wired, onlooker, report).await;
    join_all(wired.lanes.into_iter().chain(wired.apart).filter_map(Rc::into_inner).map(Instances::close)).await;
    outcome
}

/// Builds the target. Meanwhile its database starts, if there is one for which nobody has to be asked.
async fn prepare(
    grading: &Grading,
    root: &Path,
    onlooker: &mut impl Onlooker,
) -> Result<(Launcher, Option<Postgres>), StepVerdict> {
    let onlooker = RefCell::new(onlooker);
    let mut progress = |progress: BuildProgress| onlooker.borrow_mut().see(Event::Building(&progress));
    let mut meanwhile = |event: Event<'_>| onlooker.borrow_mut().see(event);
    let database = async {
        Ok(match needs_database(grading) {
            true => services::postgres_at_hand(&mut meanwhile).await,
            false => None,
        })
    };
    let target = target::prepare(&grading.spec, root, grading.color, &mut progress);
    try_join(target, database).await.map_err(|error| match error {
        PrepareError::NotBuilt(message) => StepVerdict::NotBuilt(message),
        PrepareError::NotStarted(problem) => StepVerdict::NotStarted(problem),
        PrepareError::Environment(problem) => StepVerdict::Environment(problem),
    })
}

/// How many servers are examined, each with a database of its own. Before there are databases, and for a few checks, another
/// server costs more time than it saves.
fn lanes(step: u8, checks: usize) -> usize {
    match step >= FIRST_WITH_A_DATABASE && checks >= CHECKS_FOR_LANES {
        true => LANES,
        false => 1,
    }
}

/// Starts the lanes and has them examine the target.
async fn examine(
    grading: &Grading,
    checks: &[Check],
    wired: &Wired,
    onlooker: &mut impl Onlooker,
    report: &mut RunReport,
) -> Result<(), StepVerdict> {
    let start = async |number: usize| Lane::start(number, wired.lanes[number].clone()).await;
    // It tells why a target does not start; and what comes first is for one lane alone, so the others start meanwhile.
    let first = start(0).await?;
    let schedule = Schedule::new(checks, 0..wired.lanes.len(), wired.apart.is_some());
    let onlooker = RefCell::new(onlooker);
    let began = |id| onlooker.borrow_mut().see(Event::Checking { done: schedule.done(), total: checks.len(), id });
    let trial = Trial::new(&schedule, grading.step.number, grading.seed, wired.lives.clone(), &began);
    let others = (1..wired.lanes.len()).map(async |number| match start(number).await {
        Ok(lane) => {
            lane.sign_in().await;
            Some(lane.run(&trial).await)
        }
        Err(_) => {
            schedule.withdraw(number);
            None
        }
    });
    let apart = async {
        if let Some(instances) = &wired.apart {
            apart::run(instances, &trial).await;
        }
    };
    let (first, others, ()) = join3(first.run(&trial), join_all(others), apart).await;
    report.checks = trial.into_reports();
    for ending in join_all(once(first).chain(others.into_iter().flatten()).map(Lane::stop)).await.into_iter().flatten() {
        report.server_log.extend(ending.log);
        report.advice.extend(ending.advice.into_iter().filter(|one| !report.advice.contains(one)).collect::<Vec<_>>());
    }
    Ok(())
}

/// Whether databases have to be made for a target. A server that runs already has its own.
fn needs_database(grading: &Grading) -> bool {
    grading.step.number >= FIRST_WITH_A_DATABASE && !matches!(grading.spec, Spec::Url(_))
}

/// Starts a target with what it needs there.
struct Wired {
    /// For each lane; from step 3 on with a database.
    lanes: Vec<Rc<Instances>>,
    /// For the checks in which the lanes' servers have no part, where they are run beside several lanes.
    apart: Option<Rc<Instances>>,
    /// Every process that any of them starts.
    lives: Lives,
}

/// Makes the databases of the lanes, if the target needs any.
async fn wire(
    grading: &Grading,
    checks: &[Check],
    launcher: Launcher,
    service: Option<Postgres>,
    root: &Path,
    onlooker: &mut impl Onlooker,
) -> Result<Wired, Problem> {
    let (step, lives) = (grading.step.number, launcher.lives());
    if !needs_database(grading) {
        return Ok(Wired { lanes: vec![Rc::new(Instances::without_database(launcher, step))], apart: None, lives });
    }
    let service = match service {
        Some(service) => service,
        None => services::postgres(root, onlooker).await?,
    };
    let service = Rc::new(service);
    let lanes = lanes(step, checks.len());
    let wired = (0..lanes).map(|_| Instances::with_database(launcher.clone(), service.clone(), step));
    let wired = join_all(wired).await.into_iter().map(|instances| instances.map(Rc::new)).collect::<Result<_, _>>()?;
    let is_beside = lanes > 1 && checks.iter().any(|check| check.apart);
    let apart = is_beside.then(|| Rc::new(Instances::with_databases_to_come(launcher, service, step)));
    Ok(Wired { lanes: wired, apart, lives })
}

/// A check that could not be run because something is missing here.
fn undecided(check: &Check, step: u8, problem: &Problem) -> CheckReport {
    CheckReport { verdict: Verdict::Inconclusive(problem.title.clone()), ..blank(check, step) }
}

/// A check before it is run.
fn blank(check: &Check, step: u8) -> CheckReport {
    CheckReport {
        id: check.id,
        title: check.claim,
        kind: check.kind(step),
        verdict: Verdict::Pass,
        hint: check.hints.first().copied().unwrap_or_default(),
        chapter: Step::chapter(check),
        // It is apart because of that: what it disturbs is for no other check.
        disturbs: check.apart,
        duration: Duration::ZERO,
        ended: None,
        exchanges: Vec::new(),
        log: Vec::new(),
        sql: Vec::new(),
    }
}

fn verdict(checks: &[CheckReport]) -> StepVerdict {
    let mut counted = checks.iter().filter(|check| check.kind != Kind::Stretch).map(|check| &check.verdict);
    if counted.clone().any(|verdict| matches!(verdict, Verdict::Fail(_))) {
        StepVerdict::Failed
    } else if counted.any(|verdict| matches!(verdict, Verdict::Inconclusive(_))) {
        StepVerdict::Undecided
    } else {
        StepVerdict::Passed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_knows_which_checks_disturb_the_database() {
        let disturbs = |id| blank(&crate::course::find(id).expect("the check exists"), 5).disturbs;
        assert!(disturbs("5.pool") && disturbs("3.utc-days") && disturbs("3.import-cut"));
        assert!(!disturbs("1.create"));
    }
}
