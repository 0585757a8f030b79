//! PostgreSQL and Redis as the checker provides them, with real servers.
#![cfg(target_os = "linux")]

mod foreign;
mod leftovers;
mod missing;
mod private;
mod trial;
