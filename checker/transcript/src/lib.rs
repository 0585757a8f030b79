//! Output of a run: text that is safe to print, and HTTP archives.

pub mod har;
mod printable;

pub use printable::{escape, escape_line, is_unsafe, printable};
