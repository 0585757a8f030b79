//! The catalogue of all sabotages.

mod step_01;
mod step_02;
mod step_03;
mod step_04;
mod step_05;

use crate::sabotage::{Sabotage, wrong};

/// The name of the control, which is not a sabotage: it changes nothing.
const CONTROL: &str = "none";

/// The catalogue, step by step.
pub fn all() -> Vec<Sabotage> {
    let steps = [step_01::sabotages(), step_02::sabotages(), step_03::sabotages(), step_04::sabotages(), step_05::sabotages()];
    steps.into_iter().flatten().collect()
}

/// The sabotage of this name, or the control.
pub fn find(name: &str) -> Option<Sabotage> {
    if name == CONTROL {
        return Some(wrong(CONTROL, &[], "Nothing: it has to pass every check."));
    }
    all().into_iter().find(|sabotage| sabotage.name == name)
}
