//! What a step's servers need, and what a check may disturb: a fixture. Each one is a folder of this package, and one line in
//! [`FIXTURES`](crate::FIXTURES).

use std::any::Any;
use std::path::Path;
use std::rc::Rc;
use std::time::Instant;

use futures_util::future::LocalBoxFuture;
use model::Problem;
use taps::Mark;

/// The person who waits while a service is prepared.
pub trait Console {
    /// Shows what is going on.
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

/// What a tap in front of a service records.
#[derive(Debug, Clone, Copy)]
pub struct TrafficKind {
    /// Its member in the JSON report.
    pub key: &'static str,
    /// Its file among the evidence of a run.
    pub file: &'static str,
    /// The other side, as in "What your server sent to …".
    pub peer: &'static str,
}

/// Something that a step declares because its servers need it.
pub trait Fixture: Sync {
    /// Its name for people.
    fn name(&self) -> &'static str;

    /// The variables that a server gets.
    fn variables(&self) -> &'static [Variable];

    /// What its taps record, if it has taps.
    fn traffic(&self) -> Option<TrafficKind> {
        None
    }

    /// What a check disturbs that disturbs this fixture, as in "the server's …".
    fn disturbed(&self) -> &'static str;

    /// Starts it, from the first source that works; `root` is the workshop's folder.
    fn start<'a>(&'a self, root: &'a Path, console: &'a mut dyn Console)
    -> LocalBoxFuture<'a, Result<Box<dyn Running>, Problem>>;

    /// Starts it where that takes no question and little time; `None` where [`start`](Fixture::start) has to look further.
    fn start_at_hand<'a>(&'a self, console: &'a mut dyn Console) -> LocalBoxFuture<'a, Option<Box<dyn Running>>>;

    /// Where its service would come from, without starting or installing anything; `None` where there is no service to start.
    fn availability(&self) -> Option<LocalBoxFuture<'_, Result<String, Problem>>>;
}

/// A fixture that has been started. Dropping it stops what was started.
pub trait Running {
    /// Makes a part that no other worker uses, for servers under examination.
    fn isolate(&self) -> LocalBoxFuture<'_, Result<Rc<dyn Part>, Problem>>;

    /// Makes a part for a person's own experiments, without a tap.
    fn lend(&self) -> LocalBoxFuture<'_, Result<Rc<dyn Part>, Problem>>;

    /// Name, version and source.
    fn describe(&self) -> String;

    /// Waits until a private server has stopped by itself, and says how; for others, for ever.
    fn stopped_by_itself(&mut self) -> LocalBoxFuture<'_, String>;

    /// Stops what was started, and waits until nothing of it is left.
    fn stop(self: Box<Self>) -> LocalBoxFuture<'static, ()>;
}

/// One worker's own part of a fixture: a database, a bucket, an inbox.
pub trait Part: Any {
    /// The environment by which a server gets it.
    fn environment(&self) -> Vec<(&'static str, String)>;

    /// The tap in front of it, if there is one.
    fn tap(&self) -> Option<&dyn Tapped> {
        None
    }

    /// Removes what was stored. To be called with the last reference to it: others keep it alive.
    fn remove(self: Rc<Self>) -> LocalBoxFuture<'static, ()>;
}

/// A part that checks look into; a server given by URL has none that can be seen.
pub trait Visible: Part {
    /// Why it cannot be seen there, after the words "skipped because".
    const UNSEEN: &'static str;
}

/// Records what passes.
pub trait Tapped {
    /// This moment.
    fn mark(&self) -> Mark;

    /// What has passed since; from the beginning where no moment is given.
    fn since(&self, mark: Option<Mark>) -> Passed;
}

/// What has passed a tap.
#[derive(Debug, Default)]
pub struct Passed {
    /// Each event in one line, and when it was.
    pub events: Vec<(Instant, String)>,
    /// Why the service was gone for a while, if it was: then nobody can blame the server under examination.
    pub outage: Option<String>,
}
