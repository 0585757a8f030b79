//! The saboteur as a program: its catalogue, its control, and what it leaves behind. And the layers of its sources.

mod catalogue;
mod control;
mod documentation;
mod layers;
#[cfg(target_os = "linux")]
mod leftovers;
mod support;
