//! Runs a wrong server: the upstream server in a process of its own, and the proxy in front of it.

mod listening;
mod process;
mod proxy;
mod supervisor;

pub use supervisor::run;
