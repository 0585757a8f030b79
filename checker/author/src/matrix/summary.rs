//! The result of a run, for the terminal.

use super::judge::Judged;
use harness::step::Step;
use report::terminal::{cap, escape};
use report::{Ink, Style};

/// How much is shown of what a check expected or got.
const SURPRISE_MOST: usize = 600;

/// The result in words, and whether it is as declared.
pub struct Summary {
    /// What to print.
    pub text: String,
    /// Whether exactly the declared checks failed on each server, and every check failed on some server.
    pub holds: bool,
}

/// Lists the servers on which each check failed, then every server that is not as declared. With `whole`, every wrong server of
/// these steps was run, so a check that failed on none is a fault.
pub fn summarize(steps: &[&Step], judged: &[Judged], whole: bool, style: &Style) -> Summary {
    let mut text = String::new();
    let mut never_failed = Vec::new();
    for step in steps {
        if whole || judged.iter().any(|one| one.server.step == step.number) {
            text += &format!("{}\n", style.paint(Ink::Strong, &format!("Step {} · {}", step.number, step.title)));
        }
        for check in step.own_checks() {
            let killers: Vec<&str> = killers(judged, check.id).collect();
            if killers.is_empty() && !whole {
                continue;
            }
            let (ink, mark) = if killers.is_empty() { (Ink::Bad, "✗") } else { (Ink::Good, "✓") };
            text += &format!("  {} {}\n", style.paint(ink, mark), check.id);
            for line in report::terminal::wrap(&killers.join(" · "), style.width.saturating_sub(6)) {
                text += &format!("      {}\n", style.paint(Ink::Faint, &line));
            }
            if killers.is_empty() {
                never_failed.push(check.id);
            }
        }
    }
    let surprising: Vec<&Judged> = judged.iter().filter(|one| !one.is_as_declared()).collect();
    if !surprising.is_empty() {
        text += &format!("\n{}\n", style.paint(Ink::Strong, "Not as declared"));
    }
    for one in &surprising {
        let server = &one.server;
        text += &format!("  {} {} (step {}): {}\n", style.paint(Ink::Bad, "✗"), server.name, server.step, server.breaks);
        text += &format!("      declared {}\n      observed {}\n", or_nothing(&server.trips), or_nothing(&one.failed));
        for surprise in &one.surprises {
            for line in escape(&cap(surprise, SURPRISE_MOST)).lines() {
                text += &format!("      {line}\n");
            }
        }
    }
    let servers = judged.iter().filter(|one| !one.server.is_control()).count();
    let controls = judged.len() - servers;
    text += &format!("\nWrong servers: {servers}, controls: {controls}, not as declared: {}.", surprising.len());
    if !never_failed.is_empty() {
        text += &format!(" No wrong server fails {}.", never_failed.join(", "));
    }
    text.push('\n');
    Summary { text, holds: surprising.is_empty() && never_failed.is_empty() }
}

fn killers<'a>(judged: &'a [Judged], id: &'a str) -> impl Iterator<Item = &'a str> {
    judged.iter().filter(move |one| one.failed.iter().any(|failed| failed == id)).map(|one| one.server.name.as_str())
}

fn or_nothing(ids: &[String]) -> String {
    if ids.is_empty() { "nothing".into() } else { ids.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::super::servers::WrongServer;
    use super::*;

    const PLAIN: Style = Style { color: false, width: 100 };

    fn judged(name: &str, trips: &[&str], failed: &[&str], surprises: &[&str]) -> Judged {
        let owned = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        let server = WrongServer { name: name.into(), step: 1, breaks: "It forgets.".into(), trips: owned(trips) };
        Judged { server, failed: owned(failed), surprises: owned(surprises) }
    }

    fn step() -> &'static Step {
        course::COURSE.step(1).expect("there is a step 1")
    }

    #[test]
    fn a_server_as_declared_is_listed_with_its_check() {
        let summary = summarize(&[step()], &[judged("forgets", &["1.list"], &["1.list"], &[])], false, &PLAIN);
        assert!(summary.holds);
        assert!(summary.text.contains("  ✓ 1.list\n      forgets\n"), "{}", summary.text);
        assert!(summary.text.ends_with("\nWrong servers: 1, controls: 0, not as declared: 0.\n"), "{}", summary.text);
    }

    #[test]
    fn a_surprise_shows_what_was_declared_and_what_was_observed() {
        let summary = summarize(
            &[step()],
            &[judged("forgets", &["1.list"], &[], &["1.list passes, though declared to fail"])],
            false,
            &PLAIN,
        );
        assert!(!summary.holds);
        let expected = "  ✗ forgets (step 1): It forgets.\n      declared 1.list\n      observed nothing\n      1.list passes, though declared to fail\n";
        assert!(summary.text.contains(expected), "{}", summary.text);
    }

    #[test]
    fn in_the_whole_matrix_a_check_that_nothing_fails_is_a_fault() {
        let rows = [judged("forgets", &["1.list"], &["1.list"], &[])];
        assert!(!summarize(&[step()], &rows, true, &PLAIN).holds);
    }
}
