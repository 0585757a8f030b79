//! `checker dev matrix`: shows that every check can fail, and that it fails for nothing but its own clause.

mod judge;
mod servers;
mod table;

use std::path::{Path, PathBuf};

use futures_util::StreamExt;
use futures_util::stream;

use checker::commands::status::StatusLine;
use checker::commands::{CommandError, CommandResult, known_step, tell};
use checker::report::Style;
use course::COURSE;
use engine::{Grading, grade, nobody};
use harness::step::Step;
use judge::Judged;
use model::{Problem, Target, exit};
use servers::{Programs, WrongServer};
use workshop::Workshop;

/// The seed of every run here, so that a failure can be repeated.
const SEED: u64 = 1;
/// Where the matrix is published.
const PUBLISHED: &str = "docs/src/kill-matrix.md";
/// Servers examined at the same time, per core. Many runs wait for a log line or an exit that never comes.
const AT_ONCE: usize = 3;

/// What of the matrix is run.
pub struct Selection {
    /// Every check of the step against every wrong server, in place of the declared ones and a control.
    pub full: bool,
    /// Only this step.
    pub step: Option<u8>,
    /// Only this wrong server.
    pub server: Option<String>,
}

/// Runs the matrix and tells it. With `write` it is published to that file too.
///
/// # Errors
///
/// The saboteur or a solution does not build, the selection names nothing, or the file cannot be written.
pub async fn run(workshop: &Workshop, selection: Selection, write: Option<PathBuf>, style: &Style) -> CommandResult {
    let steps: Vec<&Step> = match selection.step {
        Some(number) => vec![known_step(number)?],
        None => COURSE.steps.iter().collect(),
    };
    let mut status = StatusLine::default();
    status.line("Building the saboteur and the solutions");
    let programs = Programs::build(workshop.root()).await?;
    let catalogue = programs.catalogue().await?;
    let published = table::markdown(COURSE.steps, &catalogue);
    if let Some(file) = &write {
        publish(file, &published)?;
    }

    let numbers: Vec<u8> = steps.iter().map(|step| step.number).collect();
    let mut wanted: Vec<WrongServer> = steps.iter().map(|step| WrongServer::control(step.number)).collect();
    wanted.extend(catalogue.into_iter().filter(|server| numbers.contains(&server.step)));
    if let Some(name) = &selection.server {
        wanted.retain(|server| server.name == *name);
        if wanted.is_empty() {
            let remedy = "`cargo run -p saboteur -- list` shows them.";
            return Err(CommandError::usage(format!("There is no wrong server {name}."), remedy));
        }
    }

    let total = wanted.len();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut judged = Vec::with_capacity(total);
    let runs = wanted
        .iter()
        .enumerate()
        .map(async |(place, server)| (place, examine(workshop, &programs, server, selection.full).await));
    let mut runs = std::pin::pin!(stream::iter(runs).buffer_unordered(cores * AT_ONCE));
    while let Some((place, one)) = runs.next().await {
        status.line(&format!("Wrong server {}/{total} {}", judged.len() + 1, one.server.name));
        judged.push((place, one));
    }
    judged.sort_by_key(|(place, _)| *place);
    let mut judged: Vec<Judged> = judged.into_iter().map(|(_, one)| one).collect();
    // A machine that was too busy for a server is no reason to call a check wrong: once more, alone.
    let mut only_alone = Vec::new();
    for one in judged.iter_mut().filter(|one| !one.is_as_declared()) {
        status.line(&format!("Once more: {}", one.server.name));
        *one = examine(workshop, &programs, &one.server.clone(), selection.full).await;
        only_alone.extend(one.is_as_declared().then(|| one.server.name.clone()));
    }
    drop(status);

    let whole = selection.server.is_none();
    let stale = whole && selection.step.is_none() && !is_current(&workshop.root().join(PUBLISHED), &published);
    let told = table::text(&steps, &judged, whole, style);
    tell(&told.text)?;
    if !only_alone.is_empty() {
        tell(&format!("As declared only when nothing else ran beside: {}.\n", only_alone.join(", ")))?;
    }
    if stale {
        tell(&format!("\n{PUBLISHED} is not up to date: run `cargo run -p checker -- dev matrix --write {PUBLISHED}`.\n"))?;
    }
    Ok(if told.holds && !stale { exit::PASSED } else { exit::FAILED })
}

/// Grades one wrong server and compares what failed with what it declares.
async fn examine(workshop: &Workshop, programs: &Programs, server: &WrongServer, full: bool) -> Judged {
    let step = COURSE.step(server.step).expect("a wrong server is selected by its step");
    let only = match server.is_control() {
        true => Vec::new(),
        false if full => judge::affordable(server, &COURSE.checks_at(step)),
        false => judge::declared_and_control(server, &COURSE.checks_at(step)),
    };
    let grading = Grading {
        course: COURSE,
        step,
        target: Target::Command(programs.command(server)),
        only,
        stretch: true,
        seed: SEED,
        color: false,
    };
    let report = grade(&grading, workshop.root(), &mut nobody()).await;
    judge::judge(server, &report, &COURSE.checks_at(step))
}

fn publish(file: &Path, markdown: &str) -> Result<(), Problem> {
    std::fs::write(file, markdown).map_err(|error| {
        Problem::new(format!("{} could not be written: {error}.", file.display()), "Name a file in a folder that exists.")
    })
}

/// Whether the published matrix declares what the catalogue declares. One that was never published is not out of date.
fn is_current(file: &Path, markdown: &str) -> bool {
    std::fs::read_to_string(file).map_or(true, |published| published == markdown)
}
