//! Grades one target at one step: builds it, starts it, examines it, and stops it. Returns a report and prints nothing.

mod isolated;
mod plan;
mod run;
mod worker;

use std::cell::RefCell;
use std::iter::once;
use std::path::Path;
use std::rc::Rc;
use std::time::Instant;

use fixtures::{Console, Running};
use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, join_all, join3, ready, try_join, try_join_all};
use harness::backing::Backing;
use harness::check::Check;
use harness::contract::SignIn;
use harness::environment::Environment;
use harness::step::{Course, Step};
use harness::traffic::no_traffic;
use model::{CheckReport, Kind, Problem, RunReport, StepVerdict, Target, VariableHint, Verdict};
use sandbox::{BuildProgress, Launcher, PrepareError};

use self::plan::Plan;
use self::run::Run;
use self::worker::Worker;

/// How many servers of a target are examined side by side.
const WORKERS: usize = 3;
/// The number of checks from which more servers are worth their start.
const CHECKS_FOR_WORKERS: usize = 24;

/// What to grade.
#[derive(Clone)]
pub struct Grading {
    /// The course that the step belongs to.
    pub course: &'static Course,
    /// The step whose contract the target has to keep.
    pub step: &'static Step,
    /// What to examine.
    pub target: Target,
    /// Only these checks, and what they need; everything when empty.
    pub only: Vec<String>,
    /// Whether stretch checks are graded too.
    pub stretch: bool,
    /// The seed of the random data.
    pub seed: u64,
    /// Whether the compiler may color its messages.
    pub color: bool,
}

/// What is going on.
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

/// Follows the progress of a run, and asks the user when a service needs it.
pub trait Observer: Console {
    /// Shows what is going on.
    fn event(&mut self, event: Event<'_>);

    /// This observer as the console of a service.
    fn as_console(&mut self) -> &mut dyn Console;
}

/// Calls a function for each event. It consents to nothing, so nothing is installed.
pub struct OnEvent<F>(pub F);

/// An observer that ignores every event.
pub fn ignore_events() -> OnEvent<impl FnMut(Event<'_>)> {
    OnEvent(|_: Event<'_>| ())
}

impl<F: FnMut(Event<'_>)> Observer for OnEvent<F> {
    fn event(&mut self, event: Event<'_>) {
        (self.0)(event);
    }

    fn as_console(&mut self) -> &mut dyn Console {
        self
    }
}

impl<F: FnMut(Event<'_>)> Console for OnEvent<F> {
    fn progress(&mut self, what: &str) {
        (self.0)(Event::Preparing(what));
    }

    fn consents<'a>(&'a mut self, _service: &'a str, _command: &'a str) -> LocalBoxFuture<'a, bool> {
        ready(false).boxed_local()
    }
}

impl Grading {
    /// The learner's own crate of a step, core and regression checks.
    pub fn of_own_package(course: &'static Course, step: &'static Step, seed: u64) -> Self {
        let target = Target::Package(step.package());
        Grading { course, step, target, only: Vec::new(), stretch: false, seed, color: false }
    }

