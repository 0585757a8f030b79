//! Taps: proxies between the server under examination and a real service, which record the traffic and inject faults.
//!
//! A tap forwards bytes as they arrive; it parses a copy and delays nothing unless a fault asks for it. It also forwards bytes
//! that it cannot parse. A tap runs on the checker's own thread.
//!
//! The core knows no protocol. A protocol is one folder, which implements [`Protocol`].

mod fault;
pub mod postgres;
mod protocol;
mod record;
mod relay;
mod shared;
mod tap;

pub use fault::{Cut, Fault, Faults, Moment};
pub use protocol::{Greeting, Parser, Protocol, Ruling};
pub use record::{Event, Mark, Recording, Seen, Trouble};
pub use shared::Shared;
pub use tap::Tap;
