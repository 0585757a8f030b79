//! Keeps the log of a wrong server true to its answers: a line says the status that the client got.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::sleep;

use crate::log_line;
use crate::message::Request;

/// How many changed statuses are remembered until their lines come.
const REMEMBERED: usize = 64;
/// How often a line that came before its answer looks for it again, and how long it waits in between.
const LOOKS: usize = 100;
const BETWEEN_LOOKS: Duration = Duration::from_millis(2);

/// The exchanges whose lines may still come.
#[derive(Default)]
pub struct Ledger {
    open: RefCell<Vec<Exchange>>,
    changed: RefCell<VecDeque<(Exchange, u16, u16)>>,
}

/// A request as the right server logs it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Exchange {
    method: String,
    path: String,
}

impl Ledger {
    /// Enters an exchange; it is open until what this returns is dropped.
    pub fn open(&self, request: &Request) -> Open<'_> {
        let exchange = Exchange { method: request.head.method.to_string(), path: request.head.uri.path().to_owned() };
        self.open.borrow_mut().push(exchange.clone());
        Open { ledger: self, exchange }
    }

    /// The line with the status that the client got, once that is known.
    pub async fn corrected(&self, line: String) -> String {
        let (Some(method), Some(path)) = (log_line::method(&line), log_line::path(&line)) else { return line };
        let path = path.split('?').next().unwrap_or_default();
        let exchange = Exchange { method: method.to_owned(), path: path.to_owned() };
        for _ in 0..LOOKS {
            if !self.open.borrow().contains(&exchange) {
                break;
            }
            sleep(BETWEEN_LOOKS).await;
        }
        let Some(status) = log_line::status(&line) else { return line };
        let at = status.as_ptr() as usize - line.as_ptr() as usize;
        let mut changed = self.changed.borrow_mut();
        let told = |(other, from, _): &(Exchange, u16, u16)| *other == exchange && from.to_string() == status;
        match changed.iter().position(told).and_then(|place| changed.remove(place)) {
            Some((_, _, to)) => format!("{}{to}{}", &line[..at], &line[at + status.len()..]),
            None => line,
        }
    }
}

/// An exchange that is going on.
pub struct Open<'a> {
    ledger: &'a Ledger,
    exchange: Exchange,
}

impl Open<'_> {
    /// Ends the exchange: the right server answered `from`, and the client gets `to`.
    pub fn answered(self, from: u16, to: u16) {
        if from != to {
            let mut changed = self.ledger.changed.borrow_mut();
            changed.push_back((self.exchange.clone(), from, to));
            if changed.len() > REMEMBERED {
                changed.pop_front();
            }
        }
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        let mut open = self.ledger.open.borrow_mut();
        if let Some(place) = open.iter().position(|exchange| *exchange == self.exchange) {
            open.swap_remove(place);
        }
    }
}
