//! The bounded recording of what a tap has seen.

use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;
use std::time::Instant;

use super::parameter::Parameter;

/// The most statements kept, and the most memory they may use, in bytes; the oldest are dropped first.
const STATEMENTS: usize = 100_000;
const MEMORY: usize = 64 * 1024 * 1024;
/// The most troubles kept.
const TROUBLES: usize = 1_000;
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

/// An event that is not a statement.
#[derive(Debug, Clone)]
pub enum Trouble {
    /// The service reported an error outside any statement.
    Refused(Rc<ServiceError>),
    /// A connection could not be parsed, for this reason; its bytes are forwarded unrecorded.
    Unreadable(String),
    /// The service could not be reached, for this reason.
    Unreachable(String),
}

/// The record of a period.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The statements in order of arrival.
    pub statements: Vec<Statement>,
    /// All other events, with the number of the connection.
    pub troubles: Vec<(u64, Trouble)>,
    /// How many records were too many or too large to keep: unless this is 0, something may be missing.
    pub missed: u64,
    is_housekeeping: fn(&str) -> bool,
}

impl Seen {
    /// The executed statements.
    pub fn executed(&self) -> impl Iterator<Item = &Statement> {
        self.statements.iter().filter(|statement| statement.kind == Kind::Executed)
    }

    /// The executed statements, without the housekeeping of a connection pool.
    pub fn queries(&self) -> impl Iterator<Item = &Statement> {
        self.executed().filter(|statement| !(self.is_housekeeping)(&statement.text))
    }

    /// The statements, executed or only prepared, with a marker in their text or in a parameter.
    pub fn with(&self, marker: &str) -> impl Iterator<Item = (&Statement, Place)> {
        self.statements.iter().filter_map(move |statement| Some((statement, statement.place_of(marker)?)))
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

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Refused(error) => write!(f, "{error}"),
            Trouble::Unreadable(why) => write!(f, "a connection cannot be parsed: {why}"),
            Trouble::Unreachable(why) => write!(f, "the service cannot be reached: {why}"),
        }
    }
}

/// A position in the recording.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    statement: u64,
    trouble: u64,
    shortened: u64,
}

/// The records of one tap.
#[derive(Debug, Default)]
pub struct Recording {
    statements: VecDeque<Statement>,
    /// The number of the oldest statement kept; the numbers are consecutive.
    oldest: u64,
    memory: usize,
    troubles: VecDeque<(u64, Trouble)>,
    oldest_trouble: u64,
    /// How many messages were truncated.
    shortened: u64,
}

impl Recording {
    /// Records a statement and returns its number.
    pub fn add(&mut self, statement: Statement) -> u64 {
        self.memory += weight(&statement);
        self.statements.push_back(statement);
        while self.statements.len() > STATEMENTS || self.memory > MEMORY {
            let Some(gone) = self.statements.pop_front() else { break };
            self.memory -= weight(&gone);
            self.oldest += 1;
        }
        self.oldest + self.statements.len() as u64 - 1
    }

    /// A statement by its number, if it is still kept.
    pub fn get(&self, number: u64) -> Option<&Statement> {
        self.statements.get(usize::try_from(number.checked_sub(self.oldest)?).ok()?)
    }

    /// Records the outcome of a statement, if it is still kept.
    pub fn settle(&mut self, number: u64, outcome: Outcome) {
        let index = number.checked_sub(self.oldest).and_then(|index| usize::try_from(index).ok());
        if let Some(statement) = index.and_then(|index| self.statements.get_mut(index)) {
            statement.outcome = outcome;
        }
    }

    /// Records another event.
    pub fn add_trouble(&mut self, connection: u64, trouble: Trouble) {
        self.troubles.push_back((connection, trouble));
        if self.troubles.len() > TROUBLES {
            self.troubles.pop_front();
            self.oldest_trouble += 1;
        }
    }

    /// Counts a truncated message.
    pub fn add_shortened(&mut self) {
        self.shortened += 1;
    }

    /// The current position.
    pub fn mark(&self) -> Mark {
        Mark {
            statement: self.oldest + self.statements.len() as u64,
            trouble: self.oldest_trouble + self.troubles.len() as u64,
            shortened: self.shortened,
        }
    }

    /// What was recorded since a position.
    pub fn since(&self, mark: Mark, is_housekeeping: fn(&str) -> bool) -> Seen {
        let skipped = |from: u64, oldest: u64| usize::try_from(from.saturating_sub(oldest)).unwrap_or(usize::MAX);
        let dropped = self.oldest.saturating_sub(mark.statement) + self.oldest_trouble.saturating_sub(mark.trouble);
        Seen {
            statements: self.statements.iter().skip(skipped(mark.statement, self.oldest)).cloned().collect(),
            troubles: self.troubles.iter().skip(skipped(mark.trouble, self.oldest_trouble)).cloned().collect(),
            missed: dropped + self.shortened.saturating_sub(mark.shortened),
            is_housekeeping,
        }
    }
}

/// The memory of a statement, in bytes. The text of an execution counts although the preparation shares it.
fn weight(statement: &Statement) -> usize {
    OVERHEAD + statement.text.len() + statement.parameters.iter().map(Parameter::weight).sum::<usize>()
}
