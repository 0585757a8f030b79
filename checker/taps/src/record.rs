//! What a tap has seen, kept within bounds.

use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;
use std::time::Instant;

use super::parameter::Parameter;

/// The most statements kept, and the most memory they may take, in bytes; the oldest go first.
const STATEMENTS: usize = 100_000;
const MEMORY: usize = 64 * 1024 * 1024;
/// The most troubles kept.
const TROUBLES: usize = 1_000;
/// What a record takes beside its text and parameters, in bytes.
const OVERHEAD: usize = 200;

/// A statement on its way to the service, and what became of it.
#[derive(Debug, Clone)]
pub struct Statement {
    /// Whether it was only prepared or was run.
    pub kind: Kind,
    /// The text as the client sent it, each statement of a script by itself. Untrusted.
    pub text: Rc<str>,
    /// Values sent apart from the text, in order. Untrusted.
    pub parameters: Rc<[Parameter]>,
    /// Number of the connection, from 1 in the order in which they were opened.
    pub connection: u64,
    /// When its last byte came from the client.
    pub at: Instant,
    /// What became of it.
    pub outcome: Outcome,
}

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A statement was prepared, for executions to come.
    Prepared,
    /// A statement was executed, whether it had been prepared or not.
    Executed,
}

/// What became of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The service has not answered yet.
    Pending,
    /// It was carried out; the text says what it did in the service's words, such as `INSERT 0 1`.
    Done(Rc<str>),
    /// It gave as many rows as the client asked for, and may have more.
    Suspended,
    /// The service answered with an error.
    Failed(Rc<ServiceError>),
    /// The service passed over it because of an error before it.
    Skipped,
    /// The connection ended before the service answered.
    Lost,
}

/// An error message of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceError {
    /// Such as `ERROR` or `FATAL`, never translated.
    pub severity: String,
    /// The SQLSTATE, five characters.
    pub code: String,
    /// The message for people.
    pub message: String,
}

/// Something a tap saw that is no statement.
#[derive(Debug, Clone)]
pub enum Trouble {
    /// The service refused something.
    Refused(Rc<ServiceError>),
    /// A connection could not be read, for the reason given; its bytes pass, unrecorded.
    Unreadable(String),
    /// The service could not be reached, for the reason given.
    Unreachable(String),
}

/// What was seen between two moments.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Statements in the order in which they came.
    pub statements: Vec<Statement>,
    /// Everything else worth knowing, with the number of the connection.
    pub troubles: Vec<(u64, Trouble)>,
    /// How many records were too many or too large to keep: when this is not 0, something may be missing.
    pub missed: u64,
    is_housekeeping: fn(&str) -> bool,
}

impl Seen {
    /// What was executed.
    pub fn executed(&self) -> impl Iterator<Item = &Statement> {
        self.statements.iter().filter(|statement| statement.kind == Kind::Executed)
    }

    /// What was executed, without what a pool of connections does for itself.
    pub fn queries(&self) -> impl Iterator<Item = &Statement> {
        self.executed().filter(|statement| !(self.is_housekeeping)(&statement.text))
    }

    /// Statements, executed or only prepared, that hold a marker in their text or in a parameter.
    pub fn with(&self, marker: &str) -> impl Iterator<Item = (&Statement, Place)> {
        self.statements.iter().filter_map(move |statement| Some((statement, statement.place_of(marker)?)))
    }
}

impl Statement {
    /// Where in the statement a marker stands, if it does.
    pub fn place_of(&self, marker: &str) -> Option<Place> {
        if self.text.contains(marker) {
            return Some(Place::Text);
        }
        self.parameters.iter().any(|parameter| parameter.contains(marker)).then_some(Place::Parameter)
    }
}

/// Where in a statement something was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the text, whatever the parameters hold.
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
            Outcome::Pending => f.write_str(" → no answer yet"),
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
            Trouble::Unreadable(why) => write!(f, "a connection cannot be read: {why}"),
            Trouble::Unreachable(why) => write!(f, "the service cannot be reached: {why}"),
        }
    }
}

/// A moment in the recording.
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
    /// Number of the oldest statement kept; the next ones follow on.
    oldest: u64,
    memory: usize,
    troubles: VecDeque<(u64, Trouble)>,
    oldest_trouble: u64,
    /// How many messages were longer than what is kept of one.
    shortened: u64,
}

impl Recording {
    /// Keeps a statement and returns its number.
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

    /// Notes what became of a statement, if it is still kept.
    pub fn settle(&mut self, number: u64, outcome: Outcome) {
        let index = number.checked_sub(self.oldest).and_then(|index| usize::try_from(index).ok());
        if let Some(statement) = index.and_then(|index| self.statements.get_mut(index)) {
            statement.outcome = outcome;
        }
    }

    /// Keeps something else worth knowing.
    pub fn add_trouble(&mut self, connection: u64, trouble: Trouble) {
        self.troubles.push_back((connection, trouble));
        if self.troubles.len() > TROUBLES {
            self.troubles.pop_front();
            self.oldest_trouble += 1;
        }
    }

    /// Counts a message of which only the beginning is kept.
    pub fn add_shortened(&mut self) {
        self.shortened += 1;
    }

    /// This moment.
    pub fn mark(&self) -> Mark {
        Mark {
            statement: self.oldest + self.statements.len() as u64,
            trouble: self.oldest_trouble + self.troubles.len() as u64,
            shortened: self.shortened,
        }
    }

    /// What was kept since a moment.
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

/// Memory that goes with a statement, in bytes. The text of an execution is shared with what prepared it, yet counts.
fn weight(statement: &Statement) -> usize {
    OVERHEAD + statement.text.len() + statement.parameters.iter().map(Parameter::weight).sum::<usize>()
}
