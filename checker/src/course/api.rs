//! What the body of a check works with: the server under examination, random data, and the calls of the contract.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};

use super::data::Data;
use super::database::Store;
use super::habit::Habit;
use super::instances::{FIRST_WITH_A_DATABASE, Instances};
use crate::outcome::{Outcome, Problem, Stop};
use crate::probe::{Answer, Probe, Request};
use crate::target::{Log, Mark, RunToExit, Server};

/// How long a line may take from the server's log to us.
const LOG_PATIENCE: Duration = Duration::from_secs(5);
/// How long a program that refuses its configuration may take to end.
const EXIT_PATIENCE: Duration = Duration::from_secs(10);

/// The server as one check sees it.
pub struct Api {
    /// The client; its transcript belongs to the check.
    pub http: Probe,
    /// Random data of the check.
    pub data: Rc<Data>,
    instances: Rc<Instances>,
    store: Option<Rc<Store>>,
    log: Option<Log>,
    /// Logs of further processes.
    logs: Rc<RefCell<Vec<Log>>>,
    step: u8,
}

/// A process of its own, ended when dropped.
pub struct Instance {
    /// What can be asked of it.
    pub api: Api,
    server: Server,
}

impl Instance {
    /// Tells it to end, and waits until it has.
    pub async fn stop(self) {
        self.server.stop().await;
    }

    /// Ends it by SIGKILL.
    pub async fn kill(self) {
        self.server.kill().await;
    }
}

impl Api {
    /// The view of a check on a running server.
    pub fn new(server: &Server, http: Probe, instances: Rc<Instances>, data: Data, step: u8) -> Self {
        let log = (!instances.is_url()).then(|| server.log().clone());
        let store = instances.shared().cloned();
        Api { http, data: Rc::new(data), instances, store, log, logs: Rc::default(), step }
    }

    /// The same for another process of the target.
    fn beside(&self, server: &Server, store: Option<Rc<Store>>) -> Api {
        Api {
            http: self.http.beside(server.base()),
            data: self.data.clone(),
            instances: self.instances.clone(),
            store,
            log: Some(server.log().clone()),
            logs: self.logs.clone(),
            step: self.step,
        }
    }

    /// The server's database.
    pub fn store(&self) -> Outcome<&Rc<Store>> {
        let unseen = || Stop::Skip("the target is a URL, and its database cannot be seen from here".into());
        self.store.as_ref().ok_or_else(unseen)
    }

    /// The server's database, where it can be seen.
    pub fn seen_store(&self) -> Option<&Rc<Store>> {
        self.store.as_ref()
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

    /// Takes habits away whose size would cost every later list time. Where that does not work, it only takes longer.
    pub async fn clear_away(&self, habits: &[Habit]) {
        if let Some(store) = &self.store {
            let ids: Vec<String> = habits.iter().map(|habit| habit.id.to_string()).collect();
            let _ = store.rows(&format!("DELETE FROM habits WHERE id IN ({})", ids.join(", "))).await;
        }
    }

    /// The path of a habit that was never created.
    pub async fn unknown_path(&self) -> Outcome<String> {
        let known = self.any_habit().await?.id;
        let away = 100_000 + i128::from(self.data.below(900_000));
        let highest = if known > i64::MAX.into() { u64::MAX.into() } else { i64::MAX.into() };
        let unknown = if known + away > highest { known - away } else { known + away };
        Ok(format!("/habits/{unknown}"))
    }

    /// Starts another process of the target, with these variables beside `PORT` and `HOST`. From step 3 on it has a database
    /// of its own, which is empty.
    pub async fn start_instance(&self, env: &[(&str, &str)]) -> Outcome<Instance> {
        self.needs_process()?;
        match self.step < FIRST_WITH_A_DATABASE {
            true => self.start(None, env).await,
            false => self.start_on(&self.make_store().await?, env).await,
        }
    }

    /// Starts another process of the target on this database.
    pub async fn start_on(&self, store: &Rc<Store>, env: &[(&str, &str)]) -> Outcome<Instance> {
        self.start(Some(store.clone()), env).await
    }

    async fn start(&self, store: Option<Rc<Store>>, env: &[(&str, &str)]) -> Outcome<Instance> {
        self.needs_process()?;
        match self.instances.start(store.as_deref(), env).await {
            Ok(server) => {
                self.logs.borrow_mut().push(server.log().clone());
                Ok(Instance { api: self.beside(&server, store), server })
            }
            Err(problem) => Err(Stop::fail("a second process that starts", told(&problem))),
        }
    }

    /// Makes a database without tables.
    pub async fn make_store(&self) -> Outcome<Rc<Store>> {
        self.needs_process()?;
        self.instances.make_store().await.map_err(|problem| Stop::Inconclusive(problem.title))
    }

    /// Starts another process of the target whose store is empty; `None` where there is no such thing, and where it does not start:
    /// that two run side by side is another check's business.
    pub async fn start_empty_instance(&self) -> Option<Instance> {
        match self.instances.is_url() {
            true => None,
            false => self.start_instance(&[]).await.ok(),
        }
    }

    /// What further processes of this check have written.
    pub fn take_logs(&self) -> Vec<String> {
        self.logs.take().iter().flat_map(Log::all).collect()
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
