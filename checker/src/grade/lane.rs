//! A server of the target under examination, with a database of its own: one check at a time.

use std::rc::Rc;
use std::time::{Duration, Instant};

use time::OffsetDateTime;

use super::blank;
use super::schedule::Schedule;
use crate::course::{Api, Check, Data, Instances, Statements};
use crate::outcome::{CheckReport, Outcome, Problem, StepVerdict, Stop, Verdict};
use crate::probe::{NoAnswer, Probe, Request};
use crate::target::Server;

/// The most time for one check. The probe's own deadlines end far sooner; this one is for what nobody thought of.
const CHECK_LIMIT: Duration = Duration::from_secs(120);
/// How long a log line may come after the answer it is about, to be shown with a failure.
const LOG_DELAY: Duration = Duration::from_millis(30);
/// How often a check is run at most, when what it came to says nothing.
const ATTEMPTS: usize = 2;
/// The most time for all checks of a run: a right server needs a few seconds.
const RUN_LIMIT: Duration = Duration::from_secs(180);
/// How often a server that ends by itself is started again in one lane.
const RESTARTS: usize = 3;

/// A server, and what is known of it so far.
pub struct Lane {
    number: usize,
    instances: Rc<Instances>,
    running: Option<Running>,
    began: Instant,
    /// How often the server has ended by itself.
    ended: usize,
    seed: u64,
    step: u8,
}

/// A server and the client for it, whose patience lasts for the whole run: a server that never answers costs it once.
struct Running {
    server: Server,
    http: Probe,
}

/// How a lane's server ended.
pub struct Ending {
    /// What it wrote.
    pub log: Vec<String>,
    /// What was not as it should be.
    pub advice: Vec<Problem>,
}

impl Lane {
    /// Starts a server. Lanes are numbered from 0.
    pub async fn start(number: usize, instances: Rc<Instances>, seed: u64, step: u8) -> Result<Lane, StepVerdict> {
        let running = Some(Running::start(&instances).await?);
        Ok(Lane { number, instances, running, began: Instant::now(), ended: 0, seed, step })
    }

    /// Signs in as whom most checks send their requests, where there are users. Should that not work, the checks say so.
    pub async fn sign_in(&self) {
        if let Some(members) = self.instances.members(self.instances.shared())
            && let Some(Running { http, .. }) = &self.running
        {
            let _ = members.first(http).await;
            // It belongs to no check.
            http.take_transcript();
        }
    }

