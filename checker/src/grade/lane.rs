//! A server of the target under examination, with a database of its own: one check at a time.

use std::rc::Rc;

use super::trial::Trial;
use crate::course::{Api, Check, Instances};
use crate::outcome::{CheckReport, Problem, StepVerdict, Verdict};
use crate::probe::{NoAnswer, Probe, Request};
use crate::target::Server;

/// How often a server that ends by itself is started again in one lane.
const RESTARTS: usize = 3;

/// A server, and what is known of it so far.
pub struct Lane {
    number: usize,
    instances: Rc<Instances>,
    running: Option<Running>,
    /// How often the server has ended by itself.
    ended: usize,
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
    pub async fn start(number: usize, instances: Rc<Instances>) -> Result<Lane, StepVerdict> {
        let running = Some(Running::start(&instances).await?);
        Ok(Lane { number, instances, running, ended: 0 })
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
    pub async fn run(mut self, trial: &Trial<'_>) -> Lane {
        while let Some(place) = trial.schedule.next(self.number).await {
            if !self.is_up().await && trial.schedule.leave(place, self.number) {
                return self;
            }
            trial.examine(place, async |check, attempt, report| self.attempt(check, attempt, trial, report).await).await;
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

    async fn attempt(&mut self, check: &Check, attempt: usize, trial: &Trial<'_>, report: &mut CheckReport) {
        if !self.is_up().await {
            report.verdict = Verdict::Skipped("the server ended and did not come up again".into());
            return;
        }
        let Some(Running { server, http }) = &self.running else { return };
        let data = trial.data(check, attempt, &self.instances);
        let api = Api::new(server, http.clone(), self.instances.clone(), data, trial.step);
        let mark = server.log().mark();
        trial.attempt(check, &api, &self.instances, report).await;
        report.log.splice(..0, server.log().since(mark));
        if matches!(report.verdict, Verdict::Fail(_)) && server.ended().await.is_some() {
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
        let server = instances.start(shared, &[]).await.map_err(StepVerdict::NotStarted)?;
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
