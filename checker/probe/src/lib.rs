//! The HTTP client that examines a server: every request leaves an [`Exchange`] in the transcript.
//!
//! It speaks plain HTTP/1.1 (RFC 9112) over a fresh connection per request, so that a server which handles one connection at a
//! time is not held up by an idle one. Everything a server sends is bounded in size and time.

mod answer;
mod client;

pub use answer::{Answer, Statuses};
pub use client::Probe;
