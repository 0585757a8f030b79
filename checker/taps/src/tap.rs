//! A tap: it listens, and serves each connection with the parser of its protocol.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::fault::{Fault, Moment};
use super::protocol::{Greeting, Protocol};
use super::record::{Mark, Seen, Trouble};
use super::relay::{self, Severed};
use super::shared::Shared;

/// How long the service may take to accept a connection.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a client may take to notice that its connection was closed.
const FAREWELL: Duration = Duration::from_secs(1);

/// A proxy for one server of a service. Dropping it closes its connections.
pub struct Tap<P: Protocol> {
    address: SocketAddr,
    shared: Rc<Shared<P::Event>>,
    listening: AbortHandle,
}

impl<P: Protocol> Tap<P> {
    /// Starts a proxy on a free port of the loopback address. Must be called within a `LocalSet`.
    pub async fn start(service: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Rc::<Shared<P::Event>>::default();
        let listening = tokio::task::spawn_local(listen::<P>(listener, service, shared.clone())).abort_handle();
        Ok(Tap { address, shared, listening })
    }

    /// The address on which it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A mark of this moment, for [`since`](Tap::since).
    pub fn mark(&self) -> Mark {
        self.shared.recording.borrow().mark()
    }

    /// What the tap has recorded since a mark.
    pub fn since(&self, mark: Mark) -> Seen<P::Event> {
        self.shared.recording.borrow().since(mark)
    }

    /// Waits until there has been no traffic for `time` and no request waits for its result; `false` if that takes longer
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
        timeout(at_most, quiet).await.is_ok()
    }

    /// Delays the request of each round trip by this time, except at the start of a session.
    pub fn delay(&self, time: Duration) -> Fault {
        self.shared.faults.delay(time)
    }

    /// Cuts, once, the connection that executes the next chosen request.
    pub fn cut_next(&self, moment: Moment, choice: impl Fn(&P::Event) -> bool + 'static) -> Fault {
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

impl<P: Protocol> Drop for Tap<P> {
    fn drop(&mut self) {
        self.listening.abort();
        self.cut_all();
    }
}

async fn listen<P: Protocol>(listener: TcpListener, service: SocketAddr, shared: Rc<Shared<P::Event>>) {
    loop {
        match listener.accept().await {
            Ok((client, _)) => {
                tokio::task::spawn_local(serve::<P>(client, service, shared.clone()));
            }
            // For example too many open files: other connections may close theirs.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn serve<P: Protocol>(mut client: TcpStream, service: SocketAddr, shared: Rc<Shared<P::Event>>) {
    let number = shared.connections.get() + 1;
    shared.connections.set(number);
    let mut cuts = shared.cuts.subscribe();
    let ended = tokio::select! {
        ended = connect::<P>(&mut client, service, number, &shared) => ended,
        _ = cuts.changed() => Err(Severed),
    };
    if ended.is_err() {
        // The client should see a reset, not an orderly close. An error means that the connection is gone already.
        let _ = client.set_zero_linger();
    }
}

/// Connects a client to the service and relays their bytes until the connection ends.
async fn connect<P: Protocol>(
    client: &mut TcpStream,
    service: SocketAddr,
    number: u64,
    shared: &Rc<Shared<P::Event>>,
) -> Result<(), Severed> {
    if shared.faults.refuses() {
        return Err(Severed);
    }
    if shared.faults.swallows() {
        return relay::swallow(client, shared).await;
    }
    client.set_nodelay(true)?;
    let mut upstream = match timeout(PATIENCE, TcpStream::connect(service)).await.unwrap_or(Err(io::ErrorKind::TimedOut.into())) {
        Ok(upstream) => upstream,
        Err(error) => {
            shared.note_trouble(number, Trouble::Unreachable(error.to_string()));
            return close(client).await;
        }
    };
    upstream.set_nodelay(true)?;
    match P::greet(client).await? {
        Greeting::Begun(bytes) => relay::relay(client, &mut upstream, bytes, P::parser(number, shared.clone()), shared).await,
        Greeting::Declined { reason, reply } => {
            shared.note_trouble(number, Trouble::Unreadable(reason));
            client.write_all(reply).await?;
            close(client).await
        }
    }
}

/// Closes a connection so that the client sees an orderly close, not a reset.
async fn close(client: &mut TcpStream) -> Result<(), Severed> {
    client.shutdown().await?;
    let mut sink = [0; 1024];
    let until_end = async { while client.read(&mut sink).await.is_ok_and(|count| count > 0) {} };
    let _ = timeout(FAREWELL, until_end).await;
    Ok(())
}
