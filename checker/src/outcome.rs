//! What examining a server can come to. Checks return these values; only `report` prints them.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use crate::probe::Exchange;
use crate::target::Spec;
use crate::target::guard::Ending;

/// The verdict on one check.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// The server did what the claim says.
    Pass,
    /// The server did something else.
    Fail(Box<Failure>),
    /// The check was not run; the text completes the sentence "skipped because …".
    Skipped(String),
    /// Our side could not tell (machine too slow, service gone); the text says why.
    Inconclusive(String),
}

/// A difference between what a claim asks for and what the server did.
#[derive(Debug, Clone)]
pub struct Failure {
    /// What the claim asks for, in words or as the text to compare with.
    pub expected: String,
    /// What the server did, in the same form as `expected`. Untrusted text: escape it before printing.
    pub actual: String,
    /// The request and answer that showed it, if one exchange did.
    pub exchange: Option<Rc<Exchange>>,
}

/// Why the body of a check ended early.
#[derive(Debug)]
pub enum Stop {
    /// The server broke the claim.
    Fail(Box<Failure>),
    /// The server let nobody sign in, as whom the check would have gone on.
    NotSignedIn(Box<Failure>),
    /// The check cannot be run here; the text completes "skipped because …".
    Skip(String),
    /// Our side could not tell; the text says why.
    Inconclusive(String),
}

impl Stop {
    /// A failure without one exchange that shows it.
    pub fn fail(expected: impl Into<String>, actual: impl Into<String>) -> Self {
        Stop::Fail(Box::new(Failure { expected: expected.into(), actual: actual.into(), exchange: None }))
    }
}

/// What the body of a check returns.
pub type Outcome<T = ()> = Result<T, Stop>;

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

/// One check of a run, with its verdict.
#[derive(Debug, Clone)]
pub struct CheckReport {
    /// `STEP.slug`.
    pub id: &'static str,
    /// The claim, one sentence.
    pub title: &'static str,
    /// Why the check is part of this run.
    pub kind: Kind,
    /// What examining the server came to.
    pub verdict: Verdict,
    /// The first, gentlest hint.
    pub hint: &'static str,
    /// Path and heading of the chapter that explains it, from the repository's root.
    pub chapter: String,
    /// Whether the check disturbs the server's database or its settings, so that its requests alone may not show its failure.
    pub disturbs: bool,
    /// Time the check took.
    pub duration: Duration,
    /// How the server that showed a failure ended by itself meanwhile, if it did.
    pub ended: Option<Ended>,
    /// Every exchange of this check, in order.
    pub exchanges: Vec<Rc<Exchange>>,
    /// Lines the server logged while the check ran. Untrusted text.
    pub log: Vec<String>,
    /// What the server said to its database meanwhile: the statements, indented, below the request they belong to.
    /// Untrusted text.
    pub sql: Vec<String>,
}

/// The end of a server that nobody had asked to end.
#[derive(Debug, Clone)]
pub struct Ended {
    /// How its process ended.
    pub how: Ending,
    /// What it wrote after the last request that it answered before. Untrusted text.
    pub last_words: Vec<String>,
}

/// What a whole run came to.
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
    /// The server did not come up.
    NotStarted(Problem),
    /// Something the server is not to blame for is missing or broken.
    Environment(Problem),
}

/// A problem told to a person: what is wrong, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// One sentence that says what is wrong. May hold untrusted text.
    pub title: String,
    /// One or two sentences that say what to do.
    pub remedy: String,
    /// Supporting lines, such as the end of the server's log. Untrusted text.
    pub details: Vec<String>,
}

impl Problem {
    /// A problem without supporting lines.
    pub fn new(title: impl Into<String>, remedy: impl Into<String>) -> Self {
        Problem { title: title.into(), remedy: remedy.into(), details: Vec::new() }
    }

    /// The same problem; where `error`, from which it comes, is that the disk is full, the remedy is to free some space.
    pub fn because_of(self, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Problem { remedy: "The disk is full: free some space, then try again.".to_owned(), ..self }
            }
            _ => self,
        }
    }
}

/// Everything that is known after a run.
#[derive(Debug, Clone)]
pub struct RunReport {
    /// Number of the step, 1 to 10.
    pub step: u8,
    /// Title of the step, such as `API basics`.
    pub title: &'static str,
    /// What was examined.
    pub target: Spec,
    /// What the run came to.
    pub verdict: StepVerdict,
    /// Whether everything the step asks for was graded; false when the user chose checks.
    pub whole: bool,
    /// Seed of the random data; the same seed repeats the run.
    pub seed: u64,
    /// From the first action to the last.
    pub duration: Duration,
    /// How long the build took, if there was one.
    pub build: Option<Duration>,
    /// The checks in the order they ran: the step's own first, then the regressions.
    pub checks: Vec<CheckReport>,
    /// Things worth mending that no verdict depends on.
    pub advice: Vec<Problem>,
    /// Everything the server wrote, as far as it was kept. Untrusted text.
    pub server_log: Vec<String>,
}

impl Verdict {
    /// The word for it in JSON and in lists.
    pub fn name(&self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Fail(_) => "fail",
            Verdict::Skipped(_) => "skipped",
            Verdict::Inconclusive(_) => "inconclusive",
        }
    }
}

impl Kind {
    /// The word for it in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Core => "core",
            Kind::Stretch => "stretch",
            Kind::Regression => "regression",
        }
    }
}

/// What the program's exit codes mean; they are documented in the book.
pub mod exit {
    /// The step passed.
    pub const PASSED: u8 = 0;
    /// Checks failed.
    pub const FAILED: u8 = 1;
    /// The crate does not compile.
    pub const NOT_BUILT: u8 = 2;
    /// The server did not come up.
    pub const NOT_STARTED: u8 = 3;
    /// Something is missing that the server is not to blame for, or a verdict could not be reached.
    pub const ENVIRONMENT: u8 = 4;
    /// The command line asks for something that does not exist (`EX_USAGE` of sysexits.h).
    pub const USAGE: u8 = 64;
    /// Interrupted by Ctrl-C: 128 and the number of SIGINT, as shells have it.
    pub const INTERRUPTED: u8 = 130;
}

impl StepVerdict {
    /// The word for it in JSON.
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

    /// The exit code of a run that came to this.
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
