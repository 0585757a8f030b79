//! The statements of one connection: the text of each prepared statement, and the result of each execution.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::rc::Rc;
use std::time::Instant;

use super::super::Recording;
use super::frame::Frame;
use super::messages::{self, Bind, Parse};
use super::{Kind, Outcome, Parameter, ServiceError, Shared, Statement, Trouble, sql};

/// The most prepared statements and portals kept by name; no well-behaved client has as many.
const NAMES: usize = 4_000;

/// A prepared statement.
struct Prepared {
    text: Rc<str>,
    /// The types of its parameters, as far as known.
    types: RefCell<Vec<u32>>,
}

/// A portal: a prepared statement with values.
struct Portal {
    prepared: Rc<Prepared>,
    parameters: Rc<[Parameter]>,
    /// The number of the execution that stopped at its row limit and can continue.
    suspended: Option<u64>,
}

/// A request without a result yet. The service answers in order.
enum Pending {
    /// A script: the numbers of its statements without a result.
    Query(VecDeque<u64>),
    /// A preparation: its number, and the previous statement of that name.
    Parse {
        number: u64,
        name: String,
        before: Option<Rc<Prepared>>,
    },
    Bind,
    /// A request for the types of a statement or a portal.
    Describe(Option<Rc<Prepared>>),
    /// An execution and the name of its portal.
    Execute {
        number: u64,
        portal: String,
    },
    /// A name to close, and its statement.
    Close {
        name: String,
        before: Option<Rc<Prepared>>,
    },
    /// A function call without SQL.
    Call(u64),
    /// The end of a series of requests; after an error the service skips everything before it.
    Sync,
}

/// The statements of one connection.
pub struct Statements {
    connection: u64,
    shared: Rc<Shared>,
    prepared: HashMap<String, Rc<Prepared>>,
    portals: HashMap<String, Portal>,
    pending: VecDeque<Pending>,
    /// Whether the client is sending rows; the service ignores `Sync` meanwhile.
    copying: bool,
}

impl Statements {
    /// The statements of a new connection.
    pub fn new(connection: u64, shared: Rc<Shared>) -> Self {
        Statements {
            connection,
            shared,
            prepared: HashMap::new(),
            portals: HashMap::new(),
            pending: VecDeque::new(),
            copying: false,
        }
    }

    /// Whether the service still owes a result.
    pub fn wait(&self) -> bool {
        self.pending.iter().any(|pending| !matches!(pending, Pending::Sync))
    }

    /// Whether the client has asked the service to say when it is ready.
    pub fn await_ready(&self) -> bool {
        self.pending.iter().any(|pending| matches!(pending, Pending::Sync | Pending::Query(_) | Pending::Call(_)))
    }

    /// Notes that no more results will arrive.
    pub fn lose(&mut self) {
        for pending in std::mem::take(&mut self.pending) {
            self.settle(pending, &Outcome::Lost);
        }
    }

    /// Processes a message of the client and returns the numbers of the executions that it begins.
    pub fn client(&mut self, frame: &Frame, at: Instant) -> Range<u64> {
        if matches!(frame.kind, b'Q' | b'P' | b'B') && !frame.whole {
            self.shared.recording.borrow_mut().add_shortened();
        }
        match frame.kind {
            b'Q' => return self.query(frame.body, at),
            b'P' => self.parse(frame.body, at),
            b'B' => self.bind(frame.body),
            b'D' => {
                let prepared = frame.body.split_first().filter(|(kind, _)| **kind == b'S');
                let prepared = prepared.and_then(|(_, name)| self.prepared.get(&*messages::whole_text(name)));
                self.pending.push_back(Pending::Describe(prepared.cloned()));
            }
            b'E' => return self.execute(frame.body, at),
            b'C' => {
                let name = frame.body.get(1..).map(messages::whole_text).unwrap_or_default().to_string();
                let before = match frame.body.first() {
                    Some(b'S') => self.prepared.remove(&name),
                    _ => {
                        self.portals.remove(&name);
                        None
                    }
                };
                self.pending.push_back(Pending::Close { name, before });
            }
            b'F' => {
                let function = frame.body.first_chunk().map_or(0, |id| u32::from_be_bytes(*id));
                let number = self.record(Kind::Executed, format!("(call of function {function})").into(), [].into(), at);
                self.pending.push_back(Pending::Call(number));
                return number..number + 1;
            }
            b'S' if !self.copying => self.pending.push_back(Pending::Sync),
            b'c' | b'f' => self.copying = false,
            _ => {}
        }
        0..0
    }

