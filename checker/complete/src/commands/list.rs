//! Shows the steps, their checks, and where the learner is.

use super::{CommandResult, current_step, known_step, load_progress, print};
use checker::evidence;
use harness::step::{Course, Step};
use model::Verdict;
use report::Style;
use report::terminal::Ink;
use workshop::Workshop;

/// Prints every step, or only one, with its checks and their verdicts in the last run.
pub fn list(workshop: &Workshop, course: &Course, only: Option<u8>, style: &Style) -> CommandResult {
    let only = only.map(|number| known_step(course, number)).transpose()?;
    print(&text(workshop, course, only, style)?)
}

/// What `list` prints.
pub fn text(workshop: &Workshop, course: &Course, only: Option<&Step>, style: &Style) -> Result<String, super::CommandError> {
    let progress = load_progress(workshop)?;
    let current = current_step(course, &progress).number;
    let mut text = String::new();
    for step in course.steps.iter().filter(|step| only.is_none_or(|only| only.number == step.number)) {
        let (ink, state) = match (progress.passed.contains(&step.number), step.number == current) {
            (true, true) => (Ink::Good, "passed, you are here"),
            (true, false) => (Ink::Good, "passed"),
            (false, true) => (Ink::Strong, "you are here"),
            (false, false) => (Ink::Faint, "not yet passed"),
        };
        let heading = format!("Step {}: {} ({state})", step.number, step.title);
        text += &format!("{}\n", style.paint(ink, &heading));
        text += &format!("  steps/{slug}, chapter docs/src/{slug}.md\n", slug = step.slug);
        let last = evidence::last_report(workshop.root(), step.slug);
        for check in step.own_checks() {
            let last = last.iter().flat_map(|report| &report.checks).find(|one| one.id == check.id);
            let (ink, mark) = match last.map(|report| &report.verdict) {
                Some(Verdict::Pass) => (Ink::Good, "✓"),
                Some(Verdict::Fail(_)) => (Ink::Bad, "✗"),
                Some(Verdict::Inconclusive(_)) => (Ink::Unsure, "?"),
                Some(Verdict::Skipped(_)) | None => (Ink::Faint, "·"),
            };
            let extra = if check.stretch { " (stretch)" } else { "" };
            text += &format!("  {} {:<22} {}{extra}\n", style.paint(ink, mark), check.id, check.claim);
        }
        text.push('\n');
    }
    text += "✓ passed, ✗ failed, ? undecided in your last run of the step; · not run.\n";
    Ok(text)
}
