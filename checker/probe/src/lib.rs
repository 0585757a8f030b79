//! The HTTP client that examines a server: every request leaves an [`Exchange`] in the transcript.
//!
//! It speaks plain HTTP/1.1 (RFC 9112) over a new connection per request, so that an idle connection cannot block a server
//! that handles one at a time. Everything a server sends is bounded in size and time.

mod client;
mod response;

pub use client::Probe;
pub use response::{Response, Statuses};
