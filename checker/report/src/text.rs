//! The report for a person at a terminal: every verdict, the first failure in full, what to do next.

use super::failure;
use super::page::Page;
use super::subject::Subject;
use super::terminal::{Ink, Style, cap, columns, escape_line, keep_colors, log_line};
use model::{CheckReport, Kind, Problem, RunReport, StepVerdict, Verdict};

/// Characters of a compiler's message that are shown; the first errors matter most.
const COMPILER: usize = 100_000;
/// Supporting lines of a problem that are shown.
const DETAILS: usize = 20;

/// The whole report. Nothing the server sent can steer the terminal it is printed to.
pub fn text(report: &RunReport, style: &Style) -> String {
    text_with(report, style, "run the same command again")
}

/// The whole report. `again` says how the reader grades again.
pub fn text_with(report: &RunReport, style: &Style, again: &str) -> String {
    let mut page = Page::new(style);
    match &report.verdict {
        StepVerdict::NotBuilt(message) => {
            page.verbatim(&keep_colors(&cap(message.trim_end(), COMPILER), style.color));
            page.gap();
            page.prose(
                0,
                &format!("The crate does not build, so nothing was examined. Fix the first error above, then {again}."),
            );
            return page.finish();
        }
        StepVerdict::NotStarted(what) | StepVerdict::Environment(what) => {
            header(&mut page, report);
            // If nothing could be examined, every check would repeat the reason.
            if report.checks.iter().any(|check| !matches!(check.verdict, Verdict::Inconclusive(_))) {
                sections(&mut page, report);
            }
            page.gap();
            problem(&mut page, 0, Ink::Bad, what);
        }
        StepVerdict::Passed | StepVerdict::Failed | StepVerdict::Undecided => {
            header(&mut page, report);
            sections(&mut page, report);
            page.gap();
            page.prose(0, &summary(report));
            if let Some(check) = report.first_failure()
                && let Verdict::Fail(failure) = &check.verdict
            {
                page.gap();
                failure::show(&mut page, report, check, failure);
            }
        }
    }
    advice(&mut page, report);
    next(&mut page, report, again);
    page.finish()
}

fn header(page: &mut Page, report: &RunReport) {
    page.paragraph(0, Ink::Strong, &format!("Step {}: {}", report.step, report.title));
    let seconds = |duration: std::time::Duration| format!("{:.1} s", duration.as_secs_f64());
    let time = match report.build {
        Some(build) => format!("built in {}, all in {}", seconds(build), seconds(report.duration)),
        None => seconds(report.duration),
    };
    let target = escape_line(&cap(&report.target.to_string(), 300));
    page.paragraph(0, Ink::Faint, &format!("{target} · seed {} · {time}", report.seed));
}

/// Every check: the step's own, then the earlier steps', then the stretch ones.
fn sections(page: &mut Page, report: &RunReport) {
    let of = |kind| report.checks.iter().filter(|check| check.kind == kind).collect::<Vec<_>>();
    let (own, earlier, stretch) = (of(Kind::Core), of(Kind::Regression), of(Kind::Stretch));
    let titled = !earlier.is_empty() || !stretch.is_empty();
    if !own.is_empty() {
        page.gap();
        if titled {
            page.paragraph(0, Ink::Strong, &format!("Checks of step {}", report.step));
        }
        section(page, &own);
    }
    if !earlier.is_empty() {
        page.gap();
        page.paragraph(0, Ink::Strong, "Earlier steps: what passed there must still hold");
        let mut steps: Vec<_> = earlier.iter().map(|check| step_of(check)).collect();
        steps.dedup();
        for step in steps {
            let checks: Vec<_> = earlier.iter().filter(|check| step_of(check) == step).copied().collect();
            regressions(page, step, &checks);
        }
    }
    if !stretch.is_empty() {
        page.gap();
        page.paragraph(0, Ink::Strong, "Stretch: optional, not needed to pass");
        section(page, &stretch);
    }
}

