//! Builds a step of the workshop, runs it, examines it from outside, and teaches through what it says.

mod base64;
mod cli;
mod commands;
mod course;
mod evidence;
mod form;
mod grade;
mod outcome;
mod probe;
mod progress;
mod report;
mod services;
mod starters;
mod target;
mod workshop;

use std::process::ExitCode;

fn main() -> ExitCode {
    // The guard is this program again: it must come up before anything else, and with as little as possible.
    if let Some(code) = target::guard_main() {
        return code;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(tokio::task::LocalSet::new().run_until(commands::run())),
        Err(error) => {
            eprintln!("The checker could not start its runtime: {error}.");
            ExitCode::from(outcome::exit::ENVIRONMENT)
        }
    }
}
