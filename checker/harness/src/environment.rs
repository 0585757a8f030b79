//! Starts servers of the target under examination, each with the environment variables of its fixtures.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use fixtures::Running;
use futures_util::future::{join_all, try_join_all};
use model::{Problem, Request};
use probe::Probe;
use sandbox::{Launcher, RunToExit, Server, StartError};

use crate::backing::Backing;
use crate::contract::Contract;

/// How long a listening server may respond that it is not ready, and how often the checker asks.
const READY_WITHIN: Duration = Duration::from_secs(10);
const ASK_EVERY: Duration = Duration::from_millis(20);
/// How long each of those responses may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// The environment in which one worker starts servers.
pub struct Environment {
    launcher: RefCell<Launcher>,
    contract: Rc<Contract>,
    /// The fixtures of the step; none if the server is already running, since it has its own.
    fixtures: Rc<[Box<dyn Running>]>,
    /// The backing that isolated checks share and may disturb.
    spare: RefCell<Option<Rc<Backing>>>,
    /// Every backing made in this run.
    backings: RefCell<Vec<Rc<Backing>>>,
    /// Whether one of its servers never became ready; if so, the worker no longer waits for the others.
    never_ready: Cell<bool>,
}

impl Environment {
    /// An environment without any backing.
    pub fn new(launcher: Launcher, contract: Rc<Contract>, fixtures: Rc<[Box<dyn Running>]>) -> Environment {
        Environment {
            launcher: launcher.into(),
            contract,
            fixtures,
            spare: RefCell::default(),
            backings: RefCell::default(),
            never_ready: Cell::default(),
        }
    }

    /// Whether the target is a server that is already running.
    pub fn is_url(&self) -> bool {
        self.launcher.borrow().is_url()
    }

    /// What applies to the servers.
    pub fn contract(&self) -> &Rc<Contract> {
        &self.contract
    }

    /// Every backing made so far.
    pub fn backings(&self) -> Vec<Rc<Backing>> {
        self.backings.borrow().clone()
    }

    /// Makes a part of every fixture that no other server uses.
    ///
    /// # Errors
    ///
    /// A service fails.
    pub async fn make_backing(&self) -> Result<Rc<Backing>, Problem> {
        let parts = try_join_all(self.fixtures.iter().map(|fixture| fixture.isolate())).await?;
        let backing = Rc::new(Backing::new(parts));
        self.backings.borrow_mut().push(backing.clone());
        Ok(backing)
    }

    /// The backing that isolated checks share, made on first use.
    ///
    /// # Errors
    ///
    /// A service fails.
    pub async fn spare(&self) -> Result<Rc<Backing>, Problem> {
        if let Some(spare) = self.spare.borrow().clone() {
            return Ok(spare);
        }
        let made = self.make_backing().await?;
        self.spare.replace(Some(made.clone()));
        Ok(made)
    }

    /// Starts a server.
    ///
    /// # Errors
    ///
    /// It does not start, or this machine does not let it.
    pub async fn start(&self, backing: &Backing, env: &[(&str, &str)]) -> Result<Server, StartError> {
        let variables = backing.environment();
        let launcher = self.launcher.borrow().clone();
        let server = launcher.start(&chained(&variables, env)).await?;
        // Only a server with backing services may have to wait before it is ready.
        if !backing.is_empty() && !self.never_ready.get() {
            self.never_ready.set(!becomes_ready(server.base()).await);
        }
        Ok(server)
    }

    /// Starts a program that is expected to exit, without the variable `unset`.
    pub async fn run_to_exit(
        &self,
        backing: Option<&Backing>,
        env: &[(&str, &str)],
        unset: Option<&str>,
        deadline: Duration,
    ) -> RunToExit {
        let variables = backing.map(Backing::environment).unwrap_or_default();
        let launcher = self.launcher.borrow().clone();
        let mut environment = chained(&variables, env);
        environment.retain(|(name, _)| Some(*name) != unset);
        launcher.run_to_exit(&environment, deadline).await
    }

    /// Stops starting servers, because the target has crashed too often.
    pub fn give_up(&self) {
        let given_up = self.launcher.borrow().given_up();
        self.launcher.replace(given_up);
    }

    /// Removes everything that was made.
    pub async fn close(self) {
        drop(self.spare);
        let backings = self.backings.take().into_iter().filter_map(Rc::into_inner);
        join_all(backings.map(Backing::remove)).await;
    }
}

/// The variables of the fixtures, followed by others that override them.
fn chained<'a>(variables: &'a [(&'static str, String)], env: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    variables.iter().map(|(name, value)| (*name, value.as_str())).chain(env.iter().copied()).collect()
}

/// Waits while a listening server responds with 503: it may be waiting for its database, or creating its tables. Checks judge
/// every other response.
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_server_that_responds_with_503_is_asked_again_until_it_is_ready() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let responses = ["503 Service Unavailable", "503 Service Unavailable", "401 Unauthorized"];
        let serve = async {
            for status in responses {
                let (mut client, _) = listener.accept().await.expect("a client");
                let _ = client.read(&mut [0; 1024]).await;
                let response = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                client.write_all(response.as_bytes()).await.expect("the client listens");
            }
        };
        let both = async { tokio::join!(becomes_ready(&base), serve) };
        let (is_ready, ()) = tokio::time::timeout(READY_WITHIN, both).await.expect("it asks three times");
        assert!(is_ready);
    }
}
