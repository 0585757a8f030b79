//! The commands that write below `steps/`, run as a person runs them, on a small workshop of their own.

mod carry;
mod reset;
mod scratch;
mod solution;

const PROGRAM: &str = env!("CARGO_BIN_EXE_checker-complete");