    /// Examines the server as long as there are checks.
    pub async fn run(
        mut self,
        checks: &[Check],
        schedule: &Schedule<'_>,
        began: &impl Fn(&'static str),
        ended: &impl Fn(usize, CheckReport),
    ) -> Lane {
        while let Some(place) = schedule.next(self.number).await {
            if !self.is_up().await && schedule.leave(place, self.number) {
                return self;
            }
            let check = &checks[place];
            began(check.id);
            let report = self.examine(check, schedule).await;
            schedule.decide(place, &report.verdict);
            ended(place, report);
        }
        self
    }

    /// Stops the server, if it still runs.
    pub async fn stop(self) -> Option<Ending> {
        let server = self.running?.server;
        let log = server.log().all();
        Some(Ending { log, advice: server.stop().await })
    }

    /// Whether the server runs; one that has ended is started again.
    async fn is_up(&mut self) -> bool {
        if self.running.is_none() {
            self.running = Running::start(&self.instances).await.ok();
        }
        self.running.is_some()
    }

    async fn examine(&mut self, check: &Check, schedule: &Schedule<'_>) -> CheckReport {
        let mut report = blank(check, self.step);
        if let Some(reason) = schedule.unmet_need(check) {
            report.verdict = Verdict::Skipped(reason);
            return report;
        }
        if self.began.elapsed() > RUN_LIMIT {
            let reason = format!("the checks before it took {} minutes, which is all there is", RUN_LIMIT.as_secs() / 60);
            report.verdict = Verdict::Inconclusive(reason);
            return report;
        }
        let clock = Instant::now();
        for attempt in 0..ATTEMPTS {
            let day = OffsetDateTime::now_utc().date();
            self.attempt(check, attempt, schedule, &mut report).await;
            let is_decided = match report.verdict {
                Verdict::Inconclusive(_) => false,
                // What was done today may have become what was done yesterday.
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

    async fn attempt(&mut self, check: &Check, attempt: usize, schedule: &Schedule<'_>, report: &mut CheckReport) {
        if !self.is_up().await {
            report.verdict = Verdict::Skipped("the server ended and did not come up again".into());
            return;
        }
        let Some(Running { server, http }) = &mut self.running else { return };
        let data = match self.instances.is_url() {
            // What earlier runs stored there is still there.
            true => Data::unheard_of(self.seed, check.id),
            false => Data::new(self.seed, check.id, attempt),
        };
        let api = Api::new(server, http.clone(), self.instances.clone(), data, self.step);
        let mark = server.log().mark();
        let statements = Statements::of(&self.instances);
        let outcome = tokio::time::timeout(CHECK_LIMIT, check.examine(&api)).await;
        let outcome = outcome.unwrap_or(Err(Stop::Inconclusive(format!("it took more than {} s", CHECK_LIMIT.as_secs()))));
        report.exchanges = http.take_transcript();
        report.verdict = match (verdict_of(outcome, schedule), statements.outage(&self.instances)) {
            (Verdict::Fail(_), Some(why)) => Verdict::Inconclusive(why),
            (verdict, _) => verdict,
        };
        if matches!(report.verdict, Verdict::Fail(_)) {
            // A server logs a request after answering it. The line is shown, not judged, so a short wait does.
            tokio::time::sleep(LOG_DELAY).await;
        }
        report.log = server.log().since(mark);
        report.log.extend(api.take_logs());
        report.sql = statements.told(&self.instances, &report.exchanges);
        if let Verdict::Fail(failure) = &mut report.verdict
            && let Some(ending) = server.ended().await
        {
            failure.actual = format!("{}\nThe server ended by itself during this check: {ending}.", failure.actual);
            self.ended += 1;
            self.running = None;
            if self.ended > RESTARTS {
                self.instances.give_up();
            }
        }
    }
}

impl Running {
    async fn start(instances: &Instances) -> Result<Running, StepVerdict> {
        let shared = instances.shared().map(|store| &**store);
        let mut server = instances.start(shared, &[]).await.map_err(StepVerdict::NotStarted)?;
        let http = Probe::new(server.base());
        match greet(&http).await {
            None => {
                // The greeting belongs to no check.
                http.take_transcript();
                Ok(Running { server, http })
            }
            Some(mut problem) => {
                if let Some(ending) = server.ended().await {
                    problem.title = format!("The server ended at its first request, GET /: {ending}.");
                    problem.remedy = "See in its log why it ended.".into();
                }
                problem.details = server.log().last(12);
                server.kill().await;
                Err(StepVerdict::NotStarted(problem))
            }
        }
    }
}

/// What a check comes to whose body ended so; in the light of those before it.
fn verdict_of(outcome: Outcome, schedule: &Schedule<'_>) -> Verdict {
    match outcome {
        Ok(()) => Verdict::Pass,
        Err(Stop::Fail(failure)) => Verdict::Fail(failure),
        // Where that is a failure of its own, it is told once.
        Err(Stop::NotSignedIn(failure)) => match schedule.signed_out() {
            Some(reason) => Verdict::Skipped(reason),
            None => Verdict::Fail(failure),
        },
        Err(Stop::Skip(reason)) => Verdict::Skipped(reason),
        Err(Stop::Inconclusive(reason)) => Verdict::Inconclusive(reason),
    }
}

/// A first request: whether what listens there speaks HTTP at all.
async fn greet(http: &Probe) -> Option<Problem> {
    let exchange = http.exchange(Request::new("GET", "/")).await;
    let none = exchange.reply.as_ref().err()?;
    Some(match none {
        NoAnswer::TimedOut(limit) => Problem::new(
            format!("The server accepts connections but does not answer: GET / had no answer within {} s.", limit.as_secs()),
            "Look for a handler or a middleware that never returns, or a lock that is never let go.",
        ),
        NoAnswer::NotHttp(why) => Problem::new(
            format!("What listens on the server's port does not answer in HTTP: {why}."),
            "Check that the program started by the target is the web server, and that it speaks plain HTTP, not TLS.",
        ),
        NoAnswer::Closed(why) => Problem::new(
            format!("The server closes the connection without an answer to GET /: {why}."),
            "A handler that panics looks like this. The server's log may say more.",
        ),
        NoAnswer::Refused => {
            Problem::new("The server stopped listening right after it had started.", "See in its log why it ended.")
        }
    })
}
