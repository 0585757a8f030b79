//! The steps that need no service, and their checks. A step's file reads as its specification.
//!
//! They are a package of their own because a learner waits for it before the first verdict; package `course` has the others.

pub mod openapi;
mod step_01;
mod step_02;

use harness::step::Course;

pub use step_01::STEP as STEP_01;
pub use step_02::STEP as STEP_02;

/// The beginning of the workshop.
pub const BASICS: &Course = &Course { steps: &[STEP_01, STEP_02], fixtures: &[], is_complete: false };
