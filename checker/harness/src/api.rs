//! The API that the body of a check uses: the server under examination, random data, and the calls of the contract.

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::backing::Backing;
use crate::client::{Client, Identity};
use crate::contract::{Contract, SignIn};
use crate::data::Data;
use crate::environment::Environment;
use crate::habit::Habit;
use crate::route::Route;
use crate::users::Account;
use fixtures::Visible;
use model::{Exchange, Holder, Outcome, Problem, Request, Stop, Token};
use probe::{Probe, Response};
use sandbox::{Log, Mark, RunToExit, Server, StartError};

/// How long a log line may take from the server to the checker.
const LOG_PATIENCE: Duration = Duration::from_secs(5);
/// How long a program with an invalid configuration may take to exit.
const EXIT_PATIENCE: Duration = Duration::from_secs(10);

/// The server as one check sees it, and the user as whom the check is signed in.
#[derive(Clone)]
pub struct Api {
    /// The client; its transcript belongs to the check.
    pub http: Client,
    /// Random data of the check.
    pub data: Rc<Data>,
    environment: Rc<Environment>,
    backing: Option<Rc<Backing>>,
    log: Option<Log>,
    /// Logs of further processes.
    logs: Rc<RefCell<Vec<Log>>>,
}

/// Another server of the target, stopped when dropped.
pub struct ExtraServer {
    /// The API of that server.
    pub api: Api,
    server: Server,
}

impl ExtraServer {
    /// Sends SIGTERM and waits until it has exited.
    pub async fn stop(self) {
        self.server.stop().await;
    }

    /// Kills it with SIGKILL.
    pub async fn kill(self) {
        self.server.kill().await;
    }
}

/// A view whose list of habits starts empty, and the server that it may need.
pub struct WithoutHabits {
    /// The view.
    pub api: Api,
    _server: Option<ExtraServer>,
}

impl Api {
    /// A check's view of a running server.
    pub fn new(server: &Server, probe: Probe, environment: Rc<Environment>, backing: Rc<Backing>, data: Data) -> Self {
        let log = (!environment.is_url()).then(|| server.log().clone());
        let http = client(probe, &environment, &backing);
        Api { http, data: Rc::new(data), environment, backing: Some(backing), log, logs: Rc::default() }
    }

    /// The view of a check that starts its own servers: there is no server yet.
    pub fn of_none(environment: Rc<Environment>, data: Data) -> Self {
        // Nothing listens on port 0, so a request that is sent before a server has been started gets no response.
        let http = Client::new(Probe::new("http://127.0.0.1:0"), None, Identity::Nobody);
        Api { http, data: Rc::new(data), environment, backing: None, log: None, logs: Rc::default() }
    }

    /// The same for another server of the target.
    fn beside(&self, server: &Server, backing: &Rc<Backing>) -> Api {
        let http = client(self.http.probe().beside(server.base()), &self.environment, backing);
        Api { http, backing: Some(backing.clone()), log: Some(server.log().clone()), ..self.clone() }
    }

    /// The same view without signing in.
    pub fn anonymous(&self) -> Api {
        Api { http: self.http.identified(Identity::Nobody), ..self.clone() }
    }

    /// The same view without signing in, from another address of this machine.
    pub async fn sending_from(&self, source: IpAddr) -> Outcome<Api> {
        let probe = self.http.probe().sending_from(source).await.map_err(|error| {
            Stop::Inconclusive(format!(
                "this machine cannot send from the address {source} ({error}); add it to the loopback interface, on macOS with \
                 `sudo ifconfig lo0 alias {source}`"
            ))
        })?;
        Ok(Api { http: Client::new(probe, self.contract().sign_in, Identity::Nobody), ..self.clone() })
    }

    /// The same view as the holder of this access token.
    pub fn as_holder(&self, token: &str) -> Api {
        Api { http: self.http.identified(Identity::Bearer(Token::own(token))), ..self.clone() }
    }

    /// The same view as the other user.
    pub async fn as_second_user(&self) -> Outcome<Api> {
        let token = Token { text: self.second_user().await?.token.as_str().into(), holder: Holder::Other };
        Ok(Api { http: self.http.identified(Identity::Bearer(token)), ..self.clone() })
    }

    /// The user in whose name requests are sent, unless a check chooses another.
    pub async fn user(&self) -> Outcome<Rc<Account>> {
        self.backing()?.users().first(self.http.probe(), self.sign_in()?).await
    }

    /// Another user.
    pub async fn second_user(&self) -> Outcome<Rc<Account>> {
        self.backing()?.users().second(self.http.probe(), self.sign_in()?).await
    }

