//! Runs one check and reaches its verdict.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use time::OffsetDateTime;

use super::plan::Plan;
use super::{Grading, blank};
use harness::api::Api;
use harness::check::Check;
use harness::data::Data;
use harness::environment::Environment;
use harness::traffic::TrafficSince;
use model::{CheckReport, Exchange, Outcome, Stop, UnexpectedExit, Verdict};
use sandbox::Registry;

/// The deadline of one check. The probe's own timeouts are far shorter; this one catches everything else.
const CHECK_LIMIT: Duration = Duration::from_secs(120);
/// How long after its response a log line may come, to be shown with a failure.
const LOG_DELAY: Duration = Duration::from_millis(30);
/// How often a check is run at most, if it was inconclusive.
const ATTEMPTS: usize = 2;
/// The deadline of all checks of a run; a right server needs a few seconds.
const RUN_LIMIT: Duration = Duration::from_secs(180);

/// The checks of a run, and their reports so far.
pub struct Run<'a> {
    pub plan: &'a Plan<'a>,
    grading: &'a Grading,
    servers: Registry,
    began: Instant,
    reports: RefCell<Vec<Option<CheckReport>>>,
    observer: &'a dyn Fn(&'static str),
}

impl<'a> Run<'a> {
    /// A run that has not begun, of the servers in `servers`. `observer` is called when a check begins.
    pub fn new(plan: &'a Plan<'a>, grading: &'a Grading, servers: Registry, observer: &'a dyn Fn(&'static str)) -> Self {
        let reports = RefCell::new(plan.checks.iter().map(|_| None).collect());
        Run { plan, grading, servers, began: Instant::now(), reports, observer }
    }

    /// The reports of the checks, in their order.
    pub fn into_reports(self) -> Vec<CheckReport> {
        self.reports.into_inner().into_iter().flatten().collect()
    }

    /// Runs the check at this place, once or more.
    pub async fn examine(&self, place: usize, attempt: impl AsyncFnMut(&Check, usize, &mut CheckReport)) {
        let check = &self.plan.checks[place];
        (self.observer)(check.id);
        let report = self.report_on(check, attempt).await;
        self.plan.decide(place, &report.verdict);
        self.reports.borrow_mut()[place] = Some(report);
    }

    async fn report_on(&self, check: &Check, mut attempt: impl AsyncFnMut(&Check, usize, &mut CheckReport)) -> CheckReport {
        let mut report = blank(check, self.grading);
        if let Some(reason) = self.plan.unmet_need(check) {
            report.verdict = Verdict::Skipped(reason);
            return report;
        }
        if self.began.elapsed() > RUN_LIMIT {
            let reason = format!("the checks before it took {} minutes, the limit for a run", RUN_LIMIT.as_secs() / 60);
            report.verdict = Verdict::Inconclusive(reason);
            return report;
        }
        let clock = Instant::now();
        for number in 0..ATTEMPTS {
            let day = OffsetDateTime::now_utc().date();
            attempt(check, number, &mut report).await;
            let is_decided = match report.verdict {
                Verdict::Inconclusive(_) => false,
                // The date changed during the check, so "today" may have become "yesterday".
                Verdict::Fail(_) => OffsetDateTime::now_utc().date() == day,
                Verdict::Pass | Verdict::Skipped(_) => true,
            };
            if is_decided {
                break;
            }
        }
        report.duration = clock.elapsed();
        report
    }

    /// The random data of an attempt.
    pub fn data(&self, check: &Check, attempt: usize, environment: &Environment) -> Data {
        match environment.is_url() {
            // A server at a URL still holds the data of earlier runs.
            true => Data::fresh(self.grading.seed, check.id),
            false => Data::new(self.grading.seed, check.id, attempt),
        }
    }

    /// Runs the check once, and reports the verdict, the log and the traffic.
    pub async fn attempt(&self, check: &Check, api: &Api, environment: &Environment, report: &mut CheckReport) {
        let traffic = TrafficSince::now(environment);
        let begun = SystemTime::now();
        let outcome = tokio::time::timeout(CHECK_LIMIT, check.examine(api)).await;
        let outcome = outcome.unwrap_or(Err(Stop::Inconclusive(format!("it took more than {} s", CHECK_LIMIT.as_secs()))));
        report.exchanges = api.http.probe().take_transcript();
        report.verdict = match (verdict_of(outcome, self.plan), traffic.outage(environment)) {
            (Verdict::Fail(_), Some(why)) => Verdict::Inconclusive(why),
            (verdict, _) => verdict,
        };
        report.unexpected_exit = None;
        report.settings.clear();
        if let Verdict::Fail(failure) = &report.verdict {
            // A server logs a request after its response. The line is shown, not judged, so a short wait is enough.
            tokio::time::sleep(LOG_DELAY).await;
            let failing = failure.exchange.as_ref();
            let base = failing.map_or(api.http.base(), |exchange| &exchange.base);
            let answered = last_response(&report.exchanges, base, failing).unwrap_or(begun);
            report.unexpected_exit = self.unexpected_exit(base, answered).await;
            report.settings = self.settings_of(base);
        }
        report.log = api.take_logs();
        for passed in traffic.by_request(environment, self.grading.step.fixtures, &report.exchanges) {
            if let Some(kept) = report.traffic.iter_mut().find(|kept| kept.key == passed.key) {
                *kept = passed;
            }
        }
    }

    /// What a person has to set to start such a server as the one at `base`, beside what every server of the step needs.
    fn settings_of(&self, base: &str) -> Vec<(String, Option<String>)> {
        let variables = || self.grading.step.fixtures.iter().flat_map(|fixture| fixture.variables());
        let is_usual = |name: &str| ["HOST", "PORT"].contains(&name) || variables().any(|variable| variable.name == name);
        let Some(server) = self.servers.at(base) else { return Vec::new() };
        let own = server.settings().iter().filter(|(name, value)| !is_usual(name) && !value.is_empty());
        // The checker's own services listen there only during the run.
        let lasts = |value: &String| !value.contains("://127.0.0.1:") && !value.contains("://localhost:");
        own.map(|(name, value)| (name.clone(), Some(value.clone()).filter(lasts))).collect()
    }

    /// How the server at `base` exited, if it did so unexpectedly, and what it logged after `time`.
    async fn unexpected_exit(&self, base: &str, time: SystemTime) -> Option<UnexpectedExit> {
        let life = self.servers.at(base)?;
        let how = life.unexpected_exit().await?;
        Some(UnexpectedExit { how, log: life.log().later_than(time) })
    }
}

/// When this server last responded to a request other than the failing one.
fn last_response(exchanges: &[Rc<Exchange>], base: &str, failing: Option<&Rc<Exchange>>) -> Option<SystemTime> {
    let is_failing = |exchange| failing.is_some_and(|failing| Rc::ptr_eq(failing, exchange));
    let answered = exchanges.iter().filter(|one| one.base == base && one.reply.is_ok() && !is_failing(one));
    answered.map(|exchange| exchange.started + exchange.duration).max()
}

/// The verdict of a check with this outcome, given the verdicts of the checks before it.
fn verdict_of(outcome: Outcome, plan: &Plan<'_>) -> Verdict {
    match outcome {
        Ok(()) => Verdict::Pass,
        Err(Stop::Fail(failure)) => Verdict::Fail(failure),
        // The check of signing in has failed already, and one report of that is enough.
        Err(Stop::NotSignedIn(failure)) => match plan.signed_out() {
            Some(reason) => Verdict::Skipped(reason),
            None => Verdict::Fail(failure),
        },
        Err(Stop::Skip(reason)) => Verdict::Skipped(reason),
        Err(Stop::Inconclusive(reason)) => Verdict::Inconclusive(reason),
    }
}
