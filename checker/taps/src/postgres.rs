//! PostgreSQL's protocol, version 3 (chapter 55 of its manual), as far as a tap parses it.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Shared;
use super::record::Trouble;
use super::relay::{self, Cut};
use messages::{GSS, SSL};
use session::Session;

mod frame;
mod messages;
mod session;
mod sql;
mod statements;

pub use sql::is_housekeeping;

/// How long the service may take to accept a connection.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a client may take to notice that its connection was closed.
const FAREWELL: Duration = Duration::from_secs(1);

/// The first bytes of TLS (RFC 8446, section 5.1), and the alert that rejects it: a fatal `handshake_failure`.
const TLS_HANDSHAKE: u8 = 0x16;
const TLS_ALERT: [u8; 7] = [0x15, 3, 1, 0, 2, 2, 40];

/// Serves one connection until it ends.
pub async fn serve(client: &mut TcpStream, service: SocketAddr, number: u64, shared: &Rc<Shared>) -> Result<(), Cut> {
    if shared.faults.refuses() {
        return Err(Cut);
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
    let begun = greet(client).await?;
    if begun.first() == Some(&TLS_HANDSHAKE) {
        shared.note_trouble(number, Trouble::Unreadable("the client insists on TLS".to_owned()));
        client.write_all(&TLS_ALERT).await?;
        return close(client).await;
    }
    relay::relay(client, &mut upstream, begun, Session::new(number, shared.clone()), shared).await
}

/// Reads the beginning of a client's first message. Requests for encryption are declined, so that the traffic stays readable.
async fn greet(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    loop {
        let mut begun = Vec::with_capacity(8);
        while begun.len() < 8 && !is_hopeless(&begun) {
            if (&mut *client).take(8 - begun.len() as u64).read_buf(&mut begun).await? == 0 {
                return Ok(begun);
            }
        }
        let is_wish = |code: u32| begun.get(..4) == Some(&8_u32.to_be_bytes()) && begun.get(4..8) == Some(&code.to_be_bytes());
        if !is_wish(SSL) && !is_wish(GSS) {
            return Ok(begun);
        }
        client.write_all(b"N").await?;
    }
}

/// Whether these bytes cannot start a first message: its length is from 8 to 10,000.
fn is_hopeless(begun: &[u8]) -> bool {
    begun.first().is_some_and(|byte| *byte != 0)
        || begun.get(1).is_some_and(|byte| *byte != 0)
        || matches!(begun, [_, _, high, low, ..] if !(8..=10_000).contains(&u16::from_be_bytes([*high, *low])))
}

/// Closes a connection so that the client sees an orderly close, not a reset.
async fn close(client: &mut TcpStream) -> Result<(), Cut> {
    client.shutdown().await?;
    let mut sink = [0; 1024];
    let until_end = async { while client.read(&mut sink).await.is_ok_and(|count| count > 0) {} };
    let _ = timeout(FAREWELL, until_end).await;
    Ok(())
}
