//! The checks in which the lanes' servers have no part: they start what they examine, on a database whose way they disturb.
//!
//! Most of their time they wait for timeouts, so they are run beside the lanes.

use std::rc::Rc;

use super::trial::Trial;
use crate::course::{Api, Check, Instances};
use crate::outcome::CheckReport;

/// Runs them one after the other, as long as there are any.
pub async fn run(instances: &Rc<Instances>, trial: &Trial<'_>) {
    while let Some(place) = trial.schedule.next_apart().await {
        trial.examine(place, async |check, attempt, report| self::attempt(instances, check, attempt, trial, report).await).await;
    }
}

async fn attempt(instances: &Rc<Instances>, check: &Check, attempt: usize, trial: &Trial<'_>, report: &mut CheckReport) {
    let data = trial.data(check, attempt, instances);
    let api = Api::of_none(instances.clone(), data, trial.step);
    trial.attempt(check, &api, instances, report).await;
}
