//! What the body of a check works with: the server under examination, random data, and the calls of the contract.

use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};

use super::data::Data;
use super::habit::Habit;
use crate::outcome::{Outcome, Problem, Stop};
use crate::probe::{Answer, Probe, Request};
use crate::target::{Launcher, Log, Mark, RunToExit, Server};

/// How long a line may take from the server's log to us.
const LOG_PATIENCE: Duration = Duration::from_secs(5);
/// How long a program that refuses its configuration may take to end.
const EXIT_PATIENCE: Duration = Duration::from_secs(10);

/// Starts further processes of the target.
pub type Instances = Rc<Launcher>;

/// The server as one check sees it.
pub struct Api {
    /// The client; its transcript belongs to the check.
    pub http: Probe,
    /// Random data of the check.
    pub data: Data,
    instances: Instances,
    log: Option<Log>,
    step: u8,
}

/// The first step whose servers find the data of earlier processes again.
const FIRST_WITH_A_DATABASE: u8 = 3;

/// A process of its own, ended when dropped.
pub struct Instance {
    /// The client for it.
    pub http: Probe,
    _server: Server,
}

impl Api {
    /// The view of a check on a running server.
    pub fn new(server: &Server, http: Probe, instances: Instances, data: Data, step: u8) -> Self {
        let log = (!instances.is_url()).then(|| server.log().clone());
        Api { http, data, instances, log, step }
    }

    /// Sends a request without a body.
    pub async fn get(&self, path: impl Into<String>) -> Outcome<Answer> {
        self.http.send(Request::new("GET", path)).await
    }

    /// Sends a request without a body.
    pub async fn delete(&self, path: impl Into<String>) -> Outcome<Answer> {
        self.http.send(Request::new("DELETE", path)).await
    }

    /// Sends JSON.
    pub async fn post(&self, path: impl Into<String>, body: Value) -> Outcome<Answer> {
        self.http.send(Request::new("POST", path).json(&body)).await
    }

    /// Sends JSON.
    pub async fn patch(&self, path: impl Into<String>, body: Value) -> Outcome<Answer> {
        self.http.send(Request::new("PATCH", path).json(&body)).await
    }

    /// Sends JSON.
    pub async fn put(&self, path: impl Into<String>, body: Value) -> Outcome<Answer> {
        self.http.send(Request::new("PUT", path).json(&body)).await
    }

    /// Creates a habit with this name; anything but 201 and a habit is a failure.
    pub async fn create(&self, name: &str) -> Outcome<Habit> {
        let answer = self.post("/habits", json!({ "name": name })).await?;
        answer.status(201)?;
        Habit::of(&answer)
    }

    /// Creates a habit with name and description.
    pub async fn create_described(&self, name: &str, description: &str) -> Outcome<Habit> {
        let body = json!({ "name": name, "description": description });
        let answer = self.post("/habits", body).await?;
        answer.status(201)?;
        Habit::of(&answer)
    }

    /// Creates a habit with a random name.
    pub async fn any_habit(&self) -> Outcome<Habit> {
        self.create(&self.data.name()).await
    }

    /// Reads one habit; anything but 200 and a habit is a failure.
    pub async fn read(&self, habit: &Habit) -> Outcome<(Answer, Habit)> {
        let answer = self.get(habit.path()).await?;
        answer.status(200)?;
        let habit = Habit::of(&answer)?;
        Ok((answer, habit))
    }

    /// Reads the list; anything but 200 and an array of objects with ids is a failure.
    pub async fn list(&self) -> Outcome<(Answer, Vec<Habit>)> {
        let answer = self.get("/habits").await?;
        answer.status(200)?;
        let habits = Habit::list(&answer)?;
        Ok((answer, habits))
    }

    /// The path of a habit that was never created.
    pub async fn unknown_path(&self) -> Outcome<String> {
        let known = self.any_habit().await?.id;
        let away = 100_000 + i128::from(self.data.below(900_000));
        let highest = if known > i64::MAX.into() { u64::MAX.into() } else { i64::MAX.into() };
        let unknown = if known + away > highest { known - away } else { known + away };
        Ok(format!("/habits/{unknown}"))
    }

    /// Starts another process of the target, with these variables beside `PORT` and `HOST`.
    pub async fn start_instance(&self, env: &[(&str, &str)]) -> Outcome<Instance> {
        self.needs_process()?;
        match self.instances.start(env).await {
            Ok(server) => Ok(Instance { http: Probe::new(server.base()), _server: server }),
            Err(problem) => Err(Stop::fail("a second process that starts", told(&problem))),
        }
    }

    /// Starts another process of the target whose store is empty; `None` where there is no such thing, and where it does not start:
    /// that two run side by side is another check's business.
    pub async fn start_empty_instance(&self) -> Option<Instance> {
        match self.step >= FIRST_WITH_A_DATABASE {
            true => None,
            false => self.start_instance(&[]).await.ok(),
        }
    }

    /// Starts a process that has to end by itself, and waits for it.
    pub async fn run_to_exit(&self, env: &[(&str, &str)]) -> Outcome<RunToExit> {
        self.needs_process()?;
        Ok(self.instances.run_to_exit(env, EXIT_PATIENCE).await)
    }

    /// The log of the server, where it can be seen.
    pub fn log(&self) -> Outcome<LogView<'_>> {
        match &self.log {
            Some(log) => Ok(LogView { mark: log.mark(), log }),
            None => Err(Stop::Skip("the target is a URL, and its log cannot be seen from here".into())),
        }
    }

    fn needs_process(&self) -> Outcome {
        match self.instances.is_url() {
            true => Err(Stop::Skip("the target is a URL, and this check has to start the server itself".into())),
            false => Ok(()),
        }
    }
}

fn told(problem: &Problem) -> String {
    let mut text = problem.title.clone();
    for line in &problem.details {
        text.push('\n');
        text.push_str(line);
    }
    text
}

/// The part of a server's log that was written after a moment.
pub struct LogView<'a> {
    log: &'a Log,
    mark: Mark,
}

impl LogView<'_> {
    /// Waits for a line; `None` when it does not come.
    pub async fn line(&self, wanted: impl Fn(&str) -> bool) -> Option<String> {
        self.log.wait_for(self.mark, LOG_PATIENCE, wanted).await
    }

    /// The lines so far.
    pub fn lines(&self) -> Vec<String> {
        self.log.since(self.mark)
    }
}
