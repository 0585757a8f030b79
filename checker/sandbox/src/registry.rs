//! The registry of server processes, which outlives their handles, so that a later failure can be traced to an exit.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

use super::guard::Status;
use super::log::Log;
use model::{Origin, Termination};

/// How long the report of an exit may take to arrive after the connection broke.
const SETTLE: Duration = Duration::from_millis(50);
/// How long the parent of a server, such as npm, may take to exit after the server, once nothing listens any more.
const LINGER: Duration = Duration::from_millis(500);
/// How many terminated processes are remembered: more than concurrent checks can have just lost.
const KEPT: usize = 16;

/// One process of a server. Clones are about the same process.
#[derive(Debug, Clone)]
pub struct ServerProcess {
    base: String,
    log: Log,
    /// The environment variables by which it differs from the usual environment of a server.
    settings: Rc<[(String, String)]>,
    status: watch::Receiver<Status>,
    /// How long to wait for the exit of a process that no longer listens; zero after the first wait.
    linger: Rc<Cell<Duration>>,
}

impl ServerProcess {
    pub(super) fn new(base: &str, log: &Log, settings: &[(&str, &str)], status: watch::Receiver<Status>) -> ServerProcess {
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        ServerProcess { base: base.to_owned(), log: log.clone(), settings, status, linger: Rc::new(LINGER.into()) }
    }

    /// The environment variables that it was started with, beside those of every server.
    pub fn settings(&self) -> &[(String, String)] {
        &self.settings
    }

    /// Its log.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// How it terminated, if it exited without having been asked to, or is about to.
    pub async fn unexpected_exit(&self) -> Option<Termination> {
        let mut status = self.status.clone();
        let mut is_decided = async |patience| {
            let decided = status.wait_for(|status| status.asked || status.over || status.ending().is_some());
            timeout(patience, decided).await.is_ok()
        };
        if !is_decided(SETTLE).await && !self.listens().await {
            is_decided(self.linger.take()).await;
        }
        self.status.borrow().unexpected_exit()
    }

    fn is_over(&self) -> bool {
        self.status.borrow().over
    }

    /// Whether a process accepts connections there, or at least does not refuse them.
    async fn listens(&self) -> bool {
        let Some(origin) = Origin::parse(&self.base) else { return false };
        !matches!(timeout(SETTLE, TcpStream::connect(origin.address())).await, Ok(Err(_)))
    }
}

/// The processes that a launcher has started. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Registry(Rc<RefCell<Vec<ServerProcess>>>);

impl Registry {
    /// Adds a process. If many have terminated, it forgets the oldest of them, because each keeps its log.
    pub(super) fn add(&self, life: ServerProcess) {
        let mut servers = self.0.borrow_mut();
        if servers.iter().filter(|life| life.is_over()).count() > KEPT
            && let Some(oldest) = servers.iter().position(ServerProcess::is_over)
        {
            servers.remove(oldest);
        }
        servers.push(life);
    }

    /// The latest process at `base`, such as `http://127.0.0.1:20017`.
    pub fn at(&self, base: &str) -> Option<ServerProcess> {
        self.0.borrow().iter().rfind(|life| life.base == base).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_reused_port_belongs_to_the_latest_process() {
        let servers = Registry::default();
        for code in [1, 2] {
            let status = Status { exited: Some(Termination::Code(code)), ..Status::default() };
            servers.add(ServerProcess::new("http://127.0.0.1:20017", &Log::default(), &[], watch::channel(status).1));
        }
        assert!(servers.at("http://127.0.0.1:20018").is_none());
        let life = servers.at("http://127.0.0.1:20017").expect("there were two");
        assert_eq!(life.unexpected_exit().await, Some(Termination::Code(2)));
    }

    #[test]
    fn the_oldest_of_many_terminated_processes_are_forgotten() {
        let servers = Registry::default();
        let add = |port: usize, over| {
            let status = watch::channel(Status { over, ..Status::default() }).1;
            servers.add(ServerProcess::new(&format!("http://127.0.0.1:{port}"), &Log::default(), &[], status));
        };
        add(0, false);
        (1..100).for_each(|port| add(port, true));
        let known: Vec<usize> = (0..100).filter(|port| servers.at(&format!("http://127.0.0.1:{port}")).is_some()).collect();
        assert_eq!((known[0], known[1], known.len()), (0, 100 - KEPT - 1, KEPT + 2), "{known:?}");
    }

    #[tokio::test]
    async fn a_late_exit_of_a_process_that_no_longer_listens_is_awaited_once() {
        let port = super::super::claim_port().expect("a free port");
        let (sender, status) = watch::channel(Status::default());
        let life = ServerProcess::new(&format!("http://127.0.0.1:{port}"), &Log::default(), &[], status);
        let end = async {
            tokio::time::sleep(SETTLE * 3).await;
            sender.send_modify(|status| status.exited = Some(Termination::Code(1)));
        };
        assert_eq!(tokio::join!(life.unexpected_exit(), end).0, Some(Termination::Code(1)));
        assert_eq!(life.linger.get(), Duration::ZERO);
    }
}
