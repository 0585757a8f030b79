//! The checker builds a step of the workshop, runs it, examines it from outside, and explains what it finds.
//!
//! This package holds the commands of learners and instructors, the reports and the progress. Package `author` uses them too.

// Their macros panic when the output cannot be written. `output` does not.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

pub mod cli;
pub mod commands;
pub mod evidence;
pub mod output;
pub mod progress;

use std::process::ExitCode;

use commands::Dispatch;
use harness::step::Course;
use model::exit;

/// Runs the commands of learners and instructors on this course, and returns the exit code. `others` does what is not in this
/// package.
pub fn main(course: &'static Course, others: Dispatch) -> ExitCode {
    run(commands::run(course, others))
}

/// Runs `main` of a program that examines servers. The guard is the same program: it has to run before anything else is set up.
pub fn run(main: impl Future<Output = ExitCode>) -> ExitCode {
    if let Some(code) = sandbox::guard_main() {
        return code;
    }
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(tokio::task::LocalSet::new().run_until(main)),
        Err(error) => {
            output::note(&format!("The program could not start its runtime: {error}.\n"));
            ExitCode::from(exit::ENVIRONMENT)
        }
    }
}
