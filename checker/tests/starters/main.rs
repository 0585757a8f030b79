//! The commands that write below `steps/`, run as a person runs them, on a small workshop of their own.

mod carry;
mod generate;
mod reset;
mod scratch;
mod solution;
