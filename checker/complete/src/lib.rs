//! The commands that a learner does not need before the first verdict, and every step and service.

// Their macros panic when the output cannot be written. `checker::output` does not.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

pub mod commands;
