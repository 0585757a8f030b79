//! `author matrix`: shows that every check can fail, and that it fails for no other reason than its own claim.

mod changes;
mod judge;
mod pages;
mod selection;
mod servers;
mod summary;

use std::collections::BTreeMap;
use std::rc::Rc;

use futures_util::StreamExt;
use futures_util::stream;

use checker::commands::status::StatusLine;
use checker::commands::{CommandResult, print};
use course::COURSE;
use engine::{Event, Grading, OnEvent, grade_with, ignore_events, start_fixtures};
use fixtures::Running;
use judge::Judged;
use model::{Target, exit};
use report::Style;
pub use selection::Selection;
use servers::{Programs, WrongServer};
use workshop::Workshop;

/// The seed of every run here, so that a failure can be repeated.
const SEED: u64 = 1;
/// Servers examined at the same time, per core. Many runs wait for a log line or an exit that never comes.
const AT_ONCE: usize = 3;

/// Runs the selected part of the matrix and prints the result.
///
/// # Errors
///
/// The saboteur or a solution does not build, the selection names nothing, or there is no PostgreSQL.
pub async fn run(workshop: &Workshop, selection: Selection, style: &Style) -> CommandResult {
    let steps = selection.steps(workshop.root()).await?;
    if let Some(revision) = &selection.changed {
        let numbers: Vec<String> = steps.iter().map(|step| step.number.to_string()).collect();
        let numbers = if numbers.is_empty() { "none".into() } else { numbers.join(", ") };
        print(&format!("Steps affected by the changes since {revision}: {numbers}.\n"))?;
        if steps.is_empty() {
            return Ok(exit::PASSED);
        }
    }
    let mut status = StatusLine::default();
    status.line("Building the saboteur and the solutions");
    let programs = Programs::build(workshop.root()).await?;
    let catalogue = programs.catalogue().await?;
    let servers = selection.servers(&steps, &catalogue)?;
    let mut fixtures = BTreeMap::new();
    for step in &steps {
        let mut observer = OnEvent(|event: Event<'_>| status.show(event));
        fixtures.insert(step.number, start_fixtures(step, workshop.root(), &mut observer).await?);
    }

    let matrix = Matrix { workshop, programs, selection: &selection, fixtures };
    let mut judged = matrix.run_side_by_side(&servers, &mut status).await;
    let only_alone = matrix.repeat_surprising(&mut judged, &mut status).await;
    drop(matrix);
    drop(status);

    let summary = summary::summarize(&steps, &judged, selection.has_whole_steps(), style);
    print(&summary.text)?;
    if !only_alone.is_empty() {
        print(&format!("As declared only when run alone: {}.\n", only_alone.join(", ")))?;
    }
    let stale = match selection.is_everything() {
        true => pages::stale(workshop.root(), &pages::pages(COURSE.steps, &catalogue)),
        false => Vec::new(),
    };
    if !stale.is_empty() {
        let (folder, names) = (pages::FOLDER, stale.join(", "));
        print(&format!("\nNot up to date in {folder}: {names}. Run `cargo run -p author -- matrix --write`.\n"))?;
    }
    Ok(if summary.holds && stale.is_empty() { exit::PASSED } else { exit::FAILED })
}

/// Writes the pages of the book; runs nothing.
///
/// # Errors
///
/// The saboteur does not build, or a page cannot be written.
pub async fn write(workshop: &Workshop) -> CommandResult {
    let mut status = StatusLine::default();
    status.line("Building the saboteur and the solutions");
    let catalogue = Programs::build(workshop.root()).await?.catalogue().await?;
    drop(status);
    let pages = pages::pages(COURSE.steps, &catalogue);
    pages::write(workshop.root(), &pages)?;
    print(&format!("Wrote {} pages in {}.\n", pages.len(), pages::FOLDER))
}

/// What all runs share.
struct Matrix<'a> {
    workshop: &'a Workshop,
    programs: Programs,
    selection: &'a Selection,
    /// The fixtures of each step. Each run makes parts of its own: a service for each run costs more than most runs do.
    fixtures: BTreeMap<u8, Rc<[Box<dyn Running>]>>,
}

impl Matrix<'_> {
    /// Runs the servers, a few at a time, and judges them; the result has their order. They run in another one: those of a later step
    /// wait more, and those of an earlier step compute meanwhile.
    async fn run_side_by_side(&self, servers: &[WrongServer], status: &mut StatusLine) -> Vec<Judged> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut mixed: Vec<(usize, &WrongServer)> = servers.iter().enumerate().collect();
        // A control takes longest, so it begins.
        mixed.sort_by_key(|(_, server)| (!server.is_control(), server.hash()));
        let runs = mixed.into_iter().map(async |(place, server)| (place, self.examine(server).await));
        let mut runs = std::pin::pin!(stream::iter(runs).buffer_unordered(cores * AT_ONCE));
        let mut judged = Vec::with_capacity(servers.len());
        while let Some((place, one)) = runs.next().await {
            judged.push((place, one));
            status.line(&format!("Wrong server {}/{} {}", judged.len(), servers.len(), servers[place].name));
        }
        judged.sort_by_key(|(place, _)| *place);
        judged.into_iter().map(|(_, one)| one).collect()
    }

    /// Runs those once more that are not as declared, each alone: a machine that was too busy proves nothing about a check.
    /// Gives the names of those that are as declared now.
    async fn repeat_surprising(&self, judged: &mut [Judged], status: &mut StatusLine) -> Vec<String> {
        let mut only_alone = Vec::new();
        for one in judged.iter_mut().filter(|one| !one.is_as_declared()) {
            status.line(&format!("Once more: {}", one.server.name));
            *one = self.examine(&one.server.clone()).await;
            only_alone.extend(one.is_as_declared().then(|| one.server.name.clone()));
        }
        only_alone
    }

    /// Grades one server and compares what failed with what it declares.
    async fn examine(&self, server: &WrongServer) -> Judged {
        let step = COURSE.step(server.step).expect("a wrong server is selected by its step");
        let mut only = if server.is_control() { self.selection.check.iter().cloned().collect() } else { server.trips.clone() };
        if !server.is_control() {
            only.extend(judge::control(server, COURSE.checks_at(step)).map(|check| check.id.to_owned()));
        }
        let (course, target) = (COURSE, Target::Command(self.programs.command(server)));
        let grading = Grading { course, step, target, only, stretch: true, seed: SEED, color: false };
        let mut checks = grading.checks();
        if self.selection.full && !server.is_control() {
            checks = judge::affordable(server, COURSE.checks_at(step));
        }
        let fixtures = self.fixtures.get(&server.step).cloned();
        let report = grade_with(checks, fixtures, &grading, self.workshop.root(), &mut ignore_events()).await;
        judge::judge(server, &report, &COURSE.checks_at(step))
    }
}
