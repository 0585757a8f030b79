//! Grades one target at one step: build, start, examine, stop. It returns what it found and prints nothing.

use std::collections::HashMap;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use time::OffsetDateTime;

use crate::course::{Api, Check, Data, FIRST_WITH_A_DATABASE, Instances, SIGNING_IN, Statements, Step};
use crate::outcome::{CheckReport, Kind, Outcome, Problem, RunReport, StepVerdict, Stop, Verdict};
use crate::probe::{NoAnswer, Probe, Request};
use crate::services::{self, Audience};
use crate::target::{self, BuildProgress, Launcher, PrepareError, Server, Spec};

/// The most time for one check. The probe's own deadlines end far sooner; this one is for what nobody thought of.
const CHECK_LIMIT: Duration = Duration::from_secs(120);
/// How long a log line may come after the answer it is about, to be shown with a failure.
const LOG_DELAY: Duration = Duration::from_millis(30);
/// How often a check is run at most, when what it came to says nothing.
const ATTEMPTS: usize = 2;
/// The most time for all checks of a run: a right server needs a few seconds.
const RUN_LIMIT: Duration = Duration::from_secs(180);
/// How often a server that ends by itself is started again in one run.
const RESTARTS: usize = 3;

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
    let mut progress = |progress: BuildProgress| onlooker.see(Event::Building(&progress));
    let launcher = target::prepare(&grading.spec, root, grading.color, &mut progress).await.map_err(|error| match error {
        PrepareError::NotBuilt(message) => StepVerdict::NotBuilt(message),
        PrepareError::NotStarted(problem) => StepVerdict::NotStarted(problem),
        PrepareError::Environment(problem) => StepVerdict::Environment(problem),
    })?;
    report.build = launcher.build_time();
    let checks = grading.checks();
    let step = grading.step.number;
    let instances = match wire(launcher, step, root, onlooker).await {
        Ok(instances) => Rc::new(instances),
        Err(problem) => {
            report.checks = checks.iter().map(|check| undecided(check, step, &problem)).collect();
            return Err(StepVerdict::Environment(problem));
        }
    };
    onlooker.see(Event::Starting);
    let seed = grading.seed;
    let mut examination =
        Examination { instances, running: None, began: Instant::now(), ended: 0, seed, step, unmet: HashMap::new() };
    let outcome = examination.run(&checks, onlooker, report).await;
    if let Ok(instances) = Rc::try_unwrap(examination.instances) {
        instances.close().await;
    }
    outcome
}

/// What a target needs to be started: from step 3 on, a database. A server that runs already has its own.
async fn wire(launcher: Launcher, step: u8, root: &Path, onlooker: &mut impl Onlooker) -> Result<Instances, Problem> {
    if step < FIRST_WITH_A_DATABASE || launcher.is_url() {
        return Ok(Instances::without_database(launcher, step));
    }
    let service = services::postgres(root, onlooker).await?;
    Instances::with_database(launcher, service, step).await
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
        duration: Duration::ZERO,
        exchanges: Vec::new(),
        log: Vec::new(),
        sql: Vec::new(),
    }
}

/// A server and the client for it, whose patience lasts for the whole run: a server that never answers costs it once.
struct Running {
    server: Server,
    http: Probe,
}

/// The server under examination, and what is known of it so far.
struct Examination {
    instances: Rc<Instances>,
    running: Option<Running>,
    began: Instant,
    /// How often the server has ended by itself.
    ended: usize,
    seed: u64,
    step: u8,
    /// Checks that did not pass, and why what needs them is skipped.
    unmet: HashMap<&'static str, String>,
}

impl Examination {
    async fn run(&mut self, checks: &[Check], onlooker: &mut impl Onlooker, report: &mut RunReport) -> Result<(), StepVerdict> {
        self.running = Some(self.start().await?);
        for (done, check) in checks.iter().enumerate() {
            onlooker.see(Event::Checking { done, total: checks.len(), id: check.id });
            let checked = self.examine(check).await;
            report.checks.push(checked);
        }
        if let Some(Running { server, .. }) = self.running.take() {
            report.server_log = server.log().all();
            report.advice = server.stop().await;
        }
        Ok(())
    }

    async fn start(&self) -> Result<Running, StepVerdict> {
        let shared = self.instances.shared().map(|store| &**store);
        let mut server = self.instances.start(shared, &[]).await.map_err(StepVerdict::NotStarted)?;
        let http = Probe::new(server.base());
        match greet(&http).await {
            None => {
                // The greeting belongs to no check.
                http.take_transcript();
                Ok(Running { server, http })
            }
            Some(mut problem) => {
                if let Some(ending) = server.ended().await {
                    problem.title = format!("The server ended at its first request, GET /: {ending}.");
                    problem.remedy = "See in its log why it ended.".into();
                }
                problem.details = server.log().last(12);
                server.kill().await;
                Err(StepVerdict::NotStarted(problem))
            }
        }
    }

