//! Shows hints for a check, one more each time.

use super::{CommandError, CommandResult, closest, current_step, load_progress};
use crate::evidence;
use crate::progress::Progress;
use checkout::Workshop;
use harness::step::Course;
use model::exit;
use report::Style;
use report::terminal::{Ink, wrap};

/// Prints the hints shown before and the next one.
pub fn hint(workshop: &Workshop, course: &Course, id: Option<String>, style: &Style) -> CommandResult {
    print!("{}", text(workshop, course, id, "run the same command again", style)?);
    Ok(exit::PASSED)
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
            let step = current_step(course, &progress);
            let last = evidence::last_report(workshop.root(), step.slug);
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
    let shown = (before + 1).min(check.hints.len());
    Progress::update(workshop.root(), |progress| {
        progress.hints.insert(check.id.to_owned(), u8::try_from(shown).unwrap_or(u8::MAX));
    })?;
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
