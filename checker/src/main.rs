//! The program that learners and instructors type.

use std::process::ExitCode;

fn main() -> ExitCode {
    checker::run(checker::commands::run())
}
