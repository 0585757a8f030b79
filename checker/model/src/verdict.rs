//! The possible verdicts on a server. Checks return these values; only reports print them.

use std::rc::Rc;

use crate::Exchange;

/// The verdict on one check.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// The server did what the claim says.
    Pass,
    /// The server did something else.
    Fail(Box<Failure>),
    /// The check was not run; the text completes the sentence "skipped because …".
    Skipped(String),
    /// The checker could not decide (machine too slow, service gone); the text says why.
    Inconclusive(String),
}

/// A difference between what a claim asks for and what the server did.
#[derive(Debug, Clone)]
pub struct Failure {
    /// What the claim demands, in words or as the text to compare with.
    pub expected: String,
    /// What the server did, in the same form as `expected`. Untrusted text: escape it before printing.
    pub actual: String,
    /// The exchange that showed it, if there is a single one.
    pub exchange: Option<Rc<Exchange>>,
}

/// Why the body of a check ended early.
#[derive(Debug)]
pub enum Stop {
    /// The server broke the claim.
    Fail(Box<Failure>),
    /// The user in whose name the check would have continued could not sign in.
    NotSignedIn(Box<Failure>),
    /// The check cannot be run here; the text completes "skipped because …".
    Skip(String),
    /// The checker could not decide; the text says why.
    Inconclusive(String),
}

impl Stop {
    /// A failure that no single exchange shows.
    pub fn fail(expected: impl Into<String>, actual: impl Into<String>) -> Self {
        Stop::Fail(Box::new(Failure { expected: expected.into(), actual: actual.into(), exchange: None }))
    }
}

/// The result of the body of a check.
pub type Outcome<T = ()> = Result<T, Stop>;

impl Verdict {
    /// Its name in JSON and in lists.
    pub fn name(&self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Fail(_) => "fail",
            Verdict::Skipped(_) => "skipped",
            Verdict::Inconclusive(_) => "inconclusive",
        }
    }
}
