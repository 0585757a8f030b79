//! Relays bytes between a client and a service without delay, while a parser of the protocol reads them.

use std::cell::RefCell;
use std::io;
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};

use super::protocol::{Parser, Ruling};
use super::record::Event;
use super::shared::Shared;

/// How much is read at a time, in bytes.
const CHUNK: usize = 64 * 1024;

/// The connection is cut on both sides at once.
pub struct Severed;

impl From<io::Error> for Severed {
    /// An error on one side cuts the other side too.
    fn from(_: io::Error) -> Self {
        Severed
    }
}

/// Relays bytes in both directions until both sides have closed, or one was cut. `begun` has already arrived from the client.
pub async fn relay<E: Event>(
    client: &mut TcpStream,
    service: &mut TcpStream,
    begun: Vec<u8>,
    parser: impl Parser,
    shared: &Shared<E>,
) -> Result<(), Severed> {
    let parser = RefCell::new(parser);
    let (from_client, to_client) = client.split();
    let (from_service, to_service) = service.split();
    tokio::try_join!(
        upward(from_client, to_service, begun, &parser, shared),
        downward(from_service, to_client, &parser, shared)
    )?;
    Ok(())
}

async fn upward<E: Event>(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    begun: Vec<u8>,
    parser: &RefCell<impl Parser>,
    shared: &Shared<E>,
) -> Result<(), Severed> {
    let mut inbox = Inbox { bytes: begun, held: 0 };
    loop {
        if inbox.fresh().is_empty() && inbox.read(&mut from).await? == 0 {
            break;
        }
        shared.note_traffic();
        if shared.faults.swallows() {
            return swallow(&mut from, shared).await;
        }
        let ruling = parser.borrow_mut().client(&inbox.bytes, inbox.held, Instant::now());
        shared.note_traffic();
        if ruling.round_trip {
            shared.faults.wait().await;
        }
        inbox.pass(&ruling, &mut to).await?;
    }
    inbox.end(to).await
}

/// Reads everything and forwards nothing. The stream has a gap then, so it cannot be resumed.
pub async fn swallow<E: Event>(from: &mut (impl AsyncRead + Unpin), shared: &Shared<E>) -> Result<(), Severed> {
    let mut sink = vec![0; CHUNK];
    let until_end = async { while from.read(&mut sink).await.is_ok_and(|count| count > 0) {} };
    tokio::select! {
        () = until_end => {}
        () = shared.faults.passable() => {}
    }
    Err(Severed)
}

async fn downward<E: Event>(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    parser: &RefCell<impl Parser>,
    shared: &Shared<E>,
) -> Result<(), Severed> {
    let mut inbox = Inbox { bytes: Vec::new(), held: 0 };
    while inbox.read(&mut from).await? > 0 {
        let ruling = parser.borrow_mut().service(&inbox.bytes, inbox.held);
        shared.note_traffic();
        if shared.faults.swallows() {
            shared.faults.passable().await;
        }
        inbox.pass(&ruling, &mut to).await?;
    }
    inbox.end(to).await
}

/// Bytes that have arrived and not been forwarded yet.
struct Inbox {
    bytes: Vec<u8>,
    /// How many of them the parser has seen.
    held: usize,
}

impl Inbox {
    fn fresh(&self) -> &[u8] {
        &self.bytes[self.held..]
    }

    /// Waits for more; 0 is the end of the stream.
    async fn read(&mut self, from: &mut ReadHalf<'_>) -> io::Result<usize> {
        self.bytes.reserve(CHUNK);
        from.read_buf(&mut self.bytes).await
    }

    /// Forwards what the ruling allows.
    async fn pass(&mut self, ruling: &Ruling, to: &mut WriteHalf<'_>) -> Result<(), Severed> {
        to.write_all(&self.bytes[..ruling.pass]).await?;
        self.bytes.drain(..ruling.pass);
        self.held = self.bytes.len();
        match ruling.cut {
            true => Err(Severed),
            false => Ok(()),
        }
    }

    /// Forwards what is left, and the end of the stream.
    async fn end(self, mut to: WriteHalf<'_>) -> Result<(), Severed> {
        to.write_all(&self.bytes).await?;
        to.shutdown().await?;
        Ok(())
    }
}
