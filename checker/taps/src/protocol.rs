//! What a tap has to know of the protocol of a service.

use std::future::Future;
use std::io;
use std::rc::Rc;
use std::time::Instant;

use tokio::net::TcpStream;

use super::record::Event;
use super::shared::Shared;

/// The protocol of a service.
pub trait Protocol: Sized + 'static {
    /// A request of a client with its outcome, such as an SQL statement.
    type Event: Event;
    /// Parses one connection.
    type Parser: Parser;

    /// Handles what a client sends before anything may reach the service, such as a request for encryption.
    fn greet(client: &mut TcpStream) -> impl Future<Output = io::Result<Greeting>>;

    /// The parser of a new connection with this number. It records events and carries out the cuts that wait for them.
    fn parser(connection: u64, shared: Rc<Shared<Self::Event>>) -> Self::Parser;
}

/// How a connection begins.
#[derive(Debug)]
pub enum Greeting {
    /// These bytes have arrived from the client and belong to the service.
    Begun(Vec<u8>),
    /// The traffic would not be readable, for this reason. The connection is closed with a reply that says so.
    Declined {
        /// The reason, for a person.
        reason: String,
        /// The reply to the client.
        reply: &'static [u8],
    },
}

/// A parser of one connection.
pub trait Parser {
    /// Parses what a client sent: `bytes`, of which those from `fresh` on are new and the others are held.
    fn client(&mut self, bytes: &[u8], fresh: usize, at: Instant) -> Ruling;

    /// Parses what the service sent, in the same way.
    fn service(&mut self, bytes: &[u8], fresh: usize) -> Ruling;
}

/// The ruling of a parser about the bytes in front of it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ruling {
    /// How many of them may be forwarded; the rest is held back until more arrive.
    pub pass: usize,
    /// Whether they complete the request of a round trip.
    pub round_trip: bool,
    /// Whether to cut the connection once the bytes have been forwarded.
    pub cut: bool,
}
