//! What is known of the processes of servers, also after whoever started them has let go of them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

use super::guard::Status;
use super::log::Log;
use model::{Origin, Termination};

/// How long the end of a process may take to be told: what a broken connection is the sign of.
const SETTLE: Duration = Duration::from_millis(50);
/// How long what has started a server, such as npm, may take to end after it, when nothing listens there any more.
const LINGER: Duration = Duration::from_millis(500);
/// How many processes that are over are remembered: more than checks that run at the same time have just ended.
const KEPT: usize = 16;

/// One process of a server. Clones are about the same process.
#[derive(Debug, Clone)]
pub struct ServerProcess {
    base: String,
    log: Log,
    status: watch::Receiver<Status>,
    /// How long it is still waited for a process that no longer listens; that is done once.
    linger: Rc<Cell<Duration>>,
}

impl ServerProcess {
    pub(super) fn new(base: &str, log: &Log, status: watch::Receiver<Status>) -> ServerProcess {
        ServerProcess { base: base.to_owned(), log: log.clone(), status, linger: Rc::new(LINGER.into()) }
    }

    /// What it has written.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// How it ended, if it has ended by itself or is just about to.
    pub async fn ended(&self) -> Option<Termination> {
        let mut status = self.status.clone();
        let mut is_decided = async |patience| {
            let decided = status.wait_for(|status| status.asked || status.over || status.ending().is_some());
            timeout(patience, decided).await.is_ok()
        };
        if !is_decided(SETTLE).await && !self.listens().await {
            is_decided(self.linger.take()).await;
        }
        self.status.borrow().ended_by_itself()
    }

    fn is_over(&self) -> bool {
        self.status.borrow().over
    }

    /// Whether somebody accepts connections there, or at least does not refuse them.
    async fn listens(&self) -> bool {
        let Some(origin) = Origin::parse(&self.base) else { return false };
        !matches!(timeout(SETTLE, TcpStream::connect(origin.address())).await, Ok(Err(_)))
    }
}

/// The processes that a launcher has started. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Registry(Rc<RefCell<Vec<ServerProcess>>>);

impl Registry {
    /// Adds one, and forgets the oldest that is over when there are many: each keeps its log.
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
    async fn a_port_that_is_given_again_is_that_of_the_latest_process() {
        let servers = Registry::default();
        for code in [1, 2] {
            let status = Status { exited: Some(Termination::Code(code)), ..Status::default() };
            servers.add(ServerProcess::new("http://127.0.0.1:20017", &Log::default(), watch::channel(status).1));
        }
        assert!(servers.at("http://127.0.0.1:20018").is_none());
        let life = servers.at("http://127.0.0.1:20017").expect("there were two");
        assert_eq!(life.ended().await, Some(Termination::Code(2)));
    }

    #[test]
    fn of_many_processes_that_are_over_the_oldest_are_forgotten() {
        let servers = Registry::default();
        let add = |port: usize, over| {
            let status = watch::channel(Status { over, ..Status::default() }).1;
            servers.add(ServerProcess::new(&format!("http://127.0.0.1:{port}"), &Log::default(), status));
        };
        add(0, false);
        (1..100).for_each(|port| add(port, true));
        let known: Vec<usize> = (0..100).filter(|port| servers.at(&format!("http://127.0.0.1:{port}")).is_some()).collect();
        assert_eq!((known[0], known[1], known.len()), (0, 100 - KEPT - 1, KEPT + 2), "{known:?}");
    }

    #[tokio::test]
    async fn a_process_that_ends_a_while_after_it_listened_is_waited_for_once() {
        let port = super::super::claim_port().expect("a free port");
        let (sender, status) = watch::channel(Status::default());
        let life = ServerProcess::new(&format!("http://127.0.0.1:{port}"), &Log::default(), status);
        let end = async {
            tokio::time::sleep(SETTLE * 3).await;
            sender.send_modify(|status| status.exited = Some(Termination::Code(1)));
        };
        assert_eq!(tokio::join!(life.ended(), end).0, Some(Termination::Code(1)));
        assert_eq!(life.linger.get(), Duration::ZERO);
    }
}
