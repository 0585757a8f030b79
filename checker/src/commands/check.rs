//! Grading one step once: what `checker` and `checker check` do.

use super::consent::AtTerminal;
use super::{CommandError, CommandResult, closest, examined, load_progress, print, step_or_current};
use crate::cli::GradeArgs;
use crate::evidence;
use crate::progress::Progress;
use checkout::Workshop;
use engine::{Grading, grade};
use harness::step::{Course, Step};
use model::{RunReport, StepVerdict, Target};
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
    run(workshop, course, step_or_current(course, step, &progress)?, args, style).await
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
    print(&format!("{}\n", text.trim_end_matches('\n')))?;
    keep(workshop, &grading, &report)?;
    Ok(report.verdict.exit_code())
}

/// Keeps the evidence, and the progress if the step passed. The verdict is printed by now: if one of them cannot be written,
/// the other is.
pub fn keep(workshop: &Workshop, grading: &Grading, report: &RunReport) -> Result<(), CommandError> {
    let saved = evidence::save(workshop.root(), grading.step.slug, report);
    record(workshop, grading, report)?;
    saved?;
    Ok(())
}

/// Remembers a pass of the learner's own work. Solutions and URLs do not count as progress.
fn record(workshop: &Workshop, grading: &Grading, report: &RunReport) -> Result<(), CommandError> {
    let own = match &grading.target {
        Target::Package(package) => *package == grading.step.package(),
        Target::Command(_) => true,
        Target::Url(_) => false,
    };
    if own && grading.is_whole() && matches!(report.verdict, StepVerdict::Passed) {
        let step = grading.step;
        Progress::update(workshop.root(), |progress| {
            progress.passed.insert(step.number);
            progress.current = grading.course.number_after(step).unwrap_or(step.number).max(progress.current);
        })?;
    }
    Ok(())
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
