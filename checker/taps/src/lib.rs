//! Taps: proxies between the server under examination and a real service, which record the traffic and inject faults.
//!
//! A tap forwards bytes as they arrive; it parses a copy and delays nothing unless a fault asks for it. It also forwards bytes
//! that it cannot parse. A tap runs on the checker's own thread.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;

mod fault;
mod parameter;
mod postgres;
pub mod record;
mod relay;

pub use fault::{Fault, Moment};
pub use record::{Mark, Place, Seen, Statement, Trouble};

use fault::Faults;
use record::Recording;

/// A proxy for one PostgreSQL server. Dropping it closes its connections.
pub struct Tap {
    address: SocketAddr,
    shared: Rc<Shared>,
    listening: AbortHandle,
}

impl Tap {
    /// Starts a proxy on a free port of the loopback address. Must be called within a `LocalSet`.
    pub async fn start(service: SocketAddr) -> io::Result<Tap> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Rc::<Shared>::default();
        let listening = tokio::task::spawn_local(listen(listener, service, shared.clone())).abort_handle();
        Ok(Tap { address, shared, listening })
    }

    /// The address on which it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The `DATABASE_URL` for the server under examination. An empty password is left out.
    pub fn url(&self, database: &str, user: &str, password: &str) -> String {
        let secret = if password.is_empty() { String::new() } else { format!(":{}", escaped(password)) };
        format!("postgresql://{}{secret}@{}/{}", escaped(user), self.address, escaped(database))
    }

    /// A mark of this moment, for [`since`](Tap::since).
    pub fn mark(&self) -> Mark {
        self.shared.recording.borrow().mark()
    }

    /// What the tap has recorded since a mark.
    pub fn since(&self, mark: Mark) -> Seen {
        self.shared.recording.borrow().since(mark, postgres::is_housekeeping)
    }

    /// Waits until there has been no traffic for `time` and no statement waits for its result; `false` if that takes longer
    /// than `at_most`.
    pub async fn quiet(&self, time: Duration, at_most: Duration) -> bool {
        let quiet = async {
            loop {
                if self.shared.waiting.get() > 0 {
                    self.shared.answered.notified().await;
                    continue;
                }
                let since = self.shared.traffic.get().map_or(time, |last| last.elapsed());
                match time.checked_sub(since) {
                    None | Some(Duration::ZERO) => break,
                    Some(left) => tokio::time::sleep(left).await,
                }
            }
        };
        tokio::time::timeout(at_most, quiet).await.is_ok()
    }

    /// Delays the request of each round trip by this time, except at the start of a session.
    pub fn delay(&self, time: Duration) -> Fault {
        self.shared.faults.delay(time)
    }

    /// Cuts, once, the connection that executes the next chosen statement.
    pub fn cut_next(&self, moment: Moment, choice: impl Fn(&Statement) -> bool + 'static) -> Fault {
        self.shared.faults.cut_next(moment, choice)
    }

    /// Cuts all open connections, and returns their number.
    pub fn cut_all(&self) -> usize {
        let connections = self.shared.cuts.receiver_count();
        self.shared.cuts.send_replace(());
        connections
    }

    /// Accepts connections and bytes, and forwards nothing in either direction.
    pub fn black_hole(&self) -> Fault {
        self.shared.faults.black_hole()
    }

    /// Resets new connections; open ones continue.
    pub fn refuse(&self) -> Fault {
        self.shared.faults.refuse()
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.listening.abort();
        self.cut_all();
    }
}

/// The state that the connections of a tap share.
#[derive(Default)]
struct Shared {
    recording: RefCell<Recording>,
    faults: Rc<Faults>,
    /// Every change cuts all connections.
    cuts: watch::Sender<()>,
    /// The number of connections so far.
    connections: Cell<u64>,
    /// When bytes last arrived from either side.
    traffic: Cell<Option<Instant>>,
    /// The number of connections that wait for a result.
    waiting: Cell<usize>,
    /// Notified when no connection waits any longer.
    answered: Notify,
}

impl Shared {
    fn note_traffic(&self) {
        self.traffic.set(Some(Instant::now()));
    }

    /// Updates the number of connections that wait for a result.
    fn note_waiting(&self, waits: bool) {
        let waiting = self.waiting.get();
        self.waiting.set(if waits { waiting + 1 } else { waiting.saturating_sub(1) });
        if self.waiting.get() == 0 {
            self.answered.notify_waiters();
        }
    }

    fn note_trouble(&self, connection: u64, trouble: Trouble) {
        self.recording.borrow_mut().add_trouble(connection, trouble);
    }
}

async fn listen(listener: TcpListener, service: SocketAddr, shared: Rc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((client, _)) => {
                tokio::task::spawn_local(serve(client, service, shared.clone()));
            }
            // For example too many open files: other connections may close theirs.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn serve(mut client: TcpStream, service: SocketAddr, shared: Rc<Shared>) {
    let number = shared.connections.get() + 1;
    shared.connections.set(number);
    let mut cuts = shared.cuts.subscribe();
    let ended = tokio::select! {
        ended = postgres::serve(&mut client, service, number, &shared) => ended,
        _ = cuts.changed() => Err(relay::Cut),
    };
    if ended.is_err() {
        // The client should see a reset, not an orderly close. An error means that the connection is gone already.
        let _ = client.set_zero_linger();
    }
}

/// A percent-encoded part of a URL (RFC 3986, section 2.1).
fn escaped(part: &str) -> String {
    let mut escaped = String::new();
    for byte in part.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => escaped.push(byte.into()),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}
