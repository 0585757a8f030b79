//! Requests and responses, and the connection to the upstream server.

mod json_body;
mod problem;
mod request;
mod response;
mod upstream;

pub use request::Request;
pub use response::{Response, gzip};
pub use upstream::{Body, ConnectionLost, Upstream, whole};
