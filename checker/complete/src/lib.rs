//! The commands that a learner does not need before the first verdict, and every step and service.

pub mod commands;
