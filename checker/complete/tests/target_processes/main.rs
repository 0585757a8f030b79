//! Building, starting, watching and ending what is examined, with real processes.
#![cfg(target_os = "linux")]

mod build;
mod guard;
mod keeping;
mod output;
mod servers;
mod trial;
