//! A checkout of the workshop: where things are in it, the files of a step, and how starters come from solutions.

pub mod folder;
mod replace;
pub mod starters;

pub use checkout::Workshop;
pub use folder::{Files, Folder};
pub use replace::{Exclusive, MOVED};
