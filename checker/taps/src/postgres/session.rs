//! One connection to PostgreSQL: parses its traffic, and carries out the cuts that wait for a statement.

use std::rc::Rc;
use std::time::Instant;

use super::super::{Cut, Moment, Parser, Ruling};
use super::frame::{Framer, KEPT, Malformed};
use super::messages::{self, Opening};
use super::statements::Statements;
use super::{Shared, Trouble};

/// The message types that a client may send, and those whose body is parsed.
const OF_CLIENT: &[u8] = b"QPBDECSHFdcfpX";
const READ_OF_CLIENT: &[u8] = b"\0QPBDECF";
/// The message types of the service whose body is parsed.
const READ_OF_SERVICE: &[u8] = b"CEtZ";

/// One connection.
pub struct Session {
    number: u64,
    shared: Rc<Shared>,
    client: Framer,
    service: Framer,
    statements: Statements,
    /// Whether both directions still follow the protocol.
    readable: bool,
    /// Whether this connection counts as waiting for a result.
    waiting: bool,
    after: Option<After>,
}

/// A cut that is due once a statement has run.
struct After {
    statement: u64,
    cut: Cut,
    /// Whether its result has arrived, and is held back.
    answered: bool,
}

impl Session {
    /// A new connection.
    pub fn new(number: u64, shared: Rc<Shared>) -> Self {
        Session {
            number,
            client: Framer::of_client(READ_OF_CLIENT, OF_CLIENT),
            service: Framer::of_service(READ_OF_SERVICE),
            statements: Statements::new(number, shared.clone()),
            shared,
            readable: true,
            waiting: false,
            after: None,
        }
    }

    /// Forwards everything from here on unparsed.
    fn give_up(&mut self, reason: String) {
        self.readable = false;
        self.statements.lose();
        self.after = None;
        self.shared.note_trouble(self.number, Trouble::Unreadable(reason));
    }

    fn read_client(&mut self, bytes: &[u8], fresh: usize, at: Instant) -> Result<Ruling, String> {
        let mut ruling = Ruling { pass: bytes.len(), ..Ruling::default() };
        let mut place = fresh;
        while let Some(frame) = self.client.next(bytes, &mut place).map_err(|error| malformed("client", error))? {
            match frame.kind {
                0 => match messages::opening(frame.body) {
                    Some(Opening::Session) => continue,
                    // Nothing follows it.
                    Some(Opening::Cancel) => {
                        self.readable = false;
                        break;
                    }
                    None => return Err("the client does not speak version 3 of PostgreSQL's protocol".to_owned()),
                },
                b'Q' | b'S' | b'H' | b'F' => ruling.round_trip = true,
                _ => {}
            }
            let executed = self.statements.client(&frame, at);
            if !self.shared.faults.cut_is_armed() {
                continue;
            }
            for number in executed {
                let Some(cut) = cut(&self.shared, number) else { continue };
                let start = frame.start.unwrap_or_default();
                ruling.pass = match cut.moment {
                    Moment::Before => start,
                    Moment::Mid => start + (frame.end - start) / 2,
                    Moment::After => {
                        self.after = Some(After { statement: number, cut, answered: false });
                        continue;
                    }
                };
                cut.done();
                ruling.cut = true;
                return Ok(ruling);
            }
        }
        // A message can be matched to a statement only once it is complete, so a cut before it holds the message until then.
        if self.shared.faults.cut_is_armed()
            && let Some((b'Q' | b'E', start)) = self.client.unfinished()
            && self.client.held() < KEPT
        {
            ruling.pass = start;
        }
        self.client.consumed(ruling.pass);
        Ok(ruling)
    }

    fn read_service(&mut self, bytes: &[u8], fresh: usize) -> Result<Ruling, String> {
        let mut ruling = Ruling { pass: bytes.len(), ..Ruling::default() };
        if self.after.as_ref().is_some_and(|after| after.answered) {
            ruling.pass = 0;
        }
        let mut place = fresh;
        while let Some(frame) = self.service.next(bytes, &mut place).map_err(|error| malformed("service", error))? {
            let answered = self.statements.service(&frame);
            let Some(after) = &mut self.after else { continue };
            if answered == Some(after.statement) {
                after.answered = true;
                ruling.pass = ruling.pass.min(frame.start.unwrap_or_default());
            }
            // Outside a transaction, the statement is committed only when the service is ready for the next one.
            if after.answered && (frame.kind == b'Z' || !self.statements.await_ready()) {
                ruling.cut = true;
                if let Some(after) = self.after.take() {
                    after.cut.done();
                }
                return Ok(ruling);
            }
        }
        self.service.consumed(ruling.pass);
        Ok(ruling)
    }

    fn note_waiting(&mut self) {
        let waiting = self.readable && self.statements.wait();
        if waiting != self.waiting {
            self.waiting = waiting;
            self.shared.note_waiting(waiting);
        }
    }
}

/// The cut that applies to a statement, if any.
fn cut(shared: &Shared, statement: u64) -> Option<Cut> {
    let statement = shared.recording.borrow().get(statement)?.clone();
    shared.faults.cut(&statement)
}

fn malformed(sender: &str, Malformed { kind, length }: Malformed) -> String {
    format!("the {sender} sent a message '{}' of {length} bytes, which the protocol does not allow", kind.escape_ascii())
}

impl Parser for Session {
    fn client(&mut self, bytes: &[u8], fresh: usize, at: Instant) -> Ruling {
        let everything = Ruling { pass: bytes.len(), ..Ruling::default() };
        if !self.readable {
            return everything;
        }
        let ruling = self.read_client(bytes, fresh, at).unwrap_or_else(|reason| {
            self.give_up(reason);
            everything
        });
        self.note_waiting();
        ruling
    }

    fn service(&mut self, bytes: &[u8], fresh: usize) -> Ruling {
        let everything = Ruling { pass: bytes.len(), ..Ruling::default() };
        if !self.readable {
            return everything;
        }
        let ruling = self.read_service(bytes, fresh).unwrap_or_else(|reason| {
            self.give_up(reason);
            everything
        });
        self.note_waiting();
        ruling
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.statements.lose();
        self.note_waiting();
    }
}