    fn query(&mut self, body: &[u8], at: Instant) -> Range<u64> {
        let script = messages::whole_text(body);
        let numbers: VecDeque<u64> = match script.trim_end_matches([';', ' ', '\n']).contains(';') {
            false => [self.record(Kind::Executed, script, [].into(), at)].into(),
            true => sql::statements(&script)
                .into_iter()
                .map(|statement| self.record(Kind::Executed, statement.into(), [].into(), at))
                .collect(),
        };
        let executed = numbers.front().map_or(0..0, |first| *first..first + numbers.len() as u64);
        self.pending.push_back(Pending::Query(numbers));
        executed
    }

    fn parse(&mut self, body: &[u8], at: Instant) {
        let Some(Parse { name, text, types }) = Parse::read(body) else { return };
        let number = self.record(Kind::Prepared, text.clone(), [].into(), at);
        let prepared = Rc::new(Prepared { text, types: types.into() });
        let before = self.prepared.insert(name.clone(), prepared);
        if self.prepared.len() > NAMES {
            self.prepared.clear();
        }
        self.pending.push_back(Pending::Parse { number, name, before });
    }

    fn bind(&mut self, body: &[u8]) {
        self.pending.push_back(Pending::Bind);
        let Some(bind) = Bind::read(body) else { return };
        // The name may come from an SQL PREPARE.
        let prepared = self.prepared.get(&bind.statement).cloned().unwrap_or_else(|| {
            Rc::new(Prepared { text: format!("EXECUTE {}", bind.statement).into(), types: RefCell::default() })
        });
        let name = bind.portal.clone();
        let parameters = bind.parameters(&prepared.types.borrow());
        self.portals.insert(name, Portal { prepared, parameters, suspended: None });
        if self.portals.len() > NAMES {
            self.portals.clear();
        }
    }

    fn execute(&mut self, body: &[u8], at: Instant) -> Range<u64> {
        let portal = messages::whole_text(body).to_string();
        let found = self.portals.get_mut(&portal);
        if let Some(number) = found.and_then(|portal| portal.suspended.take()) {
            self.pending.push_back(Pending::Execute { number, portal });
            return 0..0;
        }
        let (text, parameters) = match self.portals.get(&portal) {
            Some(Portal { prepared, parameters, .. }) => (prepared.text.clone(), parameters.clone()),
            None => (format!("(result {portal})").into(), [].into()),
        };
        let number = self.record(Kind::Executed, text, parameters, at);
        self.pending.push_back(Pending::Execute { number, portal });
        number..number + 1
    }

    fn record(&self, kind: Kind, text: Rc<str>, parameters: Rc<[Parameter]>, at: Instant) -> u64 {
        let statement = Statement { kind, text, parameters, connection: self.connection, at, outcome: Outcome::Pending };
        self.shared.recording.borrow_mut().add(statement)
    }

    /// Processes a message of the service and returns the number of the execution that it answers.
    pub fn service(&mut self, frame: &Frame) -> Option<u64> {
        match frame.kind {
            b'1' => self.response(|pending| matches!(pending, Pending::Parse { .. }), done("")),
            b'2' => self.response(|pending| matches!(pending, Pending::Bind), done("")),
            b'3' => self.response(|pending| matches!(pending, Pending::Close { .. }), done("")),
            b't' => {
                let asked = self.pending.iter().find(|pending| !matches!(pending, Pending::Sync));
                if let Some(Pending::Describe(Some(prepared))) = asked {
                    *prepared.types.borrow_mut() = messages::parameter_types(frame.body);
                }
                None
            }
            b'T' | b'n' => {
                if let Some(Pending::Describe(_)) = self.pending.front() {
                    self.pending.pop_front();
                }
                None
            }
            b'C' => {
                let tag = messages::whole_text(frame.body);
                if matches!(&*tag, "DISCARD ALL" | "DEALLOCATE ALL") {
                    self.prepared.clear();
                }
                self.answer_execution(Outcome::Done(tag))
            }
            b'I' => self.answer_execution(done("")),
            b's' => self.answer_execution(Outcome::Suspended),
            b'V' => self.response(|pending| matches!(pending, Pending::Call(_)), done("")),
            b'G' => {
                self.copying = true;
                self.pending.retain(|pending| !matches!(pending, Pending::Sync));
                None
            }
            b'E' => self.fail(messages::error(frame.body)),
            b'Z' => {
                self.end_row(frame.body.first() == Some(&b'I'));
                None
            }
            _ => None,
        }
    }

