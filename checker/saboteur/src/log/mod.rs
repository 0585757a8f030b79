//! The log of a wrong server, line by line.

pub mod fields;
mod line;
mod status;

pub use line::{Line, Stream};
pub use status::StatusRewriter;
