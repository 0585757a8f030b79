//! What servers say to their databases, told per request.

use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use taps::{Mark, Seen, Statement, Trouble};

use super::database::Store;
use super::instances::Instances;
use crate::probe::{Exchange, shorten};

/// Characters of one statement that are kept, its parameters included.
const LENGTH: usize = 2_000;
/// Lines that are kept of one check.
const LINES: usize = 2_000;

/// The moment from which on statements are wanted.
pub struct Statements {
    marks: Vec<(Rc<Store>, Mark)>,
}

impl Statements {
    /// From now on.
    pub fn of(instances: &Instances) -> Statements {
        let marks = instances.stores().into_iter().map(|store| (store.clone(), store.tap().mark()));
        Statements { marks: marks.collect() }
    }

    /// Why the database was gone for a while, if it was: then nobody can blame the server.
    pub fn outage(&self, instances: &Instances) -> Option<String> {
        let mut troubles = instances.stores().into_iter().flat_map(|store| self.since(&store).troubles);
        troubles.find_map(|(_, trouble)| match trouble {
            Trouble::Unreachable(why) => Some(format!("the database could not be reached: {why}")),
            // Class 57P: the service is shutting down, was killed, or is not up yet.
            Trouble::Refused(error) if error.code.starts_with("57P") => Some(format!("the database gave up: {error}")),
            Trouble::Refused(_) | Trouble::Unreadable(_) => None,
        })
    }

    fn since(&self, store: &Rc<Store>) -> Seen {
        let known = self.marks.iter().find(|(known, _)| Rc::ptr_eq(known, store));
        store.tap().since(known.map_or(store.first(), |(_, mark)| *mark))
    }

    /// What was executed since, each statement below the request during which it came.
    pub fn told(&self, instances: &Instances, exchanges: &[Rc<Exchange>]) -> Vec<String> {
        let mut seen: Vec<Statement> = Vec::new();
        for store in instances.stores() {
            seen.extend(self.since(&store).executed().cloned());
        }
        seen.sort_by_key(|statement| statement.at);
        let clocks = (Instant::now(), SystemTime::now());
        let mut lines: Vec<String> = Vec::new();
        let mut heading = String::new();
        for statement in &seen {
            let request = request_of(statement, exchanges, clocks);
            if heading != request {
                heading.clone_from(&request);
                lines.push(request);
            }
            let text = statement.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
            lines.push(format!("  {}", shorten(&text, LENGTH)));
        }
        let excess = lines.len().saturating_sub(LINES);
        lines.drain(..excess);
        lines
    }
}

/// The request that a statement was executed for, as far as time tells.
fn request_of(statement: &Statement, exchanges: &[Rc<Exchange>], (now, clock): (Instant, SystemTime)) -> String {
    let at = clock - now.saturating_duration_since(statement.at);
    // The two clocks are not read at the same moment.
    let slack = Duration::from_micros(50);
    let within = |exchange: &&Rc<Exchange>| exchange.started <= at + slack && at <= exchange.started + exchange.duration + slack;
    let mut during = exchanges.iter().filter(within);
    match (during.next(), during.count()) {
        (None, _) => "between requests".into(),
        (Some(exchange), 0) => format!("{} {}", exchange.request.method, shorten(&exchange.request.path, 100)),
        (Some(_), others) => format!("{} requests at once", others + 1),
    }
}
