//! A worker: one server of the target with backing services of its own, and one check at a time.

use std::rc::Rc;

use harness::api::Api;
use harness::backing::Backing;
use harness::check::Check;
use harness::environment::Environment;
use model::{CheckReport, NoResponse, Problem, Request, StepVerdict, Verdict};
use probe::Probe;
use sandbox::{Server, StartError};

use super::run::Run;

/// How often a worker starts a server again that has crashed.
const RESTARTS: usize = 3;

/// A server, and what is known about it so far.
pub struct Worker {
    number: usize,
    environment: Rc<Environment>,
    backing: Rc<Backing>,
    running: Option<Running>,
    /// How often the server has crashed.
    crashes: usize,
}

/// A server and its client. The client is kept for the whole run, so a server that never responds costs its timeout once.
struct Running {
    server: Server,
    http: Probe,
}

/// A server that was stopped.
pub struct Stopped {
    /// What it wrote.
    pub log: Vec<String>,
    /// What was wrong with it, though no verdict depends on that.
    pub advice: Vec<Problem>,
}

impl Worker {
    /// Starts a server. Workers are numbered from 0.
    pub async fn start(number: usize, environment: Rc<Environment>, backing: Rc<Backing>) -> Result<Worker, StepVerdict> {
        let running = Some(Running::start(&environment, &backing).await?);
        Ok(Worker { number, environment, backing, running, crashes: 0 })
    }

    /// Signs in the user of most checks, if the step has users. If that fails, the checks report it.
    pub async fn sign_in(&self) {
        if let Some(sign_in) = self.environment.contract().sign_in
            && let Some(Running { http, .. }) = &self.running
        {
            let _ = self.backing.users().first(http, sign_in).await;
            // These requests belong to no check.
            http.take_transcript();
        }
    }

    /// Runs checks on the server until none is left.
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

    /// Whether the server runs. If it has exited, this restarts it.
    async fn is_up(&mut self) -> bool {
        if self.running.is_none() {
            self.running = Running::start(&self.environment, &self.backing).await.ok();
        }
        self.running.is_some()
    }

    async fn attempt(&mut self, check: &Check, attempt: usize, run: &Run<'_>, report: &mut CheckReport) {
        if !self.is_up().await {
            report.verdict = Verdict::Skipped("the server exited and could not be restarted".into());
            return;
        }
        let Some(Running { server, http }) = &self.running else { return };
        let data = run.data(check, attempt, &self.environment);
        let api = Api::new(server, http.clone(), self.environment.clone(), self.backing.clone(), data);
        let mark = server.log().mark();
        run.attempt(check, &api, &self.environment, report).await;
        report.log.splice(..0, server.log().since(mark));
        if matches!(report.verdict, Verdict::Fail(_)) && server.unexpected_exit().await.is_some() {
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
        let server = environment.start(backing, &[]).await.map_err(|error| match error {
            StartError::Server(problem) => StepVerdict::NotStarted(problem),
            StartError::Machine(problem) => StepVerdict::Environment(problem),
        })?;
        let http = Probe::new(server.base());
        match greet(&http).await {
            None => {
                // The greeting belongs to no check.
                http.take_transcript();
                Ok(Running { server, http })
            }
            Some(mut problem) => {
                if let Some(ending) = server.unexpected_exit().await {
                    problem.title = format!("The server exited at its first request, GET /: {ending}.");
                    problem.remedy = "Its log may say why it exited.".into();
                }
                problem.details = server.log().last(12);
                server.kill().await;
                Err(StepVerdict::NotStarted(problem))
            }
        }
    }
}

/// Sends a first request, to see whether the server speaks HTTP at all.
async fn greet(http: &Probe) -> Option<Problem> {
    let exchange = http.exchange(Request::new("GET", "/")).await;
    let none = exchange.reply.as_ref().err()?;
    Some(match none {
        NoResponse::TimedOut(limit) => Problem::new(
            format!("The server accepts connections but does not respond: GET / got no response within {} s.", limit.as_secs()),
            "Look for a handler or a middleware that never returns, or a lock that is never released.",
        ),
        NoResponse::NotHttp(why) => Problem::new(
            format!("The program that listens on the server's port does not speak HTTP: {why}."),
            "Check that the program started by the target is the web server, and that it speaks plain HTTP, not TLS.",
        ),
        NoResponse::Closed(why) => Problem::new(
            format!("The server closes the connection without a response to GET /: {why}."),
            "A handler that panics looks like this. The server's log may say more.",
        ),
        NoResponse::Refused => {
            Problem::new("The server stopped listening right after it had started.", "Its log may say why it exited.")
        }
    })
}
