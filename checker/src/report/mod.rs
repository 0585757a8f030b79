//! Reports: the only place where outcomes become text, for people, programs and CI servers.

pub mod body;
mod diff;
mod failure;
#[cfg(test)]
pub mod fixtures;
mod json;
mod junit;
mod page;
mod subject;
pub mod terminal;
#[cfg(test)]
mod tests;
mod text;

pub use json::json;
pub use junit::junit;
pub use terminal::{ColorChoice, Ink, Style, escape};
pub use text::{text, text_with};
