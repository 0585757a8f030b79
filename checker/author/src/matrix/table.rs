//! The matrix for people: in the terminal, and published in the book.

use super::judge::Judged;
use super::servers::WrongServer;
use checker::report::terminal::{cap, escape};
use checker::report::{Ink, Style};
use harness::check::Check;
use harness::step::Step;

/// How much is shown of what a check expected or got.
const SURPRISE_MOST: usize = 600;

/// The matrix in words, and whether it is as it has to be.
pub struct Told {
    /// What to print.
    pub text: String,
    /// Whether every server failed what it declares, and every check is failed by some server.
    pub holds: bool,
}

/// The matrix that was run: per check the servers that fail it, then every server that is not as declared. With `whole` a
/// check that no server fails is a fault.
pub fn text(steps: &[&Step], judged: &[Judged], whole: bool, style: &Style) -> Told {
    let mut text = String::new();
    let mut untripped = Vec::new();
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
            for line in checker::report::terminal::wrap(&killers.join(" · "), style.width.saturating_sub(6)) {
                text += &format!("      {}\n", style.paint(Ink::Faint, &line));
            }
            if killers.is_empty() {
                untripped.push(check.id);
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
    if !untripped.is_empty() {
        text += &format!(" No server fails {}.", untripped.join(", "));
    }
    text.push('\n');
    Told { text, holds: surprising.is_empty() && untripped.is_empty() }
}

/// The matrix as it is declared, for the book. It holds nothing that changes from run to run.
pub fn markdown(steps: &[Step], servers: &[WrongServer]) -> String {
    let mut text = String::from(
        "# The kill matrix\n\n<!-- Written by `cargo run -p checker -- dev matrix --write docs/src/kill-matrix.md`. -->\n\n\
         How do we know that a check can fail? Each one is held against servers that are right but for one thing. A wrong server\n\
         names the checks it must fail; exactly those fail, what needs them is skipped, and everything else passes.\n\
         Reading what is wrong with a server of your step is a good way to learn what a check looks at.\n",
    );
    for step in steps {
        text += &format!("\n## Step {} · {}\n\n| check | failed by |\n| --- | --- |\n", step.number, step.title);
        for check in step.own_checks() {
            let names = servers.iter().filter(|server| server.trips.iter().any(|trip| trip == check.id));
            let names: Vec<String> = names.map(|server| format!("`{}`", server.name)).collect();
            text += &format!("| `{}` {} | {} |\n", check.id, claim(&check), names.join(" "));
        }
        text += "\n| wrong server | what is wrong |\n| --- | --- |\n";
        for server in servers.iter().filter(|server| server.step == step.number) {
            text += &format!("| `{}` | {} |\n", server.name, cell(&server.breaks));
        }
    }
    text
}

fn killers<'a>(judged: &'a [Judged], id: &'a str) -> impl Iterator<Item = &'a str> {
    judged.iter().filter(move |one| one.failed.iter().any(|failed| failed == id)).map(|one| one.server.name.as_str())
}

fn or_nothing(ids: &[String]) -> String {
    if ids.is_empty() { "nothing".into() } else { ids.join(", ") }
}

fn claim(check: &Check) -> String {
    cell(check.claim)
}

/// Text inside a cell of a Markdown table; what stands in angle brackets is no HTML.
fn cell(text: &str) -> String {
    text.replace('|', r"\|").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
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
    fn a_server_as_declared_stands_with_its_check() {
        let told = text(&[step()], &[judged("forgets", &["1.list"], &["1.list"], &[])], false, &PLAIN);
        assert!(told.holds);
        assert!(told.text.contains("  ✓ 1.list\n      forgets\n"), "{}", told.text);
        assert!(told.text.ends_with("\nWrong servers: 1, controls: 0, not as declared: 0.\n"), "{}", told.text);
    }

    #[test]
    fn a_surprise_is_told_with_what_was_declared_and_observed() {
        let told =
            text(&[step()], &[judged("forgets", &["1.list"], &[], &["1.list passes, though declared to fail"])], false, &PLAIN);
        assert!(!told.holds);
        let expected = "  ✗ forgets (step 1): It forgets.\n      declared 1.list\n      observed nothing\n      1.list passes, though declared to fail\n";
        assert!(told.text.contains(expected), "{}", told.text);
    }

    #[test]
    fn in_the_whole_matrix_a_check_that_nothing_fails_is_a_fault() {
        let rows = [judged("forgets", &["1.list"], &["1.list"], &[])];
        assert!(!text(&[step()], &rows, true, &PLAIN).holds);
    }

    #[test]
    fn the_published_matrix_names_every_check_and_every_server() {
        let server = judged("forgets", &["1.list"], &[], &[]).server;
        let markdown = markdown(course::COURSE.steps, &[server]);
        assert!(
            markdown.contains("| `1.list` GET /habits responds 200 with a JSON array of all habits | `forgets` |"),
            "{markdown}"
        );
        assert!(markdown.contains("| `forgets` | It forgets. |"), "{markdown}");
    }
}
