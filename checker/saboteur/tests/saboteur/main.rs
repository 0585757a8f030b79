//! The saboteur as a program: its catalogue, its control, and what it leaves behind.

mod catalogue;
mod control;
#[cfg(target_os = "linux")]
mod leftovers;
mod support;
