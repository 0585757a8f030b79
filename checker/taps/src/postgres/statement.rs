//! An SQL statement as a tap records it.

use std::fmt;
use std::rc::Rc;
use std::time::Instant;

use super::super::Event;
use super::Seen;
use super::parameter::Parameter;
use super::sql::is_housekeeping;

/// The size of a record without its text and parameters, in bytes.
const OVERHEAD: usize = 200;

/// A statement sent to the service, and its outcome.
#[derive(Debug, Clone)]
pub struct Statement {
    /// Whether it was executed or only prepared.
    pub kind: Kind,
    /// The text as the client sent it; each statement of a script is separate. Untrusted.
    pub text: Rc<str>,
    /// The parameters, in order. Untrusted.
    pub parameters: Rc<[Parameter]>,
    /// The number of the connection, from 1 in the order of opening.
    pub connection: u64,
    /// When its last byte arrived from the client.
    pub at: Instant,
    /// Its outcome.
    pub outcome: Outcome,
}

/// The kind of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A statement was prepared for later executions.
    Prepared,
    /// A statement was executed, prepared or not.
    Executed,
}

/// The outcome of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// There is no result yet.
    Pending,
    /// It was executed; the text is the service's command tag, such as `INSERT 0 1`.
    Done(Rc<str>),
    /// It returned as many rows as the client asked for, and may have more.
    Suspended,
    /// The service reported an error.
    Failed(Rc<ServiceError>),
    /// The service skipped it because of an earlier error.
    Skipped,
    /// The connection ended before there was a result.
    Lost,
}

/// An error message of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceError {
    /// The severity, such as `ERROR` or `FATAL`, never translated.
    pub severity: String,
    /// The SQLSTATE, five characters.
    pub code: String,
    /// The human-readable message.
    pub message: String,
}

impl Event for Statement {
    type Error = Rc<ServiceError>;

    /// The text of an execution counts although the preparation shares it.
    fn weight(&self) -> usize {
        OVERHEAD + self.text.len() + self.parameters.iter().map(Parameter::weight).sum::<usize>()
    }
}

impl Seen {
    /// The executed statements.
    pub fn executed(&self) -> impl Iterator<Item = &Statement> {
        self.events.iter().filter(|statement| statement.kind == Kind::Executed)
    }

    /// The executed statements, without the housekeeping of a connection pool.
    pub fn queries(&self) -> impl Iterator<Item = &Statement> {
        self.executed().filter(|statement| !is_housekeeping(&statement.text))
    }

    /// The statements, executed or only prepared, with a marker in their text or in a parameter.
    pub fn with(&self, marker: &str) -> impl Iterator<Item = (&Statement, Place)> {
        self.events.iter().filter_map(move |statement| Some((statement, statement.place_of(marker)?)))
    }
}

impl Statement {
    /// Where the statement contains a marker, if it does.
    pub fn place_of(&self, marker: &str) -> Option<Place> {
        if self.text.contains(marker) {
            return Some(Place::Text);
        }
        self.parameters.iter().any(|parameter| parameter.contains(marker)).then_some(Place::Parameter)
    }
}

/// The place of a marker within a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the text, and perhaps in a parameter too.
    Text,
    /// In a parameter only.
    Parameter,
}

impl fmt::Display for Statement {
    /// The text, the parameters and the outcome.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        for (index, parameter) in self.parameters.iter().enumerate() {
            let sign = if index == 0 { " -- " } else { ", " };
            write!(f, "{sign}${} = {parameter}", index + 1)?;
        }
        match &self.outcome {
            Outcome::Pending => f.write_str(" → no result yet"),
            Outcome::Done(tag) => write!(f, " → {tag}"),
            Outcome::Suspended => f.write_str(" → as many rows as asked for"),
            Outcome::Failed(error) => write!(f, " → {error}"),
            Outcome::Skipped => f.write_str(" → skipped"),
            Outcome::Lost => f.write_str(" → connection lost"),
        }
    }
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.severity, self.code, self.message)
    }
}
