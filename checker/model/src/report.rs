//! The report of a run.

use std::rc::Rc;
use std::time::Duration;

use crate::{Exchange, Problem, Target, Termination, Verdict, exit};

/// The complete result of a run.
#[derive(Debug, Clone)]
pub struct RunReport {
    /// Number of the step, 1 to 10.
    pub step: u8,
    /// Title of the step, such as `API basics`.
    pub title: String,
    /// Number of the step after it; `None` after the last one.
    pub next_step: Option<u8>,
    /// The target under examination.
    pub target: Target,
    /// The environment variables that a person needs to start such a server.
    pub variables: Vec<VariableHint>,
    /// How its users sign in; `None` before there are users.
    pub sign_in: Option<SignInPaths>,
    /// The verdict on the step.
    pub verdict: StepVerdict,
    /// Whether all checks of the step were graded; false if the user selected some.
    pub whole: bool,
    /// Seed of the random data; the same seed repeats the run.
    pub seed: u64,
    /// From the first action to the last.
    pub duration: Duration,
    /// How long the build took, if there was one.
    pub build: Option<Duration>,
    /// The checks in the order of the course: the step's own first, then the regressions.
    pub checks: Vec<CheckReport>,
    /// Advice on things worth fixing, on which no verdict depends.
    pub advice: Vec<Problem>,
    /// Everything the server wrote, as far as it was kept. Untrusted text.
    pub server_log: Vec<String>,
}

/// An environment variable that a server needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VariableHint {
    /// Its name.
    pub name: String,
    /// One sentence that says how a person gets a value for it.
    pub by_hand: String,
}

/// The routes by which users sign up and log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInPaths {
    /// `POST {email, password}` signs a user up.
    pub sign_up: String,
    /// `POST {email, password}` returns `{access_token}`.
    pub log_in: String,
}

/// One check of a run, with its verdict.
#[derive(Debug, Clone)]
pub struct CheckReport {
    /// `STEP.slug`.
    pub id: String,
    /// The claim, one sentence.
    pub title: String,
    /// Why the check is part of this run.
    pub kind: Kind,
    /// The verdict.
    pub verdict: Verdict,
    /// The first and gentlest hint.
    pub hint: String,
    /// Path and heading of the chapter that explains it, from the repository's root.
    pub chapter: String,
    /// The part of the server that the check disturbs, such as "database or its settings". Its requests alone may then not
    /// reproduce the failure.
    pub disturbs: Option<String>,
    /// The environment variables that the check set for the server that showed the failure, beside those that every server gets. A
    /// value that is of use only during the run is missing.
    pub settings: Vec<(String, Option<String>)>,
    /// Time the check took.
    pub duration: Duration,
    /// The exit of the server that showed the failure, if it exited meanwhile.
    pub unexpected_exit: Option<UnexpectedExit>,
    /// Every exchange of this check, in order.
    pub exchanges: Vec<Rc<Exchange>>,
    /// Lines the server logged while the check ran. Untrusted text.
    pub log: Vec<String>,
    /// The traffic between the server and its backing services meanwhile.
    pub traffic: Vec<Traffic>,
}

/// The traffic between a server and one of its backing services.
#[derive(Debug, Clone)]
pub struct Traffic {
    /// Its member in the JSON report, such as `sql`.
    pub key: String,
    /// Its file among the evidence of a run.
    pub file: String,
    /// The other side, such as "the database".
    pub peer: String,
    /// The events, indented below the request they belong to. Untrusted text.
    pub lines: Vec<String>,
}

/// The exit of a server that the checker had not asked to stop.
#[derive(Debug, Clone)]
pub struct UnexpectedExit {
    /// How its process terminated.
    pub how: Termination,
    /// Its log after its last response. Untrusted text.
    pub log: Vec<String>,
}

/// Why a check is part of this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Must pass to finish the step.
    Core,
    /// Extra: graded and shown, never blocking.
    Stretch,
    /// A core check of an earlier step that still applies, and must still pass.
    Regression,
}

impl Kind {
    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Core => "core",
            Kind::Stretch => "stretch",
            Kind::Regression => "regression",
        }
    }
}

/// The verdict on a step.
#[derive(Debug, Clone)]
pub enum StepVerdict {
    /// Every core and regression check passed.
    Passed,
    /// A core or regression check failed.
    Failed,
    /// No check failed, but at least one core or regression check was inconclusive.
    Undecided,
    /// The crate does not compile; the text is the compiler's own message.
    NotBuilt(String),
    /// The server did not start.
    NotStarted(Problem),
    /// The environment lacks something or is broken; the server is not to blame.
    Environment(Problem),
}

impl StepVerdict {
    /// Its name in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            StepVerdict::Passed => "passed",
            StepVerdict::Failed => "failed",
            StepVerdict::Undecided => "undecided",
            StepVerdict::NotBuilt(_) => "not-built",
            StepVerdict::NotStarted(_) => "not-started",
            StepVerdict::Environment(_) => "environment",
        }
    }

    /// The exit code of a run with this verdict.
    pub fn exit_code(&self) -> u8 {
        match self {
            StepVerdict::Passed => exit::PASSED,
            StepVerdict::Failed => exit::FAILED,
            StepVerdict::NotBuilt(_) => exit::NOT_BUILT,
            StepVerdict::NotStarted(_) => exit::NOT_STARTED,
            StepVerdict::Undecided | StepVerdict::Environment(_) => exit::ENVIRONMENT,
        }
    }
}

impl CheckReport {
    /// A check before it runs; its verdict is a pass.
    pub fn new(id: impl Into<String>, title: impl Into<String>, kind: Kind) -> Self {
        CheckReport {
            id: id.into(),
            title: title.into(),
            kind,
            verdict: Verdict::Pass,
            hint: String::new(),
            chapter: String::new(),
            disturbs: None,
            settings: Vec::new(),
            duration: Duration::ZERO,
            unexpected_exit: None,
            exchanges: Vec::new(),
            log: Vec::new(),
            traffic: Vec::new(),
        }
    }
}

impl RunReport {
    /// The report of a run that has not started.
    pub fn new(step: u8, title: impl Into<String>, target: Target, seed: u64) -> Self {
        RunReport {
            step,
            title: title.into(),
            next_step: None,
            target,
            variables: Vec::new(),
            sign_in: None,
            verdict: StepVerdict::Undecided,
            whole: true,
            seed,
            duration: Duration::ZERO,
            build: None,
            checks: Vec::new(),
            advice: Vec::new(),
            server_log: Vec::new(),
        }
    }

    /// *The* first failure: the one to fix first. A check that blocks the step comes before a stretch check.
    pub fn first_failure(&self) -> Option<&CheckReport> {
        let failed = || self.checks.iter().filter(|check| matches!(check.verdict, Verdict::Fail(_)));
        failed().find(|check| check.kind != Kind::Stretch).or_else(|| failed().next())
    }
}
