//! The program that learners and instructors type. It knows the first step, and builds the complete checker when that is needed.

use std::process::ExitCode;

use checker::commands::complete;

fn main() -> ExitCode {
    checker::main(first_step::BEGINNING, complete::take_over)
}
