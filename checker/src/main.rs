//! The program that learners and instructors type. It knows the first steps, and builds the complete checker when that is needed.

use std::process::ExitCode;

fn main() -> ExitCode {
    checker::main(basics::BASICS)
}
