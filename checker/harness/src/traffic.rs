//! The traffic between servers and their backing services, request by request.

use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use fixtures::{Fixture, Mark, Passed};
use model::{Exchange, Traffic, shorten};

use crate::backing::Backing;
use crate::environment::Environment;

/// The most characters kept of one event.
const LENGTH: usize = 2_000;
/// The most lines kept for one check and one fixture.
const LINES: usize = 2_000;

/// The moment from which traffic is collected.
pub struct TrafficSince {
    /// For each backing of that moment, a mark for each of its parts that has a tap.
    marks: Vec<(Rc<Backing>, Vec<Option<Mark>>)>,
}

impl TrafficSince {
    /// From now on.
    pub fn now(environment: &Environment) -> TrafficSince {
        let marks = |backing: &Rc<Backing>| backing.parts().iter().map(|part| Some(part.tap()?.mark())).collect();
        TrafficSince { marks: environment.backings().iter().map(|backing| (backing.clone(), marks(backing))).collect() }
    }

    /// Why a service was unavailable for a while, if one was: then the server is not to blame.
    pub fn outage(&self, environment: &Environment) -> Option<String> {
        environment.backings().iter().find_map(|backing| {
            let passed = (0..backing.parts().len()).filter_map(|place| self.passed(backing, place));
            passed.into_iter().find_map(|passed| passed.outage)
        })
    }

    /// The traffic through the tap of one part.
    fn passed(&self, backing: &Rc<Backing>, place: usize) -> Option<Passed> {
        let known = self.marks.iter().find(|(known, _)| Rc::ptr_eq(known, backing));
        let mark = known.and_then(|(_, marks)| marks.get(place)?.as_ref());
        Some(backing.parts()[place].tap()?.since(mark))
    }

    /// The traffic between servers and these fixtures, each event below the request during which it came. A step's backings
    /// have a part of each of its fixtures, in the same order.
    pub fn by_request(&self, environment: &Environment, fixtures: &[&dyn Fixture], exchanges: &[Rc<Exchange>]) -> Vec<Traffic> {
        let mut traffic = no_traffic(fixtures);
        for (place, fixture) in fixtures.iter().enumerate() {
            let Some(kind) = fixture.traffic() else { continue };
            let backings = environment.backings();
            let passed = backings.iter().filter(|backing| place < backing.parts().len());
            let mut events: Vec<_> =
                passed.filter_map(|backing| self.passed(backing, place)).flat_map(|passed| passed.events).collect();
            events.sort_by_key(|(at, _)| *at);
            if let Some(one) = traffic.iter_mut().find(|one| one.key == kind.key) {
                one.lines = lines(&events, exchanges);
            }
        }
        traffic
    }
}

/// The kinds of traffic that these fixtures have, without events.
pub fn no_traffic(fixtures: &[&dyn Fixture]) -> Vec<Traffic> {
    let kinds = fixtures.iter().filter_map(|fixture| fixture.traffic());
    let empty = |kind: fixtures::TrafficKind| Traffic {
        key: kind.key.to_owned(),
        file: kind.file.to_owned(),
        peer: kind.peer.to_owned(),
        lines: Vec::new(),
    };
    kinds.map(empty).collect()
}

fn lines(events: &[(Instant, String)], exchanges: &[Rc<Exchange>]) -> Vec<String> {
    let clocks = (Instant::now(), SystemTime::now());
    let mut lines: Vec<String> = Vec::new();
    let mut heading = String::new();
    for (at, text) in events {
        let request = request_of(*at, exchanges, clocks);
        if heading != request {
            heading.clone_from(&request);
            lines.push(request);
        }
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        lines.push(format!("  {}", shorten(&text, LENGTH)));
    }
    let excess = lines.len().saturating_sub(LINES);
    lines.drain(..excess);
    lines
}

/// The request during which an event happened, as far as the clocks can tell.
fn request_of(at: Instant, exchanges: &[Rc<Exchange>], (now, clock): (Instant, SystemTime)) -> String {
    let at = clock - now.saturating_duration_since(at);
    // The two clocks cannot be read at the same moment.
    let slack = Duration::from_micros(50);
    let within = |exchange: &&Rc<Exchange>| exchange.started <= at + slack && at <= exchange.started + exchange.duration + slack;
    let mut during = exchanges.iter().filter(within);
    match (during.next(), during.count()) {
        (None, _) => "between requests".into(),
        (Some(exchange), 0) => format!("{} {}", exchange.request.method, shorten(&exchange.request.path, 100)),
        (Some(_), others) => format!("{} requests at once", others + 1),
    }
}
