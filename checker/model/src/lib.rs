//! The data that flows through the checker: exchanges with a server, verdicts, problems, and the report of a run.
//!
//! It does not depend on how they are produced or shown.

mod exchange;
pub mod exit;
mod origin;
mod problem;
mod report;
pub mod shell;
mod target;
mod termination;
mod verdict;

pub use exchange::{Exchange, Holder, NoResponse, Reply, Request, Token, shorten, status_name};
pub use origin::Origin;
pub use problem::Problem;
pub use report::{CheckReport, Kind, RunReport, SignInPaths, StepVerdict, Traffic, UnexpectedExit, VariableHint};
pub use target::Target;
pub use termination::Termination;
pub use verdict::{Failure, Outcome, Stop, Verdict};
