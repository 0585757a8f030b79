//! Shows hints for a check, one more each time.

use super::{CommandError, CommandResult, closest, current_step, load_progress, print, warn};
use crate::evidence;
use crate::progress::Progress;
use checkout::Workshop;
use harness::step::Course;
use model::{RunReport, StepVerdict};
use report::Style;
use report::terminal::{Ink, escape, escape_line, wrap};

/// Prints the hints shown before and the next one.
pub fn hint(workshop: &Workshop, course: &Course, id: Option<String>, style: &Style) -> CommandResult {
    print(&text(workshop, course, id, "run the same command again", style)?)
}

/// What helps after a run in which no check could run; nothing if checks did run.
fn without_checks(report: &RunReport) -> Option<String> {
    let step = report.step;
    match &report.verdict {
        StepVerdict::NotBuilt(message) => {
            let error = message.lines().position(|line| line.starts_with("error")).unwrap_or_default();
            let shown: Vec<String> = message.lines().skip(error).take(2).map(|line| format!("  {}", escape_line(line))).collect();
            // Such as `error[E0308]: mismatched types`.
            let code = message.split_once("error[").and_then(|(_, rest)| rest.split(']').next());
            let explain = code.filter(|code| code.bytes().all(|c| c.is_ascii_alphanumeric()));
            let explain = explain.map(|code| format!("To read what it means: rustc --explain {code}\n")).unwrap_or_default();
            Some(format!(
                "Step {step} did not compile in your last run, so no check has run. The first error:\n\n{}\n\n\
                 Fix it first: the errors after it often follow from it.\n{explain}",
                shown.join("\n")
            ))
        }
        StepVerdict::NotStarted(problem) | StepVerdict::Environment(problem) => Some(format!(
            "No check has run in your last run of step {step}.\n\n{}\n{}\n",
            escape(&problem.title),
            escape(&problem.remedy)
        )),
        StepVerdict::Passed | StepVerdict::Failed | StepVerdict::Undecided => None,
    }
}

/// What `hint` prints. The number of hints shown is remembered; `again` says how to get the next one.
pub fn text(
    workshop: &Workshop,
    course: &Course,
    id: Option<String>,
    again: &str,
    style: &Style,
) -> Result<String, CommandError> {
    let progress = load_progress(workshop)?;
    let id = match id {
        Some(id) => id,
        None => {
            // The last run may have been of another step than the one the learner is at.
            let newest = evidence::newest(workshop.root()).and_then(|(number, _)| course.step(number));
            let step = newest.unwrap_or(current_step(course, &progress));
            let last = evidence::last_report(workshop.root(), step.slug);
            if let Some(text) = last.as_ref().and_then(without_checks) {
                return Ok(text);
            }
            let failed = last.as_ref().and_then(|report| Some(report.first_failure()?.id.clone()));
            let example = step.own_checks().first().map_or("ID", |check| check.id);
            failed.ok_or_else(|| {
                CommandError::usage(
                    format!("No check of step {} failed in your last run, so there is no hint to give.", step.number),
                    format!("Run `cargo run -p checker` first, or name a check: `cargo run -p checker -- hint {example}`."),
                )
            })?
        }
    };
    let Some(check) = course.check(&id) else {
        let close = closest(course, &id).map(|close| format!(" Did you mean {close}?")).unwrap_or_default();
        return Err(CommandError::usage(
            format!("There is no check {id}.{close}"),
            "`cargo run -p checker -- list` shows every id.",
        ));
    };
    let before = progress.hints.get(check.id).map_or(0, |shown| usize::from(*shown));
    let mut shown = (before + 1).min(check.hints.len());
    let remembered = Progress::update(workshop.root(), |progress| {
        progress.hints.insert(check.id.to_owned(), u8::try_from(shown).unwrap_or(u8::MAX));
    });
    match remembered {
        Ok((_, None)) => {}
        Ok((_, Some(notice))) => warn(&notice),
        Err(problem) => {
            // The next time would show the same hints again, and the last one never.
            warn(&problem);
            shown = check.hints.len();
        }
    }
    let mut text = format!("{}\n{}\n", style.paint(Ink::Strong, check.id), check.claim);
    for (number, hint) in check.hints.iter().take(shown).enumerate() {
        text += &format!("\nHint {} of {}:\n", number + 1, check.hints.len());
        for line in wrap(hint, style.width.saturating_sub(2)) {
            text += &format!("  {line}\n");
        }
    }
    text.push('\n');
    if shown < check.hints.len() {
        text += &format!("For the next hint, {again}.\n");
    }
    text += &format!("To read more: {}\n", check.chapter());
    Ok(text)
}