    /// The checks of this run in order: the step's own, then those of earlier steps that still apply.
    pub fn checks(&self) -> Vec<Check> {
        let mut checks = self.course.checks_at(self.step);
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

/// Grades a target; `root` is the workshop's folder.
pub async fn grade(grading: &Grading, root: &Path, observer: &mut impl Observer) -> RunReport {
    grade_with(grading.checks(), None, grading, root, observer).await
}

/// Grades a target by exactly these checks. With `fixtures`, which other runs may share, it starts none of its own.
pub async fn grade_with(
    checks: Vec<Check>,
    fixtures: Option<Fixtures>,
    grading: &Grading,
    root: &Path,
    observer: &mut impl Observer,
) -> RunReport {
    let clock = Instant::now();
    let step = grading.step;
    let variables = step.fixtures.iter().flat_map(|fixture| fixture.variables());
    let hint = |variable: &fixtures::Variable| VariableHint { name: variable.name.into(), by_hand: variable.by_hand.into() };
    let mut report = RunReport {
        variables: variables.map(hint).collect(),
        sign_in: step.sign_in.map(SignIn::paths),
        whole: grading.is_whole(),
        next_step: grading.course.number_after(step),
        ..RunReport::new(step.number, step.title, grading.target.clone(), grading.seed)
    };
    report.verdict = match examine(grading, &checks, fixtures, root, observer, &mut report).await {
        Ok(()) => verdict(&report.checks),
        Err(verdict) => verdict,
    };
    if let Some(folder) = grading.target.folder() {
        report.advice.extend((step.advice)(&root.join(folder)));
    }
    report.duration = clock.elapsed();
    report
}

/// Builds the target, starts what it needs, and runs the checks.
async fn examine(
    grading: &Grading,
    checks: &[Check],
    fixtures: Option<Fixtures>,
    root: &Path,
    observer: &mut impl Observer,
    report: &mut RunReport,
) -> Result<(), StepVerdict> {
    let (launcher, at_hand) = prepare(grading, fixtures.is_none(), root, observer).await?;
    report.build = launcher.build_time();
    let fixtures = match fixtures {
        Some(fixtures) => Ok(fixtures),
        None => start_missing(grading.step, at_hand, root, observer).await,
    };
    let made = match fixtures {
        Ok(fixtures) => Workplaces::make(grading, checks, launcher, fixtures).await,
        Err(problem) => Err(problem),
    };
    let workplaces = match made {
        Ok(workplaces) => workplaces,
        Err(problem) => {
            report.checks = checks.iter().map(|check| undecided(check, grading, &problem)).collect();
            return Err(StepVerdict::Environment(problem));
        }
    };
    observer.event(Event::Starting);
    let outcome = run_checks(grading, checks, &workplaces, observer, report).await;
    workplaces.close().await;
    outcome
}

/// The running fixtures of a step, in its order.
pub type Fixtures = Rc<[Box<dyn Running>]>;

/// For each fixture of the step, what could be started without asking.
type AtHand = Vec<Option<Box<dyn Running>>>;

/// Starts the fixtures of a step, so that several runs can share them.
///
/// # Errors
///
/// A service cannot be had.
pub async fn start_fixtures(step: &Step, root: &Path, observer: &mut impl Observer) -> Result<Fixtures, Problem> {
    start_missing(step, step.fixtures.iter().map(|_| None).collect(), root, observer).await
}

/// Starts what is not running yet.
async fn start_missing(step: &Step, at_hand: AtHand, root: &Path, observer: &mut impl Observer) -> Result<Fixtures, Problem> {
    let mut fixtures = Vec::new();
    for (fixture, running) in step.fixtures.iter().zip(at_hand) {
        fixtures.push(match running {
            Some(running) => running,
            None => fixture.start(root, observer.as_console()).await?,
        });
    }
    Ok(fixtures.into())
}

/// Builds the target. Meanwhile the fixtures start that need no consent.
async fn prepare(
    grading: &Grading,
    starts_fixtures: bool,
    root: &Path,
    observer: &mut impl Observer,
) -> Result<(Launcher, AtHand), StepVerdict> {
    let observer = RefCell::new(observer);
    let mut progress = |progress: BuildProgress| observer.borrow_mut().event(Event::Building(&progress));
    let mut meanwhile = OnEvent(|event: Event<'_>| observer.borrow_mut().event(event));
    let fixtures = async {
        let mut started = AtHand::new();
        if starts_fixtures && needs_fixtures(grading) {
            for fixture in grading.step.fixtures {
                started.push(fixture.start_at_hand(&mut meanwhile).await);
            }
        }
        Ok(started)
    };
    let target = sandbox::prepare(&grading.target, root, grading.color, &mut progress);
    try_join(target, fixtures).await.map_err(|error| match error {
        PrepareError::NotBuilt(message) => StepVerdict::NotBuilt(message),
        PrepareError::NotStarted(problem) => StepVerdict::NotStarted(problem),
        PrepareError::Environment(problem) => StepVerdict::Environment(problem),
    })
}

/// Whether the target needs backing services from the checker. A running server has its own.
fn needs_fixtures(grading: &Grading) -> bool {
    !grading.step.fixtures.is_empty() && !matches!(grading.target, Target::Url(_))
}

/// How many servers are examined, each with backing services of its own. Without backing services, or for a few checks, a second
/// server costs more time than it saves.
fn workers(grading: &Grading, checks: usize) -> usize {
    match needs_fixtures(grading) && checks >= CHECKS_FOR_WORKERS {
        true => WORKERS,
        false => 1,
    }
}

/// The environments in which checks are run.
struct Workplaces {
    /// One for each worker, with the backing services of its server.
    workers: Vec<(Rc<Environment>, Rc<Backing>)>,
    /// One for isolated checks, where they run beside several workers.
    isolated: Option<Rc<Environment>>,
    /// Every server that any of them starts.
    servers: sandbox::Registry,
}

impl Workplaces {
    /// Makes the environments.
    async fn make(grading: &Grading, checks: &[Check], launcher: Launcher, fixtures: Fixtures) -> Result<Workplaces, Problem> {
        let contract = Rc::new(grading.course.contract(grading.step));
        let servers = launcher.servers();
        let environment = || Rc::new(Environment::new(launcher.clone(), contract.clone(), fixtures.clone()));
        let workers = workers(grading, checks.len());
        let is_beside = workers > 1 && checks.iter().any(|check| check.disturbs.is_some());
        let made = (0..workers).map(|_| environment()).map(async |environment| {
            let backing = environment.make_backing().await?;
            Ok((environment, backing))
        });
        Ok(Workplaces { workers: try_join_all(made).await?, isolated: is_beside.then(environment), servers })
    }

    /// Removes everything that was made in the environments.
    async fn close(self) {
        let all = self.workers.into_iter().map(|(environment, _)| environment).chain(self.isolated);
        join_all(all.filter_map(Rc::into_inner).map(Environment::close)).await;
    }
}

/// Starts the workers and has them run the checks.
async fn run_checks(
    grading: &Grading,
    checks: &[Check],
    workplaces: &Workplaces,
    observer: &mut impl Observer,
    report: &mut RunReport,
) -> Result<(), StepVerdict> {
    let start = async |number: usize| {
        let (environment, backing) = workplaces.workers[number].clone();
        Worker::start(number, environment, backing).await
    };
    // The first worker shows why a target does not start. The others start while it runs the first checks, which only it may run.
    let first = start(0).await?;
    let sign_in = grading.step.sign_in.map_or(&[][..], |sign_in| sign_in.checks);
    let plan = Plan::new(checks, sign_in, 0..workplaces.workers.len(), workplaces.isolated.is_some());
    let observer = RefCell::new(observer);
    let began = |id| observer.borrow_mut().event(Event::Checking { done: plan.done(), total: checks.len(), id });
    let run = Run::new(&plan, grading, workplaces.servers.clone(), &began);
    let others = (1..workplaces.workers.len()).map(async |number| match start(number).await {
        Ok(worker) => {
            worker.sign_in().await;
            Some(worker.run(&run).await)
        }
        Err(_) => {
            plan.withdraw(number);
            None
        }
    });
    let isolated = async {
        if let Some(environment) = &workplaces.isolated {
            isolated::run(environment, &run).await;
        }
    };
    let (first, others, ()) = join3(first.run(&run), join_all(others), isolated).await;
    report.checks = run.into_reports();
    for stopped in join_all(once(first).chain(others.into_iter().flatten()).map(Worker::stop)).await.into_iter().flatten() {
        report.server_log.extend(stopped.log);
        report.advice.extend(stopped.advice.into_iter().filter(|one| !report.advice.contains(one)).collect::<Vec<_>>());
    }
    Ok(())
}

/// The report of a check that could not be run because something is missing on this machine.
fn undecided(check: &Check, grading: &Grading, problem: &Problem) -> CheckReport {
    CheckReport { verdict: Verdict::Inconclusive(problem.title.clone()), ..blank(check, grading) }
}

/// The report of a check before it is run.
fn blank(check: &Check, grading: &Grading) -> CheckReport {
    CheckReport {
        hint: check.hints.first().copied().unwrap_or_default().to_owned(),
        chapter: check.chapter(),
        disturbs: check.disturbs.map(|fixture| fixture.disturbed().to_owned()),
        traffic: no_traffic(grading.course.fixtures),
        ..CheckReport::new(check.id, check.claim, check.kind(grading.step.number))
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