    /// Settles the first request of a kind, and those before it, which the service has skipped.
    fn response(&mut self, is_meant: fn(&Pending) -> bool, outcome: Outcome) -> Option<u64> {
        let index = self.pending.iter().position(is_meant)?;
        let passed: Vec<Pending> = self.pending.drain(..=index).collect();
        let mut number = None;
        for pending in passed {
            number = self.settle(pending, &outcome);
        }
        number
    }

    fn answer_execution(&mut self, outcome: Outcome) -> Option<u64> {
        let execution = |pending: &&mut Pending| matches!(pending, Pending::Execute { .. } | Pending::Query(_));
        if let Some(Pending::Query(numbers)) = self.pending.iter_mut().find(execution) {
            let number = numbers.pop_front()?;
            set_outcome(&mut self.shared.recording.borrow_mut(), number, outcome);
            return Some(number);
        }
        if outcome == Outcome::Suspended
            && let Some(Pending::Execute { number, portal }) = self.pending.iter_mut().find(execution)
            && let Some(portal) = self.portals.get_mut(portal)
        {
            portal.suspended = Some(*number);
        }
        self.response(|pending| matches!(pending, Pending::Execute { .. }), outcome)
    }

    /// Attributes an error to the first pending request, and notes that the service will skip the rest of its series.
    fn fail(&mut self, error: ServiceError) -> Option<u64> {
        self.copying = false;
        let error = Rc::new(error);
        self.shared.note_trouble(self.connection, Trouble::Refused(error.clone()));
        let first = self.pending.iter().position(|pending| !matches!(pending, Pending::Sync))?;
        self.pending.drain(..first);
        let mut outcome = Outcome::Failed(error);
        if let Some(Pending::Query(numbers)) = self.pending.front_mut() {
            let numbers = std::mem::take(numbers);
            let failed = numbers.front().copied();
            for number in numbers {
                let outcome = std::mem::replace(&mut outcome, Outcome::Skipped);
                set_outcome(&mut self.shared.recording.borrow_mut(), number, outcome);
            }
            return failed;
        }
        let end = self.pending.iter().position(|pending| matches!(pending, Pending::Sync | Pending::Query(_)));
        let row: Vec<Pending> = self.pending.drain(..end.unwrap_or(self.pending.len())).collect();
        let mut failed = None;
        for pending in row {
            self.restore(&pending);
            // A request without its own record fails with the execution that it belongs to.
            if let Some(number) = self.settle(pending, &outcome)
                && failed.is_none()
            {
                failed = Some(number);
                outcome = Outcome::Skipped;
            }
        }
        failed
    }

    /// Reverts the effect on the names of a request that was not carried out.
    fn restore(&mut self, pending: &Pending) {
        if let Pending::Parse { name, before, .. } | Pending::Close { name, before } = pending {
            match before {
                Some(prepared) => self.prepared.insert(name.clone(), prepared.clone()),
                None => self.prepared.remove(name),
            };
        }
    }

    /// The service is ready for the next series of requests; `idle` means outside a transaction, where no portal survives.
    fn end_row(&mut self, idle: bool) {
        let is_end = |pending: &Pending| matches!(pending, Pending::Sync | Pending::Query(_) | Pending::Call(_));
        if let Some(end) = self.pending.iter().position(is_end) {
            let row: Vec<Pending> = self.pending.drain(..=end).collect();
            for pending in row {
                self.settle(pending, &Outcome::Skipped);
            }
        }
        if idle && self.pending.is_empty() {
            self.portals.clear();
        }
    }

    /// Records the outcome of the statements of a request; returns the number if it is a single execution or preparation.
    fn settle(&self, pending: Pending, outcome: &Outcome) -> Option<u64> {
        let mut recording = self.shared.recording.borrow_mut();
        match pending {
            Pending::Query(numbers) => {
                numbers.into_iter().for_each(|number| set_outcome(&mut recording, number, outcome.clone()));
                None
            }
            Pending::Parse { number, .. } | Pending::Execute { number, .. } | Pending::Call(number) => {
                set_outcome(&mut recording, number, outcome.clone());
                Some(number)
            }
            Pending::Bind | Pending::Describe(_) | Pending::Close { .. } | Pending::Sync => None,
        }
    }
}

fn done(tag: &str) -> Outcome {
    Outcome::Done(tag.into())
}

/// Records the outcome of a statement.
fn set_outcome(recording: &mut Recording<Statement>, number: u64, outcome: Outcome) {
    recording.change(number, |statement| statement.outcome = outcome);
}