/// The step whose check it is, as its id says.
fn step_of(check: &CheckReport) -> &str {
    check.id.split('.').next().unwrap_or_default()
}

/// Checks of an earlier step: one line if all pass, else how many pass and a line for each other one.
fn regressions(page: &mut Page, step: &str, checks: &[&CheckReport]) {
    let (held, broken): (Vec<_>, Vec<_>) = checks.iter().copied().partition(|check| matches!(check.verdict, Verdict::Pass));
    if !held.is_empty() {
        let which = if broken.is_empty() { "all " } else { "" };
        page.labeled(2, 4, (Ink::Good, "✓"), (Ink::Plain, &format!("{which}{} of step {step}", plural(held.len(), "check"))));
    }
    section(page, &broken);
}

/// One line a check; those that were skipped come last, together by reason.
fn section(page: &mut Page, checks: &[&CheckReport]) {
    let widest =
        checks.iter().filter(|check| !matches!(check.verdict, Verdict::Skipped(_))).map(|check| columns(&check.id)).max();
    let column = 4 + widest.unwrap_or_default() + 2;
    let mut skipped: Vec<(&str, Vec<&str>)> = Vec::new();
    for check in checks {
        let (mark, ink) = match &check.verdict {
            Verdict::Pass => ("✓", Ink::Good),
            Verdict::Fail(_) => ("✗", Ink::Bad),
            Verdict::Inconclusive(_) => ("?", Ink::Unsure),
            Verdict::Skipped(reason) => {
                match skipped.iter_mut().find(|(other, _)| other == reason) {
                    Some((_, ids)) => ids.push(&check.id),
                    None => skipped.push((reason, vec![check.id.as_str()])),
                }
                continue;
            }
        };
        page.labeled(2, column, (ink, &format!("{mark} {}", check.id)), (Ink::Plain, &check.title));
        if let Verdict::Inconclusive(why) = &check.verdict {
            let why = format!("undecided: {}", escape_line(&cap(why, 400)));
            page.paragraph(if column + 24 <= page.width() { column } else { 4 }, Ink::Unsure, &why);
        }
    }
    for (reason, ids) in skipped {
        let text = format!("skipped because {}: {}", escape_line(&cap(reason, 400)), ids.join(", "));
        page.labeled(2, 4, (Ink::Unsure, "–"), (Ink::Faint, &text));
    }
}

/// How many checks have each verdict: one sentence, and a second one for stretch checks if there are any.
fn summary(report: &RunReport) -> String {
    let (stretch, needed): (Vec<_>, Vec<_>) = report.checks.iter().partition(|check| check.kind == Kind::Stretch);
    match (needed.is_empty(), stretch.is_empty()) {
        (_, true) => tally(&needed, "check"),
        (true, false) => tally(&stretch, "stretch check"),
        (false, false) => format!("{} {}", tally(&needed, "core check"), tally(&stretch, "stretch check")),
    }
}

/// How many of these checks have each verdict.
fn tally(checks: &[&CheckReport], noun: &str) -> String {
    let count = |verdict: fn(&Verdict) -> bool| checks.iter().filter(|check| verdict(&check.verdict)).count();
    let (all, passed) = (checks.len(), count(|verdict| matches!(verdict, Verdict::Pass)));
    if all == passed && all > 1 {
        return format!("All {all} {noun}s passed.");
    }
    let parts = [
        (count(|verdict| matches!(verdict, Verdict::Fail(_))), "failed"),
        (count(|verdict| matches!(verdict, Verdict::Skipped(_))), "skipped"),
        (count(|verdict| matches!(verdict, Verdict::Inconclusive(_))), "undecided"),
    ];
    let mut text = format!("{passed} of {} passed", plural(all, noun));
    for (count, what) in parts.into_iter().filter(|(count, _)| *count > 0) {
        text += &format!(", {count} {what}");
    }
    text + "."
}

