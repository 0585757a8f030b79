//! A fixture: something that a step's servers need and a check may disturb. Each one is a module of this package, and one line
//! in [`FIXTURES`](crate::FIXTURES).

use std::any::Any;
use std::path::Path;
use std::rc::Rc;
use std::time::Instant;

use futures_util::future::LocalBoxFuture;
use model::Problem;
use taps::Mark;

/// The console of the person who waits while a service is prepared.
pub trait Console {
    /// Shows the progress.
    fn progress(&mut self, what: &str);

    /// Shows why a source does not work, in one or more sentences, before the next one is tried.
    fn warn(&mut self, what: &str) {
        self.progress(what);
    }

    /// Asks whether a service may be installed by this command.
    fn consents<'a>(&'a mut self, service: &'a str, command: &'a str) -> LocalBoxFuture<'a, bool>;
}

/// An environment variable of a server under examination.
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// One sentence that says how a person gets a value for it.
    pub by_hand: &'static str,
}

/// The traffic that a tap in front of a service records.
#[derive(Debug, Clone, Copy)]
pub struct TrafficKind {
    /// Its member in the JSON report.
    pub key: &'static str,
    /// Its file among the evidence of a run.
    pub file: &'static str,
    /// The other side, completing "What your server sent to …".
    pub peer: &'static str,
}

/// Something that a step declares because its servers need it.
pub trait Fixture: Sync {
    /// Its name in messages.
    fn name(&self) -> &'static str;

    /// The environment variables that a server gets.
    fn variables(&self) -> &'static [Variable];

    /// The traffic that its taps record, if it has taps.
    fn traffic(&self) -> Option<TrafficKind> {
        None
    }

    /// What a check disturbs if it disturbs this fixture, completing "the server's …".
    fn disturbed(&self) -> &'static str;

    /// Starts it, from the first source that works; `root` is the workshop's folder.
    fn start<'a>(&'a self, root: &'a Path, console: &'a mut dyn Console)
    -> LocalBoxFuture<'a, Result<Box<dyn Running>, Problem>>;

    /// Starts it if that needs no consent and little time; `None` where [`start`](Fixture::start) has to look further.
    fn start_at_hand<'a>(&'a self, console: &'a mut dyn Console) -> LocalBoxFuture<'a, Option<Box<dyn Running>>>;

    /// The source of its service, without starting or installing anything; `None` if it has no service to start.
    fn availability(&self) -> Option<LocalBoxFuture<'_, Result<String, Problem>>>;
}

/// A fixture that has been started. Dropping it stops what was started.
pub trait Running {
    /// Creates a part that no other worker uses, for servers under examination.
    fn isolate(&self) -> LocalBoxFuture<'_, Result<Rc<dyn Part>, Problem>>;

    /// Creates a part for a person's own experiments, without a tap.
    fn lend(&self) -> LocalBoxFuture<'_, Result<Rc<dyn Part>, Problem>>;

    /// Name, version and source.
    fn describe(&self) -> String;

    /// Waits until a private server exits without having been stopped, and returns how; for other sources, it waits forever.
    fn stopped_by_itself(&mut self) -> LocalBoxFuture<'_, String>;

    /// Stops what was started, and waits until nothing is left.
    fn stop(self: Box<Self>) -> LocalBoxFuture<'static, ()>;
}

/// One worker's own part of a fixture: a database, a bucket, an inbox.
pub trait Part: Any {
    /// The environment variables that point a server to it.
    fn environment(&self) -> Vec<(&'static str, String)>;

    /// The tap in front of it, if there is one.
    fn tap(&self) -> Option<&dyn Tapped> {
        None
    }

    /// Removes the stored data. Call it with the last reference: others keep the part alive.
    fn remove(self: Rc<Self>) -> LocalBoxFuture<'static, ()>;
}

/// A part that checks can look into. If the target is a URL, the checker cannot see its part.
pub trait Visible: Part {
    /// The reason for a URL, completing "skipped because …".
    const UNSEEN: &'static str;
}

/// Records traffic.
pub trait Tapped {
    /// This moment.
    fn mark(&self) -> Mark;

    /// The traffic since a moment; all of it if no moment is given.
    fn since(&self, mark: Option<Mark>) -> Passed;
}

/// The traffic through a tap.
#[derive(Debug, Default)]
pub struct Passed {
    /// Each event as one line, with its time.
    pub events: Vec<(Instant, String)>,
    /// Why the service was unavailable for a while, if it was: then the server under examination is not to blame.
    pub outage: Option<String>,
}
