//! One step under watch: the run that is going on, and the files that start the next.

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::rc::Rc;

use super::super::status::describe;
use super::super::{CommandError, check, examined};
use super::sources::Sources;
use super::watcher::Watcher;
use checker::cli::TargetArgs;
use engine::{Event, Grading, OnEvent, grade};
use harness::step::{Course, Step};
use model::{Problem, RunReport, Target};
use workshop::Workshop;

/// A step that is graded again and again.
pub struct Session<'a> {
    /// Where everything is.
    pub workshop: &'a Workshop,
    /// The step.
    pub step: &'static Step,
    target: TargetArgs,
    grading: Grading,
    watcher: Option<Watcher>,
    /// Whether it was said that changes are looked for.
    polling_reported: bool,
    run: Option<Run>,
}

/// A run in progress. Dropping it stops everything that it has started.
struct Run {
    report: Pin<Box<dyn Future<Output = RunReport>>>,
    now: Rc<RefCell<Now>>,
    /// What the run was started for.
    cause: Option<String>,
}

/// What a run is at.
#[derive(Default)]
struct Now {
    says: String,
    /// Whether a server may be running.
    serving: bool,
}

/// Something to show.
pub enum Happening {
    /// These files were saved; the run that is going on, if one is, sees an old state.
    Saved(Vec<PathBuf>),
    /// A run is complete, and perhaps its result could not be kept.
    Graded(Box<RunReport>, Option<Problem>),
    /// From now on changes are looked for twice a second; the text completes "because …".
    Polling(String),
}

impl<'a> Session<'a> {
    /// Begins to watch; nothing is graded yet.
    pub fn new(
        workshop: &'a Workshop,
        course: &'static Course,
        step: &'static Step,
        target: TargetArgs,
        stretch: bool,
        color: bool,
    ) -> Result<Self, CommandError> {
        let examined = examined(workshop, &target, step)?;
        let watcher = sources(workshop, &examined).map(Watcher::new);
        let grading = Grading { course, step, target: examined, only: Vec::new(), stretch, seed: 0, color };
        Ok(Session { workshop, step, target, grading, watcher, polling_reported: false, run: None })
    }

    /// Starts a run, in place of the one that is going on.
    pub fn start(&mut self, cause: Option<String>) {
        self.run = None;
        if let Some(watcher) = &mut self.watcher {
            watcher.start_run();
        }
        self.grading.seed = fastrand::u64(..1_000_000);
        let (grading, root) = (self.grading.clone(), self.workshop.root().to_owned());
        let now = Rc::new(RefCell::new(Now::default()));
        let shown = now.clone();
        let report = async move {
            let mut observer = OnEvent(|event: Event<'_>| {
                let serving = !matches!(event, Event::Building(_) | Event::Preparing(_));
                *shown.borrow_mut() = Now { says: describe(event), serving };
            });
            grade(&grading, &root, &mut observer).await
        };
        self.run = Some(Run { report: Box::pin(report), now, cause });
    }

    /// What the run that is going on is at, if one is.
    pub fn doing(&self) -> Option<String> {
        let run = self.run.as_ref()?;
        let now = run.now.borrow();
        let says = if now.says.is_empty() { "Beginning" } else { &now.says };
        Some(match &run.cause {
            Some(cause) => format!("{cause} · {says}"),
            None => says.to_owned(),
        })
    }

    /// What is watched, in one line.
    pub fn watched(&self) -> String {
        let Some(watcher) = &self.watcher else {
            return "No files to watch here; press r to grade again".to_owned();
        };
        if let Some((folder, error)) = watcher.unreadable() {
            let folder = self.workshop.short(folder);
            return match error.kind() {
                io::ErrorKind::NotFound => format!("There is no {folder} any more; waiting for it"),
                _ => format!("{folder} cannot be read: {error}"),
            };
        }
        let folder = self.workshop.short(watcher.folder());
        match watcher.polls_because() {
            Some(why) => format!("Polling {folder} twice a second: {why}"),
            None => format!("Watching {folder}"),
        }
    }

    /// Whether there are files to watch; a server known by its URL has none.
    pub fn has_files(&self) -> bool {
        self.watcher.is_some()
    }

    /// The course that the step belongs to.
    pub fn course(&self) -> &'static Course {
        self.grading.course
    }

    /// The number of the step after this one.
    pub fn next_step(&self) -> Option<u8> {
        self.course().number_after(self.step)
    }

    /// Whether the learner's own crate is graded.
    pub fn is_own(&self) -> bool {
        matches!(&self.grading.target, Target::Package(package) if *package == self.step.package())
    }

    /// The same for the next step, or why there is none.
    pub fn onward(&self, passed: bool) -> Result<Self, String> {
        let Some(next) = self.course().after(self.step) else {
            return Err(format!("Step {} is the last one.", self.step.number));
        };
        if !passed {
            return Err(format!("Step {} is not passed yet; pass it first, then press n.", self.step.number));
        }
        let mut target = self.target.clone();
        if self.is_own() {
            target.package = None;
        }
        if let Some(package) = &target.package {
            return Err(format!("{package} belongs to step {}; quit and name a package of the next.", self.step.number));
        }
        let grading = &self.grading;
        Session::new(self.workshop, self.course(), next, target, grading.stretch, grading.color)
            .map_err(|trouble| trouble.problem.title)
    }

    /// Waits for the next thing to show. It may be dropped and called again at any time: nothing is forgotten.
    pub async fn next(&mut self) -> Happening {
        let polling = self.watcher.as_ref().and_then(Watcher::polls_because);
        if let Some(why) = polling.filter(|_| !self.polling_reported) {
            self.polling_reported = true;
            return Happening::Polling(why.to_owned());
        }
        let now = self.run.as_ref().map(|run| run.now.clone());
        let serving = || now.as_ref().is_some_and(|now| now.borrow().serving);
        let report = tokio::select! {
            report = finished(&mut self.run) => report,
            paths = saved(&mut self.watcher, serving) => return Happening::Saved(paths),
        };
        self.run = None;
        if let Some(watcher) = &mut self.watcher {
            watcher.end_run();
        }
        let warnings = check::keep(self.workshop, &self.grading, &report);
        Happening::Graded(Box::new(report), warnings.into_iter().next())
    }
}

async fn finished(run: &mut Option<Run>) -> RunReport {
    match run {
        Some(run) => run.report.as_mut().await,
        None => std::future::pending().await,
    }
}

async fn saved(watcher: &mut Option<Watcher>, serving: impl Fn() -> bool) -> Vec<PathBuf> {
    match watcher {
        Some(watcher) => watcher.saved(serving).await,
        None => std::future::pending().await,
    }
}

/// The files on which the verdict on a target depends.
fn sources(workshop: &Workshop, target: &Target) -> Option<Sources> {
    match target {
        Target::Package(_) => Some(Sources::of_package(workshop.root().join(target.folder()?))),
        Target::Command(_) => Some(Sources::of_tree(std::env::current_dir().unwrap_or_else(|_| Path::new(".").to_owned()))),
        Target::Url(_) => None,
    }
}
