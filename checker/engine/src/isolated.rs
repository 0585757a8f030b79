//! Isolated checks: each starts its own servers, with backing services that it may disturb.
//!
//! They spend most of their time waiting for timeouts, so they run beside the workers.

use std::rc::Rc;

use harness::api::Api;
use harness::check::Check;
use harness::environment::Environment;
use model::CheckReport;

use super::run::Run;

/// Runs them one after the other until none is left.
pub async fn run(environment: &Rc<Environment>, run: &Run<'_>) {
    while let Some(place) = run.plan.next_isolated().await {
        run.examine(place, async |check, attempt, report| self::attempt(environment, check, attempt, run, report).await).await;
    }
}

async fn attempt(environment: &Rc<Environment>, check: &Check, attempt: usize, run: &Run<'_>, report: &mut CheckReport) {
    let data = run.data(check, attempt, environment);
    let api = Api::of_none(environment.clone(), data);
    run.attempt(check, &api, environment, report).await;
}
