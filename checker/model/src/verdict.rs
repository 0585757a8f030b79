//! What examining a server can come to. Checks return these values; only reports print them.

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
