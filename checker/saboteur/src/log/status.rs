//! Keeps the log consistent with the responses: a line has the status code that the client got.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::sleep;

use super::fields;
use crate::http::Request;

/// How many changed status codes are kept for log lines that are still to come.
const KEPT: usize = 64;
/// How often a line that came before its response checks for it, and how long it waits in between.
const POLLS: usize = 100;
const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// Rewrites the status code in the log lines of exchanges whose status code a sabotage changed.
#[derive(Default)]
pub struct StatusRewriter {
    in_flight: RefCell<Vec<Exchange>>,
    /// The exchange, the upstream server's status code and the client's.
    changed: RefCell<VecDeque<(Exchange, u16, u16)>>,
}

/// A request as the upstream server logs it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Exchange {
    method: String,
    path: String,
}

impl StatusRewriter {
    /// Begins an exchange. It is in flight until the returned guard is dropped.
    pub fn begin(&self, request: &Request) -> InFlight<'_> {
        let exchange = Exchange { method: request.head.method.to_string(), path: request.head.uri.path().to_owned() };
        self.in_flight.borrow_mut().push(exchange.clone());
        InFlight { rewriter: self, exchange }
    }

    /// The line with the status code that the client got, once that is known.
    pub async fn rewrite(&self, line: String) -> String {
        let (Some(method), Some(path)) = (fields::method(&line), fields::path(&line)) else { return line };
        let path = path.split('?').next().unwrap_or_default();
        let exchange = Exchange { method: method.to_owned(), path: path.to_owned() };
        for _ in 0..POLLS {
            if !self.in_flight.borrow().contains(&exchange) {
                break;
            }
            sleep(POLL_INTERVAL).await;
        }
        let Some(status) = fields::status(&line) else { return line };
        let at = status.as_ptr() as usize - line.as_ptr() as usize;
        let mut changed = self.changed.borrow_mut();
        let is_meant = |(other, from, _): &(Exchange, u16, u16)| *other == exchange && from.to_string() == status;
        match changed.iter().position(is_meant).and_then(|place| changed.remove(place)) {
            Some((_, _, to)) => format!("{}{to}{}", &line[..at], &line[at + status.len()..]),
            None => line,
        }
    }
}

/// An exchange in flight.
pub struct InFlight<'a> {
    rewriter: &'a StatusRewriter,
    exchange: Exchange,
}

impl InFlight<'_> {
    /// Ends the exchange: the upstream server's status code was `from`, and the client gets `to`.
    pub fn end(self, from: u16, to: u16) {
        if from != to {
            let mut changed = self.rewriter.changed.borrow_mut();
            changed.push_back((self.exchange.clone(), from, to));
            if changed.len() > KEPT {
                changed.pop_front();
            }
        }
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        let mut in_flight = self.rewriter.in_flight.borrow_mut();
        if let Some(place) = in_flight.iter().position(|exchange| *exchange == self.exchange) {
            in_flight.swap_remove(place);
        }
    }
}
