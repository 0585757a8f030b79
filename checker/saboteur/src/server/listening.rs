//! The addresses that the proxy and the upstream server listen on.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, sleep};

/// How long a server may take until it accepts connections.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// How often a connection is tried until then.
const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// The socket that clients connect to, bound but not yet listening; `None` if host and port are not a valid address.
pub async fn bind_public(host: &str, port: &str) -> Result<Option<TcpSocket>, String> {
    let Ok(port) = port.parse::<u16>() else { return Ok(None) };
    let Some(address) = tokio::net::lookup_host((host, port)).await.ok().and_then(|mut found| found.next()) else {
        return Ok(None);
    };
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
    let socket = socket.map_err(|error| error.to_string())?;
    let bound = socket.set_reuseaddr(true).and_then(|()| socket.bind(address));
    bound.map_err(|error| format!("cannot listen on PORT={port}: {error}"))?;
    Ok(Some(socket))
}

/// A local port that is reserved for the upstream server.
pub struct PrivatePort {
    /// The address to listen on.
    pub address: SocketAddr,
    /// On Linux a bound socket that does not listen keeps the system from giving the port to others, but not a server that asks for
    /// this very port from listening on it.
    _reserved: Option<TcpSocket>,
}

impl PrivatePort {
    /// Reserves a free port.
    pub fn reserve() -> Result<Self, String> {
        let reserve = || {
            let socket = TcpSocket::new_v4()?;
            socket.set_reuseaddr(true)?;
            socket.bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0))?;
            Ok(PrivatePort { address: socket.local_addr()?, _reserved: cfg!(target_os = "linux").then_some(socket) })
        };
        reserve().map_err(|error: std::io::Error| format!("no free port: {error}"))
    }
}

/// Waits until something accepts connections at an address; false if nothing does in time.
pub async fn wait_until_accepting(address: SocketAddr) -> bool {
    let deadline = Instant::now() + START_TIMEOUT;
    while TcpStream::connect(address).await.is_err() {
        if Instant::now() > deadline {
            return false;
        }
        sleep(POLL_INTERVAL).await;
    }
    true
}