    fn sign_in(&self) -> Outcome<&'static SignIn> {
        self.contract().sign_in.ok_or_else(|| Stop::Skip("there are no users at this step".into()))
    }

    /// An e-mail address that no other user of the run has.
    pub fn email(&self) -> String {
        format!("{}@example.com", self.data.token(12))
    }

    /// Signs a new user up and in; anything but 201 and 200 is a failure.
    pub async fn new_account(&self) -> Outcome<Account> {
        Account::signed_up(self.http.probe(), self.sign_in()?, self.email(), self.data.token(16)).await
    }

    /// Sends a signup.
    pub async fn sign_up(&self, body: Value) -> Outcome<Response> {
        self.http.send(self.sign_in()?.sign_up(&body)).await
    }

    /// Sends a login.
    pub async fn log_in(&self, email: &str, password: &str) -> Outcome<Response> {
        self.http.send(self.sign_in()?.log_in(&json!({ "email": email, "password": password }))).await
    }

    /// What applies to the server.
    pub fn contract(&self) -> &Contract {
        self.environment.contract()
    }

    /// The routes that work on habits or on the user; those that delete come last.
    pub fn routes(&self) -> &[&'static Route] {
        &self.contract().routes
    }

    /// The exchanges of this check so far.
    pub fn transcript(&self) -> Vec<Rc<Exchange>> {
        self.http.probe().transcript()
    }

    /// The server's backing services.
    pub fn backing(&self) -> Outcome<&Rc<Backing>> {
        let none = || Stop::Inconclusive("the check has not started a server yet".into());
        self.backing.as_ref().ok_or_else(none)
    }

    /// The server's part of a fixture; the check is skipped where the checker cannot see it.
    pub fn fixture<T: Visible>(&self) -> Outcome<Rc<T>> {
        self.visible().ok_or_else(|| Stop::Skip(T::UNSEEN.into()))
    }

    /// The server's part of a fixture, where the checker can see it.
    pub fn visible<T: Visible>(&self) -> Option<Rc<T>> {
        self.backing.as_ref()?.get()
    }

    /// Sends a request without a body.
    pub async fn get(&self, path: impl Into<String>) -> Outcome<Response> {
        self.http.send(Request::new("GET", path)).await
    }

    /// Sends a request without a body.
    pub async fn delete(&self, path: impl Into<String>) -> Outcome<Response> {
        self.http.send(Request::new("DELETE", path)).await
    }

    /// Sends JSON.
    pub async fn post(&self, path: impl Into<String>, body: Value) -> Outcome<Response> {
        self.http.send(Request::new("POST", path).json(&body)).await
    }

    /// Sends JSON.
    pub async fn patch(&self, path: impl Into<String>, body: Value) -> Outcome<Response> {
        self.http.send(Request::new("PATCH", path).json(&body)).await
    }

    /// Sends JSON.
    pub async fn put(&self, path: impl Into<String>, body: Value) -> Outcome<Response> {
        self.http.send(Request::new("PUT", path).json(&body)).await
    }

    /// Creates a habit with this name; anything but 201 and a habit is a failure.
    pub async fn create(&self, name: &str) -> Outcome<Habit> {
        let response = self.post("/habits", json!({ "name": name })).await?;
        response.status(201)?;
        Habit::of(&response)
    }

    /// Creates a habit with name and description.
    pub async fn create_described(&self, name: &str, description: &str) -> Outcome<Habit> {
        let body = json!({ "name": name, "description": description });
        let response = self.post("/habits", body).await?;
        response.status(201)?;
        Habit::of(&response)
    }

    /// Creates a habit with a random name.
    pub async fn any_habit(&self) -> Outcome<Habit> {
        self.create(&self.data.name()).await
    }

    /// Reads one habit; anything but 200 and a habit is a failure.
    pub async fn read(&self, habit: &Habit) -> Outcome<(Response, Habit)> {
        let response = self.get(habit.path()).await?;
        response.status(200)?;
        let habit = Habit::of(&response)?;
        Ok((response, habit))
    }

    /// Reads the list; anything but 200 and an array of objects with ids is a failure.
    pub async fn list(&self) -> Outcome<(Response, Vec<Habit>)> {
        let response = self.get("/habits").await?;
        response.status(200)?;
        let habits = Habit::list(&response)?;
        Ok((response, habits))
    }

    /// The path of a habit that was never created.
    pub async fn unknown_path(&self) -> Outcome<String> {
        let known = self.any_habit().await?.id;
        let away = 100_000 + i128::from(self.data.below(900_000));
        let highest = if known > i64::MAX.into() { u64::MAX.into() } else { i64::MAX.into() };
        let unknown = if known + away > highest { known - away } else { known + away };
        Ok(format!("/habits/{unknown}"))
    }

    /// Starts another server of the target with these additional variables. It shares no data with any other.
    pub async fn start_instance(&self, env: &[(&str, &str)]) -> Outcome<ExtraServer> {
        self.start_on(&self.new_backing().await?, env).await
    }

    /// Starts another server of the target, which shares its data with all servers on this backing.
    pub async fn start_on(&self, backing: &Rc<Backing>, env: &[(&str, &str)]) -> Outcome<ExtraServer> {
        self.needs_process()?;
        match self.environment.start(backing, env).await {
            Ok(server) => {
                self.logs.borrow_mut().push(server.log().clone());
                Ok(ExtraServer { api: self.beside(&server, backing), server })
            }
            Err(StartError::Server(problem)) => Err(Stop::fail("a second process that starts", in_full(&problem))),
            Err(StartError::Machine(problem)) => Err(Stop::Inconclusive(problem.title)),
        }
    }

    /// Starts another server of the target beside this one, which shares its data.
    pub async fn start_another(&self) -> Outcome<ExtraServer> {
        self.start_on(self.backing()?, &[]).await
    }

    /// Makes empty backing services that no server uses yet.
    pub async fn new_backing(&self) -> Outcome<Rc<Backing>> {
        self.needs_process()?;
        self.environment.make_backing().await.map_err(|problem| Stop::Inconclusive(problem.title))
    }

    /// The backing services that isolated checks may disturb: no other server uses them meanwhile.
    pub async fn spare(&self) -> Outcome<Rc<Backing>> {
        self.needs_process()?;
        self.environment.spare().await.map_err(|problem| Stop::Inconclusive(problem.title))
    }

    /// A view without any habit: that of the second user, or of a new user if the second one has habits by now; before there are
    /// users, that of another server.
    pub async fn without_habits(&self) -> Outcome<WithoutHabits> {
        if self.contract().sign_in.is_none() {
            let server = self.start_instance(&[]).await?;
            return Ok(WithoutHabits { api: server.api.clone(), _server: Some(server) });
        }
        let second = self.as_second_user().await?;
        let has_none = second.list().await.is_ok_and(|(_, habits)| habits.is_empty());
        let api = if has_none { second } else { self.as_holder(&self.new_account().await?.token) };
        Ok(WithoutHabits { api, _server: None })
    }

    /// Takes the logs of the further processes of this check.
    pub fn take_logs(&self) -> Vec<String> {
        self.logs.take().iter().flat_map(Log::all).collect()
    }

    /// Starts a process that must exit without being stopped, and waits for it.
    pub async fn run_to_exit(&self, env: &[(&str, &str)]) -> Outcome<RunToExit> {
        self.needs_process()?;
        Ok(self.environment.run_to_exit(self.backing.as_deref(), env, None, EXIT_PATIENCE).await)
    }

    /// The same for a process that lacks a variable.
    pub async fn run_to_exit_without(&self, variable: &str) -> Outcome<RunToExit> {
        self.needs_process()?;
        Ok(self.environment.run_to_exit(self.backing.as_deref(), &[], Some(variable), EXIT_PATIENCE).await)
    }

    /// The log of the server, where the checker can see it.
    pub fn log(&self) -> Outcome<LogView<'_>> {
        match &self.log {
            Some(log) => Ok(LogView { mark: log.mark(), log }),
            None => Err(Stop::Skip("the target is a URL, so the checker cannot see its log".into())),
        }
    }

    fn needs_process(&self) -> Outcome {
        match self.environment.is_url() {
            true => Err(Stop::Skip("the target is a URL, but this check must start the server itself".into())),
            false => Ok(()),
        }
    }
}

fn client(probe: Probe, environment: &Environment, backing: &Backing) -> Client {
    let sign_in = environment.contract().sign_in;
    let identity = if sign_in.is_some() { Identity::User(backing.users().clone()) } else { Identity::Nobody };
    Client::new(probe, sign_in, identity)
}

/// The problem with its details.
fn in_full(problem: &Problem) -> String {
    let lines = std::iter::once(&problem.title).chain(&problem.details);
    lines.map(String::as_str).collect::<Vec<_>>().join("\n")
}

/// The part of a server's log that was written after a moment.
pub struct LogView<'a> {
    log: &'a Log,
    mark: Mark,
}

impl LogView<'_> {
    /// Waits for a matching line; `None` if none arrives in time.
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
