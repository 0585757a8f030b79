//! PostgreSQL's protocol, version 3 (chapter 55 of its manual), as far as a tap parses it.

use std::io;
use std::rc::Rc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::protocol::{Greeting, Protocol};
use messages::{GSS, SSL};
use session::Session;

mod frame;
mod messages;
mod parameter;
mod session;
mod sql;
mod statement;
mod statements;

pub use parameter::Parameter;
pub use statement::{Kind, Outcome, Place, ServiceError, Statement};

/// A tap in front of PostgreSQL.
pub type Tap = super::Tap<Postgres>;
/// What such a tap has recorded.
pub type Seen = super::Seen<Statement>;
/// An event that is not a statement.
pub type Trouble = super::Trouble<Rc<ServiceError>>;

type Shared = super::Shared<Statement>;

/// The first bytes of TLS (RFC 8446, section 5.1), and the alert that rejects it: a fatal `handshake_failure`.
const TLS_HANDSHAKE: u8 = 0x16;
const TLS_ALERT: [u8; 7] = [0x15, 3, 1, 0, 2, 2, 40];

/// The protocol.
pub enum Postgres {}

impl Protocol for Postgres {
    type Event = Statement;
    type Parser = Session;

    /// Reads the beginning of a client's first message. Requests for encryption are declined, so that the traffic stays
    /// readable.
    async fn greet(client: &mut TcpStream) -> io::Result<Greeting> {
        loop {
            let mut begun = Vec::with_capacity(8);
            while begun.len() < 8 && !is_hopeless(&begun) {
                if (&mut *client).take(8 - begun.len() as u64).read_buf(&mut begun).await? == 0 {
                    return Ok(Greeting::Begun(begun));
                }
            }
            if begun.first() == Some(&TLS_HANDSHAKE) {
                return Ok(Greeting::Declined { reason: "the client insists on TLS".to_owned(), reply: &TLS_ALERT });
            }
            let is_wish =
                |code: u32| begun.get(..4) == Some(&8_u32.to_be_bytes()) && begun.get(4..8) == Some(&code.to_be_bytes());
            if !is_wish(SSL) && !is_wish(GSS) {
                return Ok(Greeting::Begun(begun));
            }
            client.write_all(b"N").await?;
        }
    }

    fn parser(connection: u64, shared: Rc<Shared>) -> Session {
        Session::new(connection, shared)
    }
}

/// Whether these bytes cannot start a first message: its length is from 8 to 10,000.
fn is_hopeless(begun: &[u8]) -> bool {
    begun.first().is_some_and(|byte| *byte != 0)
        || begun.get(1).is_some_and(|byte| *byte != 0)
        || matches!(begun, [_, _, high, low, ..] if !(8..=10_000).contains(&u16::from_be_bytes([*high, *low])))
}