    async fn examine(&mut self, check: &Check) -> CheckReport {
        let mut report = blank(check, self.step);
        if let Some(reason) = check.needs.iter().find_map(|id| self.unmet.get(id)) {
            report.verdict = Verdict::Skipped(reason.clone());
            self.unmet.insert(check.id, reason.clone());
            return report;
        }
        if self.began.elapsed() > RUN_LIMIT {
            let reason = format!("the checks before it took {} minutes, which is all there is", RUN_LIMIT.as_secs() / 60);
            report.verdict = Verdict::Inconclusive(reason);
            return report;
        }
        let clock = Instant::now();
        for attempt in 0..ATTEMPTS {
            let day = OffsetDateTime::now_utc().date();
            self.attempt(check, attempt, &mut report).await;
            let is_decided = match report.verdict {
                Verdict::Inconclusive(_) => false,
                // What was done today may have become what was done yesterday.
                Verdict::Fail(_) => OffsetDateTime::now_utc().date() == day,
                Verdict::Pass | Verdict::Skipped(_) => true,
            };
            if is_decided {
                break;
            }
        }
        report.duration = clock.elapsed();
        let reason = match &report.verdict {
            Verdict::Pass => None,
            Verdict::Fail(_) => Some(format!("{} failed", check.id)),
            Verdict::Skipped(reason) => Some(reason.clone()),
            Verdict::Inconclusive(_) => Some(format!("{} was inconclusive", check.id)),
        };
        self.unmet.extend(reason.map(|reason| (check.id, reason)));
        report
    }

    async fn attempt(&mut self, check: &Check, attempt: usize, report: &mut CheckReport) {
        if self.running.is_none() {
            match self.start().await {
                Ok(running) => self.running = Some(running),
                Err(_) => {
                    report.verdict = Verdict::Skipped("the server ended and did not come up again".into());
                    return;
                }
            }
        }
        let Some(Running { server, http }) = &mut self.running else { return };
        let data = match self.instances.is_url() {
            // What earlier runs stored there is still there.
            true => Data::unheard_of(self.seed, check.id),
            false => Data::new(self.seed, check.id, attempt),
        };
        let api = Api::new(server, http.clone(), self.instances.clone(), data, self.step);
        let mark = server.log().mark();
        let statements = Statements::of(&self.instances);
        let outcome = tokio::time::timeout(CHECK_LIMIT, check.examine(&api)).await;
        let outcome = outcome.unwrap_or(Err(Stop::Inconclusive(format!("it took more than {} s", CHECK_LIMIT.as_secs()))));
        report.exchanges = http.take_transcript();
        report.verdict = match (verdict_of(outcome, &self.unmet), statements.outage(&self.instances)) {
            (Verdict::Fail(_), Some(why)) => Verdict::Inconclusive(why),
            (verdict, _) => verdict,
        };
        if matches!(report.verdict, Verdict::Fail(_)) {
            // A server logs a request after answering it. The line is shown, not judged, so a short wait does.
            tokio::time::sleep(LOG_DELAY).await;
        }
        report.log = server.log().since(mark);
        report.log.extend(api.take_logs());
        report.sql = statements.told(&self.instances, &report.exchanges);
        if let Verdict::Fail(failure) = &mut report.verdict
            && let Some(ending) = server.ended().await
        {
            failure.actual = format!("{}\nThe server ended by itself during this check: {ending}.", failure.actual);
            self.ended += 1;
            self.running = None;
            if self.ended > RESTARTS {
                self.instances.give_up();
            }
        }
    }
}

/// What a check comes to whose body ended so; `unmet` are the checks before it that did not pass.
fn verdict_of(outcome: Outcome, unmet: &HashMap<&str, String>) -> Verdict {
    match outcome {
        Ok(()) => Verdict::Pass,
        Err(Stop::Fail(failure)) => Verdict::Fail(failure),
        // Where that is a failure of its own, it is told once.
        Err(Stop::NotSignedIn(failure)) => match SIGNING_IN.iter().find_map(|id| unmet.get(id)) {
            Some(reason) => Verdict::Skipped(reason.clone()),
            None => Verdict::Fail(failure),
        },
        Err(Stop::Skip(reason)) => Verdict::Skipped(reason),
        Err(Stop::Inconclusive(reason)) => Verdict::Inconclusive(reason),
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

/// A first request: whether what listens there speaks HTTP at all.
async fn greet(http: &Probe) -> Option<Problem> {
    let exchange = http.exchange(Request::new("GET", "/")).await;
    let none = exchange.reply.as_ref().err()?;
    Some(match none {
        NoAnswer::TimedOut(limit) => Problem::new(
            format!("The server accepts connections but does not answer: GET / had no answer within {} s.", limit.as_secs()),
            "Look for a handler or a middleware that never returns, or a lock that is never let go.",
        ),
        NoAnswer::NotHttp(why) => Problem::new(
            format!("What listens on the server's port does not answer in HTTP: {why}."),
            "Check that the program started by the target is the web server, and that it speaks plain HTTP, not TLS.",
        ),
        NoAnswer::Closed(why) => Problem::new(
            format!("The server closes the connection without an answer to GET /: {why}."),
            "A handler that panics looks like this. The server's log may say more.",
        ),
        NoAnswer::Refused => {
            Problem::new("The server stopped listening right after it had started.", "See in its log why it ended.")
        }
    })
}
