//! `author verify`: the course lint. Each rule returns every violation with its remedy.

mod book;
mod facts;
mod ids;
mod running;
#[cfg(test)]
mod scratch;
mod sources;

use checker::commands::status::StatusLine;
use checker::commands::{CommandResult, print};
use facts::StepFacts;
use model::{Problem, exit};
use report::{Ink, Style, escape};
use workshop::Workshop;

/// The result of a rule: every violation, or a problem that kept the rule from running.
type Found = Result<Vec<Violation>, Problem>;

/// Something in the course that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Violation {
    /// What is wrong, and where.
    what: String,
    /// What to do about it.
    remedy: String,
}

impl Violation {
    fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Violation { what: what.into(), remedy: remedy.into() }
    }
}

/// Checks the course against every rule; with `quick` only against those that build and run nothing.
///
/// # Errors
///
/// None: a problem that keeps a rule from running is printed in its place and counts as a violation.
pub async fn run(workshop: &Workshop, quick: bool, style: &Style) -> CommandResult {
    let steps = facts::from_course();
    let mut verified = Verified { style, broken: 0 };
    verified.rule("regenerating the starters changes nothing", sources::are_generated(workshop, &steps));
    verified.rule("every manifest agrees with the course", sources::manifests(workshop, &steps));
    verified.rule("a solution differs from the one before only where its manifest says", sources::changes(workshop, &steps));
    verified.rule("no starter silences a warning", sources::no_allow(workshop, &steps));
    verified.rule("every id that is written exists", ids::written_ids_exist(workshop, &steps));
    verified.rule("every id is in its step's README and chapter", ids::ids_are_written(workshop, &steps));
    verified.rule("every check has a claim and one to three hints", Ok(ids::claims_and_hints(&steps)));
    verified.rule("every check names a heading of its chapter", book::anchors_exist(workshop, &steps));
    verified.rule("every include of the book exists", book::includes_exist(workshop));
    if !quick {
        slow_rules(workshop, &steps, &mut verified).await;
    }
    match verified.broken {
        0 => print("The course keeps every rule.\n"),
        count => {
            print(&format!("Broken rules: {count}.\n"))?;
            Ok(exit::FAILED)
        }
    }
}

/// The rules that need cargo, or a running server.
async fn slow_rules(workshop: &Workshop, steps: &[StepFacts], verified: &mut Verified<'_>) {
    let status = waiting("Formatting");
    let found = running::formatted(workshop, steps).await;
    drop(status);
    verified.rule("starters and solutions are formatted", found);

    let status = waiting("Building the saboteur");
    let found = running::wrong_servers(workshop, steps).await;
    drop(status);
    verified.rule("every check fails on some wrong server", found);

    let mut status = waiting("Building");
    let found = running::no_warnings(workshop, steps, &mut status).await;
    drop(status);
    verified.rule("starters and solutions compile without a warning", found);

    let mut status = waiting("Grading the starters");
    let found = running::starters(workshop, steps, &mut status).await;
    drop(status);
    verified.rule("every starter passes the earlier checks and does not pass its own step", found);

    let mut status = waiting("Grading the solutions");
    let found = running::solutions(workshop, steps, &mut status).await;
    drop(status);
    verified.rule("every solution passes every check, stretch checks included", found);
}

/// A line on the terminal that says what is going on, until it is dropped.
fn waiting(text: &str) -> StatusLine {
    let mut status = StatusLine::default();
    status.line(text);
    status
}

/// The rules so far.
struct Verified<'a> {
    style: &'a Style,
    broken: usize,
}

impl Verified<'_> {
    /// Prints the result of one rule at once, since the slow rules come last.
    fn rule(&mut self, title: &str, found: Found) {
        let (text, held) = rule_text(self.style, title, found);
        self.broken += usize::from(!held);
        // If the output is closed, the exit code still reports the result.
        let _ = print(&text);
    }
}

/// A rule's line, the lines of its violations, and whether it holds.
fn rule_text(style: &Style, title: &str, found: Found) -> (String, bool) {
    let violations = match found {
        Ok(violations) => violations,
        Err(problem) => {
            let what = std::iter::once(problem.title).chain(problem.details).collect::<Vec<_>>().join("\n");
            vec![Violation::new(what, problem.remedy)]
        }
    };
    if violations.is_empty() {
        return (format!("{}  {title}\n", style.paint(Ink::Good, "  ok")), true);
    }
    let mut out = format!("{}  {title}\n", style.paint(Ink::Bad, "FAIL"));
    for violation in violations {
        for line in escape(&violation.what).lines() {
            out += &format!("      {line}\n");
        }
        out += &format!("        {}\n", style.paint(Ink::Faint, &format!("→ {}", escape(&violation.remedy))));
    }
    (out, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Style = Style { color: false, width: 100 };

    #[test]
    fn a_rule_that_holds_is_one_line() {
        assert_eq!(rule_text(&PLAIN, "it holds", Ok(Vec::new())), ("  ok  it holds\n".to_owned(), true));
    }

    #[test]
    fn a_violation_is_shown_with_its_remedy() {
        let found = Ok(vec![Violation::new("a.rs: wrong", "Fix it.")]);
        let expected = "FAIL  it holds\n      a.rs: wrong\n        → Fix it.\n";
        assert_eq!(rule_text(&PLAIN, "it holds", found), (expected.to_owned(), false));
    }

    #[test]
    fn a_rule_that_could_not_run_does_not_hold() {
        let (text, held) = rule_text(&PLAIN, "it holds", Err(Problem::new("No folder.", "Make it.")));
        assert!(!held && text.contains("No folder.") && text.contains("→ Make it."), "{text}");
    }
}
