//! Processes of the target, and the databases they get.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::database::Store;
use super::members::Members;
use crate::outcome::Problem;
use crate::probe::{Probe, Request};
use crate::services::Postgres;
use crate::target::{Launcher, RunToExit, Server};

/// The first step whose servers keep their data in a database.
pub const FIRST_WITH_A_DATABASE: u8 = 3;

/// The first step whose servers know users, and serve habits to those who are signed in.
pub const FIRST_WITH_USERS: u8 = 4;

/// How long a server that listens may go on answering that it is not ready, and how often it is asked.
const READY_WITHIN: Duration = Duration::from_secs(10);
const ASK_EVERY: Duration = Duration::from_millis(20);
/// How long it may take to answer that.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// Starts processes of the target, each with its environment.
pub struct Instances {
    launcher: RefCell<Launcher>,
    /// The key of access tokens, the same for all processes, and another one in each run.
    secret: Option<String>,
    /// The users of a server that keeps them who knows where.
    members: Option<Rc<Members>>,
    service: Option<Rc<Postgres>>,
    shared: Option<Rc<Store>>,
    /// A database that checks share which disturb the way to it.
    spare: RefCell<Option<Rc<Store>>>,
    /// Every database made in this run, the shared one included.
    stores: RefCell<Vec<Rc<Store>>>,
    /// Whether one of its processes never came to be ready, so that no other is waited for.
    never_ready: Cell<bool>,
}

impl Instances {
    /// For a target that needs no database, or that has its own.
    pub fn without_database(launcher: Launcher, step: u8) -> Instances {
        let (secret, members) = (secret(step), (step >= FIRST_WITH_USERS).then(Rc::default));
        let (launcher, spare, stores) = (launcher.into(), RefCell::default(), RefCell::default());
        Instances { launcher, secret, members, service: None, shared: None, spare, stores, never_ready: Cell::default() }
    }

    /// For a target whose processes share a database, which is made now.
    pub async fn with_database(launcher: Launcher, service: Rc<Postgres>, step: u8) -> Result<Instances, Problem> {
        let shared = Rc::new(Store::make(&service).await?);
        let stores = RefCell::new(vec![shared.clone()]);
        Ok(Instances { shared: Some(shared), stores, ..Instances::with_databases_to_come(launcher, service, step) })
    }

    /// For a target whose processes get databases that checks make.
    pub fn with_databases_to_come(launcher: Launcher, service: Rc<Postgres>, step: u8) -> Instances {
        Instances { service: Some(service), ..Instances::without_database(launcher, step) }
    }

    /// Whether the target is a server that runs already.
    pub fn is_url(&self) -> bool {
        self.launcher.borrow().is_url()
    }

    /// The database that checks share.
    pub fn shared(&self) -> Option<&Rc<Store>> {
        self.shared.as_ref()
    }

    /// Every database made so far.
    pub fn stores(&self) -> Vec<Rc<Store>> {
        self.stores.borrow().clone()
    }

    /// Makes another database, without tables.
    pub async fn make_store(&self) -> Result<Rc<Store>, Problem> {
        let Some(service) = &self.service else {
            return Err(Problem::new("There is no database in this run.", "See what the checker said when it started."));
        };
        let store = Rc::new(Store::make(service).await?);
        self.stores.borrow_mut().push(store.clone());
        Ok(store)
    }

    /// The database for checks that disturb the way to it, if there is one already.
    pub fn spare(&self) -> Option<Rc<Store>> {
        self.spare.borrow().clone()
    }

    /// Makes that database.
    pub async fn make_spare(&self) -> Result<Rc<Store>, Problem> {
        let store = self.make_store().await?;
        self.spare.replace(Some(store.clone()));
        Ok(store)
    }

    /// The users that checks share who look at this database; none before there are users.
    pub fn members(&self, store: Option<&Rc<Store>>) -> Option<Rc<Members>> {
        let shared = self.members.as_ref()?;
        Some(store.map_or(shared, |store| store.members()).clone())
    }

    /// The key of access tokens, where it is ours to choose.
    pub fn secret(&self) -> Option<&str> {
        self.secret.as_deref().filter(|_| !self.is_url())
    }

    /// Starts a process on a database.
    pub async fn start(&self, store: Option<&Store>, env: &[(&str, &str)]) -> Result<Server, Problem> {
        let url = store.map(Store::url);
        let launcher = self.launcher.borrow().clone();
        let server = launcher.start(&self.environment(url.as_deref(), env)).await?;
        if store.is_some() && !self.is_url() && !self.never_ready.get() {
            self.never_ready.set(!becomes_ready(server.base()).await);
        }
        Ok(server)
    }

    /// Starts a process that is expected to end by itself, on the shared database unless `env` says otherwise, and without
    /// the variable `unset`.
    pub async fn run_to_exit(&self, env: &[(&str, &str)], unset: Option<&str>, deadline: Duration) -> RunToExit {
        let url = self.shared().map(|store| store.url());
        let launcher = self.launcher.borrow().clone();
        let mut environment = self.environment(url.as_deref(), env);
        environment.retain(|(name, _)| Some(*name) != unset);
        launcher.run_to_exit(&environment, deadline).await
    }

    fn environment<'a>(&'a self, url: Option<&'a str>, env: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let database = url.map(|url| ("DATABASE_URL", url));
        let secret = self.secret.as_deref().map(|secret| ("JWT_SECRET", secret));
        database.into_iter().chain(secret).chain(env.iter().copied()).collect()
    }

    /// Starts nothing any more: the server has ended by itself too often.
    pub fn give_up(&self) {
        let given_up = self.launcher.borrow().given_up();
        self.launcher.replace(given_up);
    }

    /// Removes every database of this run.
    pub async fn close(self) {
        drop((self.shared, self.spare));
        let stores = self.stores.take().into_iter().filter_map(Rc::into_inner);
        join_all(stores.map(Store::remove)).await;
    }
}

/// Waits while a server that listens answers 503: it may wait for its database, or make its tables. Whatever else it answers is a
/// check's business.
async fn becomes_ready(base: &str) -> bool {
    let probe = Probe::new(base);
    let deadline = Instant::now() + READY_WITHIN;
    while Instant::now() < deadline {
        let asked = tokio::time::timeout(ANSWER_WITHIN, probe.exchange(Request::new("GET", "/habits"))).await;
        let is_waiting = asked.is_ok_and(|exchange| exchange.reply.as_ref().is_ok_and(|reply| reply.status == 503));
        if !is_waiting {
            return true;
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
    false
}

/// 64 hexadecimal digits, where servers need a key.
fn secret(step: u8) -> Option<String> {
    let digits = || std::iter::repeat_with(|| fastrand::digit(16)).take(64).collect();
    (step >= FIRST_WITH_USERS).then(digits)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_server_that_answers_503_is_asked_again_until_it_answers_otherwise() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let answers = ["503 Service Unavailable", "503 Service Unavailable", "401 Unauthorized"];
        let serve = async {
            for status in answers {
                let (mut client, _) = listener.accept().await.expect("a client");
                let _ = client.read(&mut [0; 1024]).await;
                let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                client.write_all(answer.as_bytes()).await.expect("the client listens");
            }
        };
        let both = async { tokio::join!(becomes_ready(&base), serve) };
        let (is_ready, ()) = tokio::time::timeout(READY_WITHIN, both).await.expect("it asks three times");
        assert!(is_ready);
    }
}
