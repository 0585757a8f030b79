//! What the body of a check works with: the server under examination, random data, and the calls of the contract.

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Client, Identity};
use super::data::Data;
use super::database::Store;
use super::habit::Habit;
use super::instances::{FIRST_WITH_A_DATABASE, FIRST_WITH_USERS, Instances};
use super::members::{self, Account, Members};
use crate::outcome::{Outcome, Problem, Stop};
use crate::probe::{Answer, Exchange, Holder, Probe, Request, Token};
use crate::target::{Log, Mark, RunToExit, Server};

/// How long a line may take from the server's log to us.
const LOG_PATIENCE: Duration = Duration::from_secs(5);
/// How long a program that refuses its configuration may take to end.
const EXIT_PATIENCE: Duration = Duration::from_secs(10);

/// The server as one check sees it, and whom the check is signed in as there.
#[derive(Clone)]
pub struct Api {
    /// The client; its transcript belongs to the check.
    pub http: Client,
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

/// A list that begins empty, and the process that it may need.
pub struct WithoutHabits {
    /// What can be asked.
    pub api: Api,
    _process: Option<Instance>,
}

impl Api {
    /// The view of a check on a running server.
    pub fn new(server: &Server, probe: Probe, instances: Rc<Instances>, data: Data, step: u8) -> Self {
        let log = (!instances.is_url()).then(|| server.log().clone());
        let store = instances.shared().cloned();
        let http = client(probe, &instances, store.as_ref());
        Api { http, data: Rc::new(data), instances, store, log, logs: Rc::default(), step }
    }

    /// The view of a check that starts what it examines: of no server yet.
    pub fn of_none(instances: Rc<Instances>, data: Data, step: u8) -> Self {
        // There is no such port: what is sent without having started a server has no answer.
        let http = Client::new(Probe::new("http://127.0.0.1:0"), Identity::Nobody);
        Api { http, data: Rc::new(data), instances, store: None, log: None, logs: Rc::default(), step }
    }

    /// The same for another process of the target.
    fn beside(&self, server: &Server, store: Option<Rc<Store>>) -> Api {
        let http = client(self.http.probe().beside(server.base()), &self.instances, store.as_ref());
        Api { http, store, log: Some(server.log().clone()), ..self.clone() }
    }

    /// The same view as nobody.
    pub fn as_nobody(&self) -> Api {
        Api { http: self.http.identified(Identity::Nobody), ..self.clone() }
    }

    /// The same view as nobody, from another address of this machine.
    pub async fn sending_from(&self, source: IpAddr) -> Outcome<Api> {
        let probe = self.http.probe().sending_from(source).await.map_err(|error| {
            Stop::Inconclusive(format!(
                "this machine has no address {source} to send from ({error}); add it to the loopback interface, on macOS by \
                 `sudo ifconfig lo0 alias {source}`"
            ))
        })?;
        Ok(Api { http: Client::new(probe, Identity::Nobody), ..self.clone() })
    }

    /// The same view as somebody who has this access token.
    pub fn as_holder(&self, token: &str) -> Api {
        Api { http: self.http.identified(Identity::Bearer(Token::own(token))), ..self.clone() }
    }

    /// The same view as the other user.
    pub async fn as_second_member(&self) -> Outcome<Api> {
        let token = Token { text: self.second_member().await?.token.as_str().into(), holder: Holder::Other };
        Ok(Api { http: self.http.identified(Identity::Bearer(token)), ..self.clone() })
    }

    /// The user as whom requests are sent unless a check says otherwise.
    pub async fn member(&self) -> Outcome<Rc<Account>> {
        self.members()?.first(self.http.probe()).await
    }

    /// Another user.
    pub async fn second_member(&self) -> Outcome<Rc<Account>> {
        self.members()?.second(self.http.probe()).await
    }

    fn members(&self) -> Outcome<Rc<Members>> {
        let members = self.instances.members(self.store.as_ref());
        members.ok_or_else(|| Stop::Skip("there are no users before step 4".into()))
    }

    /// An e-mail address that no other user of the run has.
    pub fn email(&self) -> String {
        format!("{}@example.com", self.data.token(12))
    }

    /// Signs a new user up and in; anything but 201 and 200 is a failure.
    pub async fn new_account(&self) -> Outcome<Account> {
        Account::signed_up(self.http.probe(), self.email(), self.data.token(16)).await
    }

    /// Sends a signup.
    pub async fn sign_up(&self, body: Value) -> Outcome<Answer> {
        self.http.send(members::sign_up(&body)).await
    }

    /// Sends a login.
    pub async fn log_in(&self, email: &str, password: &str) -> Outcome<Answer> {
        self.http.send(members::log_in(&json!({ "email": email, "password": password }))).await
    }

    /// The key of access tokens.
    pub fn secret(&self) -> Outcome<&str> {
        let unknown = || Stop::Skip("the target is a URL, and its JWT_SECRET is not known here".into());
        self.instances.secret().ok_or_else(unknown)
    }

    /// The step that is graded.
    pub fn step(&self) -> u8 {
        self.step
    }

    /// What was sent and answered in this check so far.
    pub fn transcript(&self) -> Vec<Rc<Exchange>> {
        self.http.probe().transcript()
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

    /// The database whose way may be disturbed, for checks that are marked so: no other process uses it meanwhile.
    pub async fn spare(&self) -> Outcome<Rc<Store>> {
        self.needs_process()?;
        match self.instances.spare() {
            Some(store) => Ok(store),
            None => self.instances.make_spare().await.map_err(|problem| Stop::Inconclusive(problem.title)),
        }
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

    /// Starts another process of the target beside this one: on the same database, where there is one.
    pub async fn start_another(&self) -> Outcome<Instance> {
        self.start(self.store.clone(), &[]).await
    }

    /// A view in which there is no habit yet: that of the second user, who may have some by now, or else of a new one; and before
    /// there are users, that of a process of its own.
    pub async fn without_habits(&self) -> Outcome<WithoutHabits> {
        if self.step < FIRST_WITH_USERS {
            let process = self.start_instance(&[]).await?;
            return Ok(WithoutHabits { api: process.api.clone(), _process: Some(process) });
        }
        let second = self.as_second_member().await?;
        let has_none = second.list().await.is_ok_and(|(_, habits)| habits.is_empty());
        let api = if has_none { second } else { self.as_holder(&self.new_account().await?.token) };
        Ok(WithoutHabits { api, _process: None })
    }

    /// What further processes of this check have written.
    pub fn take_logs(&self) -> Vec<String> {
        self.logs.take().iter().flat_map(Log::all).collect()
    }

    /// Starts a process that has to end by itself, and waits for it.
    pub async fn run_to_exit(&self, env: &[(&str, &str)]) -> Outcome<RunToExit> {
        self.needs_process()?;
        Ok(self.instances.run_to_exit(env, None, EXIT_PATIENCE).await)
    }

    /// The same for a process that lacks a variable.
    pub async fn run_to_exit_without(&self, variable: &str) -> Outcome<RunToExit> {
        self.needs_process()?;
        Ok(self.instances.run_to_exit(&[], Some(variable), EXIT_PATIENCE).await)
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

fn client(probe: Probe, instances: &Instances, store: Option<&Rc<Store>>) -> Client {
    Client::new(probe, instances.members(store).map_or(Identity::Nobody, Identity::Member))
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

    /// Every line since the server was started.
    pub fn whole(&self) -> Vec<String> {
        self.log.all()
    }

    /// The lines so far.
    pub fn lines(&self) -> Vec<String> {
        self.log.since(self.mark)
    }
}
