//! Taps between real clients and a real PostgreSQL, and between hostile bytes and nothing.

mod client;
mod faults;
mod hostile;
mod protocol;
mod recording;
mod server;
mod tools;