/// `1 check`, `2 checks`.
fn plural(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

fn problem(page: &mut Page, indent: usize, ink: Ink, problem: &Problem) {
    page.paragraph(indent, ink, &escape_line(&cap(&problem.title, 600)));
    page.prose(indent, &escape_line(&cap(&problem.remedy, 1_000)));
    let details = &problem.details;
    if details.len() > DETAILS {
        page.line(indent + 2, Ink::Faint, &format!("… {} more lines before these", details.len() - DETAILS));
    }
    for line in &details[details.len().saturating_sub(DETAILS)..] {
        page.line(indent + 2, Ink::Faint, &log_line(&cap(line, 300)));
    }
}

fn advice(page: &mut Page, report: &RunReport) {
    if report.advice.is_empty() {
        return;
    }
    page.gap();
    page.paragraph(0, Ink::Strong, "Advice: worth fixing, though no verdict depends on it");
    for advice in &report.advice {
        problem(page, 2, Ink::Unsure, advice);
    }
}

/// What to do now.
fn next(page: &mut Page, report: &RunReport, again: &str) {
    let subject = Subject::of(&report.target);
    page.gap();
    match &report.verdict {
        StepVerdict::Passed => passed(page, report, subject),
        StepVerdict::Failed => {
            let first = report.first_failure().map_or("the first check that fails", |check| &check.id);
            let place = subject.folder().map_or_else(|| "your server".to_owned(), |folder| format!("`{folder}`"));
            page.paragraph(0, Ink::Strong, "What to do next");
            page.prose(
                2,
                &format!("Change {place} until {first} passes, then {again}. When you are stuck, the hint above helps."),
            );
        }
        StepVerdict::Undecided => undecided(page, report, again),
        StepVerdict::NotStarted(_) => page.prose(0, &format!("When that is fixed, {again}.")),
        StepVerdict::Environment(_) => page.prose(0, &format!("Your code is not at fault. When this is fixed, {again}.")),
        StepVerdict::NotBuilt(_) => {}
    }
}

fn passed(page: &mut Page, report: &RunReport, subject: Subject) {
    let needed = || report.checks.iter().filter(|check| check.kind != Kind::Stretch);
    if !report.whole {
        match report.first_failure() {
            Some(failed) => page.prose(
                0,
                &format!("{} is a stretch check, which no step needs. To grade the whole step without those:", failed.id),
            ),
            None => page.prose(0, "The checks that you chose passed. To grade the whole step:"),
        }
        page.line(2, Ink::Code, &escape_line(&subject.check(report.step, "")));
        return;
    }
    if needed().any(|check| matches!(check.verdict, Verdict::Skipped(_))) {
        page.prose(0, "Every check that could be run on this target passed. To run the others too, examine the server with `--package` or `--command`.");
        return;
    }
    page.paragraph(0, Ink::Good, &format!("Step {} is complete.", report.step));
    if needed().count() == report.checks.len() {
        page.prose(2, "To try the stretch checks as well:");
        page.line(4, Ink::Code, &escape_line(&subject.check(report.step, " --stretch")));
    }
    if subject.folder().is_some() {
        page.prose(2, "To see how the reference solution differs from your code:");
        page.line(4, Ink::Code, &format!("cargo run -p checker -- solution {}", report.step));
    }
    match (subject.folder(), report.next_step) {
        (Some(_), Some(next)) => {
            page.prose(2, &format!("To carry your code into step {next}:"));
            page.line(4, Ink::Code, &format!("cargo run -p checker -- carry {next}"));
        }
        (_, None) => page.prose(2, "This is the last step."),
        (None, Some(_)) => {}
    }
}

fn undecided(page: &mut Page, report: &RunReport, again: &str) {
    let inconclusive = report.checks.iter().any(|check| matches!(check.verdict, Verdict::Inconclusive(_)));
    page.paragraph(0, Ink::Strong, "What to do next");
    if inconclusive {
        page.prose(2, &format!("No check failed, but this machine could not decide all of them. Your code is not at fault. Close other programs that keep the machine busy, then {again}."));
    } else {
        page.prose(2, "No check failed, but some could not be run on this target, so the step does not count as passed. Examine the server with `--package` or `--command` to run them all.");
    }
}
