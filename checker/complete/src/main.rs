//! The checker with every step and every service.

use std::process::ExitCode;

fn main() -> ExitCode {
    checker::main(course::COURSE, checker_complete::commands::dispatch)
}
