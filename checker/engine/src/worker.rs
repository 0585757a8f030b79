//! A worker: one server of the target with backing services of its own, and one check at a time.

use std::rc::Rc;

use harness::api::Api;
use harness::backing::Backing;
use harness::check::Check;
use harness::environment::Environment;
use model::{CheckReport, NoAnswer, Problem, Request, StepVerdict, Verdict};
use probe::Probe;
use sandbox::Server;

use super::run::Run;

/// How often a worker starts a server again that has crashed.
const RESTARTS: usize = 3;

/// A server, and what is known of it so far.
pub struct Worker {
    number: usize,
    environment: Rc<Environment>,
    backing: Rc<Backing>,
    running: Option<Running>,
    /// How often the server has crashed.
    crashes: usize,
}

/// A server and the client for it, whose patience lasts for the whole run: a server that never answers costs it once.
struct Running {
    server: Server,
    http: Probe,
}

/// A server that was stopped.
pub struct Stopped {
    /// What it wrote.
    pub log: Vec<String>,
    /// What was not as it should be.
    pub advice: Vec<Problem>,
}

impl Worker {
    /// Starts a server. Workers are numbered from 0.
    pub async fn start(number: usize, environment: Rc<Environment>, backing: Rc<Backing>) -> Result<Worker, StepVerdict> {
        let running = Some(Running::start(&environment, &backing).await?);
        Ok(Worker { number, environment, backing, running, crashes: 0 })
    }

    /// Signs in as whom most checks send their requests, where there are users. Should that not work, the checks say so.
    pub async fn sign_in(&self) {
        if let Some(sign_in) = self.environment.contract().sign_in
            && let Some(Running { http, .. }) = &self.running
        {
            let _ = self.backing.users().first(http, sign_in).await;
            // It belongs to no check.
            http.take_transcript();
        }
    }

    /// Examines the server as long as there are checks.
    pub async fn run(mut self, run: &Run<'_>) -> Worker {
        while let Some(place) = run.plan.next(self.number).await {
            if !self.is_up().await && run.plan.leave(place, self.number) {
                return self;
            }
            run.examine(place, async |check, attempt, report| self.attempt(check, attempt, run, report).await).await;
        }
        self
    }

    /// Stops the server, if it still runs.
    pub async fn stop(self) -> Option<Stopped> {
        let server = self.running?.server;
        let log = server.log().all();
        Some(Stopped { log, advice: server.stop().await })
    }

    /// Whether the server runs; one that has ended is started again.
    async fn is_up(&mut self) -> bool {
        if self.running.is_none() {
            self.running = Running::start(&self.environment, &self.backing).await.ok();
        }
        self.running.is_some()
    }

    async fn attempt(&mut self, check: &Check, attempt: usize, run: &Run<'_>, report: &mut CheckReport) {
        if !self.is_up().await {
            report.verdict = Verdict::Skipped("the server ended and did not come up again".into());
            return;
        }
        let Some(Running { server, http }) = &self.running else { return };
        let data = run.data(check, attempt, &self.environment);
        let api = Api::new(server, http.clone(), self.environment.clone(), self.backing.clone(), data);
        let mark = server.log().mark();
        run.attempt(check, &api, &self.environment, report).await;
        report.log.splice(..0, server.log().since(mark));
        if matches!(report.verdict, Verdict::Fail(_)) && server.ended().await.is_some() {
            self.crashes += 1;
            self.running = None;
            if self.crashes > RESTARTS {
                self.environment.give_up();
            }
        }
    }
}

impl Running {
    async fn start(environment: &Environment, backing: &Backing) -> Result<Running, StepVerdict> {
        let server = environment.start(backing, &[]).await.map_err(StepVerdict::NotStarted)?;
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
