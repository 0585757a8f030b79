//! Grading one step once: what `checker` and `checker check` do.

use super::consent::AtTerminal;
use super::edits;
use super::{CommandError, CommandResult, closest, examined, load_progress, print, step_or_current, warn};
use crate::cli::GradeArgs;
use crate::evidence;
use crate::output::note;
use crate::progress::Progress;
use checkout::Workshop;
use engine::{Grading, grade};
use harness::step::{Course, Step};
use model::{Problem, RunReport, StepVerdict, Target};
use report::{self, Format, Style};

/// Grades the step that was named, or the one the learner is at, and moves on when that passes.
pub async fn check(
    workshop: &Workshop,
    course: &'static Course,
    step: Option<u8>,
    args: GradeArgs,
    style: &Style,
) -> CommandResult {
    let progress = load_progress(workshop)?;
    let graded = step_or_current(course, step, &progress)?;
    let elsewhere = match step.is_none() && args.target.is_own() {
        true => edits::elsewhere(workshop, graded.slug),
        false => None,
    };
    let code = run(workshop, course, graded, args, style).await?;
    if let Some(folder) = elsewhere {
        let other = folder.split('-').next().unwrap_or_default().trim_start_matches('0');
        note(&format!(
            "\nThis was step {}. Your newest edits are in steps/{folder}: `cargo run -p checker -- check {other}` grades them.\n",
            graded.number
        ));
    }
    Ok(code)
}

async fn run(workshop: &Workshop, course: &'static Course, step: &'static Step, args: GradeArgs, style: &Style) -> CommandResult {
    for id in &args.only {
        known_check(course, id, step)?;
    }
    let grading = Grading {
        course,
        step,
        target: examined(workshop, &args.target, step)?,
        only: args.only,
        stretch: args.stretch,
        // Six digits are enough to differ, and can be typed.
        seed: args.seed.unwrap_or_else(|| fastrand::u64(..1_000_000)),
        color: style.color && args.format == Format::Text,
    };
    let mut terminal = AtTerminal::new(args.services.yes);
    let report = grade(&grading, workshop.root(), &mut terminal).await;
    drop(terminal);
    let text = report::write(&report, args.format, style);
    let printed = print(&format!("{}\n", text.trim_end_matches('\n')));
    for warning in keep(workshop, &grading, &report) {
        warn(&warning);
    }
    printed?;
    Ok(report.verdict.exit_code())
}

/// Keeps the evidence, and the progress if the step passed. Returns what could not be kept: the verdict stands all the same.
pub fn keep(workshop: &Workshop, grading: &Grading, report: &RunReport) -> Vec<Problem> {
    let saved = evidence::save(workshop.root(), grading.step.slug, report);
    let recorded = record(workshop, grading, report);
    saved.err().into_iter().chain(recorded.unwrap_or_else(Some)).collect()
}

/// Remembers a pass of the learner's own work; returns a notice if there is one. Solutions and URLs do not count as progress.
fn record(workshop: &Workshop, grading: &Grading, report: &RunReport) -> Result<Option<Problem>, Problem> {
    let own = match &grading.target {
        Target::Package(package) => *package == grading.step.package(),
        Target::Command(_) => true,
        Target::Url(_) => false,
    };
    if own && grading.is_whole() && matches!(report.verdict, StepVerdict::Passed) {
        let step = grading.step;
        let (_, notice) = Progress::update(workshop.root(), |progress| {
            progress.passed.insert(step.number);
            progress.current = grading.course.number_after(step).unwrap_or(step.number).max(progress.current);
        })?;
        return Ok(notice);
    }
    Ok(None)
}

/// A check that can be run at `step`.
fn known_check(course: &Course, id: &str, step: &Step) -> Result<(), CommandError> {
    if course.checks_at(step).iter().any(|check| check.id == id) {
        return Ok(());
    }
    let list = "`cargo run -p checker -- list` shows every id.";
    Err(match course.check(id) {
        Some(check) => CommandError::usage(
            format!("The check {id} belongs to step {}, and step {} is graded here.", check.step, step.number),
            format!("Try `cargo run -p checker -- check {} --only {id}`.", check.step),
        ),
        None => match closest(course, id) {
            Some(close) => CommandError::usage(format!("There is no check {id}. Did you mean {close}?"), list),
            None => CommandError::usage(format!("There is no check {id}."), list),
        },
    })
}
