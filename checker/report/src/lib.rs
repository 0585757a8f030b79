//! Reports: the only place where outcomes become text, for people, programs and CI servers.

pub mod body;
mod curl;
mod diff;
mod failure;
mod json;
mod junit;
mod page;
mod repeated;
#[cfg(any(test, feature = "samples"))]
pub mod samples;
mod subject;
pub mod terminal;
#[cfg(test)]
mod tests;
mod text;

use clap::ValueEnum;
use model::RunReport;

pub use json::{json, read_json};
pub use junit::junit;
pub use terminal::{ColorChoice, Ink, Style, escape};
pub use text::{text, text_with};

/// The format of a report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON document; its schema is in the book.
    Json,
    /// JUnit XML, for continuous integration.
    Junit,
}

/// The report of a run in one of the formats.
pub fn write(report: &RunReport, format: Format, style: &Style) -> String {
    match format {
        Format::Text => text(report, style),
        Format::Json => json(report),
        Format::Junit => junit(report),
    }
}
