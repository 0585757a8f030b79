//! The program that learners and instructors type. It knows the first step, and builds the complete checker when that is needed.

use std::process::ExitCode;

fn main() -> ExitCode {
    checker::main(first_step::BEGINNING)
}
