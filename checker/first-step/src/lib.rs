//! The first step and its checks. It is a package of its own because a new learner waits for it; package `course` has the others.

pub mod openapi;
mod step;

use harness::step::Course;

pub use step::STEP;

/// The workshop as far as this package knows it.
pub const BEGINNING: &Course = &Course { steps: &[STEP], goes_on: true, fixtures: &[] };
