//! Rules about check ids, claims and hints.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use super::facts::{StepFacts, checks};
use super::sources::ids;
use super::{Found, Violation, book};
use model::Problem;
use workshop::Workshop;
use workshop::folder;

/// How many hints a check has at most.
const MOST_HINTS: usize = 3;

/// Every id written as code in a README or in the book belongs to a check.
pub fn written_ids_exist(workshop: &Workshop, steps: &[StepFacts]) -> Found {
    let known = ids(steps);
    let mut pages = book::pages(workshop)?;
    let solutions = steps.iter().map(|step| workshop.solution(&step.slug).join("README.md"));
    for path in std::iter::once(workshop.root().join("README.md")).chain(solutions) {
        let text = read(&path)?;
        pages.push((path, text));
    }
    let mut found = Vec::new();
    for (path, text) in pages {
        for (line, id) in ids_in(&text) {
            if !known.contains(id.as_str()) {
                found.push(Violation::new(
                    format!("{}, line {line}: there is no check `{id}`", workshop.short(&path)),
                    "Correct the id, or add the check.",
                ));
            }
        }
    }
    Ok(found)
}

/// Every check's id is in its step's README, as the learner gets it, and in its step's chapter.
pub fn ids_are_written(workshop: &Workshop, steps: &[StepFacts]) -> Found {
    let mut found = Vec::new();
    for step in steps {
        for path in [workshop.step(&step.slug).join("README.md"), workshop.chapter(&step.slug)] {
            let text = read(&path)?;
            let written: BTreeSet<_> = ids_in(&text).into_iter().map(|(_, id)| id).collect();
            for check in step.checks.iter().filter(|check| !written.contains(&check.id)) {
                found.push(Violation::new(
                    format!("{} does not name `{}`", workshop.short(&path), check.id),
                    "Name the id, in backticks, where its subject is explained.",
                ));
            }
        }
    }
    Ok(found)
}

/// Every check has a claim of one sentence without its full stop, and one to three hints.
pub fn claims_and_hints(steps: &[StepFacts]) -> Vec<Violation> {
    let mut found = Vec::new();
    for check in checks(steps) {
        let mut add = |what: String, remedy: &str| found.push(Violation::new(format!("{} {what}", check.id), remedy));
        let claim = check.claim.trim();
        if claim.is_empty() {
            add("has no claim".into(), "Say in one sentence what the check proves.");
        } else if claim.ends_with('.') || claim.contains(". ") {
            add(format!("claims more than one sentence, or ends it: {claim}"), "Make it one sentence without a full stop.");
        }
        if check.hints.is_empty() || check.hints.len() > MOST_HINTS {
            add(format!("has {} hints", check.hints.len()), "Give one to three, from a nudge to nearly the answer.");
        }
        if check.hints.iter().any(|hint| hint.trim().is_empty()) {
            add("has an empty hint".into(), "Write it or remove it.");
        }
    }
    found
}

fn read(path: &PathBuf) -> Result<String, Problem> {
    fs::read_to_string(path).map_err(|error| folder::unreadable(path, &error))
}

/// Every id written as code, with the number of its line.
fn ids_in(text: &str) -> Vec<(usize, String)> {
    let mut fenced = false;
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            continue;
        }
        // Outside of fences every other piece between backticks is code.
        let pieces = line.split('`').enumerate();
        let code = pieces.filter(|(number, _)| fenced || number % 2 == 1);
        let words = code.flat_map(|(_, piece)| piece.split(|c: char| !is_of_word(c)));
        found.extend(words.filter_map(as_id).map(|id| (index + 1, id.to_owned())));
    }
    found
}

/// A quotation mark is part of a word, for `"1.name"` is the field of an imported habit.
fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '/' | '"')
}

/// The word without a final full stop, if it looks like `12.some-slug`.
fn as_id(word: &str) -> Option<&str> {
    let word = word.trim_end_matches('.');
    let (step, slug) = word.split_once('.')?;
    let number = (1..=2).contains(&step.len()) && step.bytes().all(|byte| byte.is_ascii_digit());
    let slug_like = slug.len() > 1
        && slug.starts_with(|c: char| c.is_ascii_lowercase())
        && slug.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    (number && slug_like).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::super::scratch::{Scratch, assert_holds, assert_violated};
    use super::*;

    #[test]
    fn a_right_course_holds_every_rule_about_ids() {
        let scratch = Scratch::new();
        assert_holds(written_ids_exist(&scratch.workshop, &scratch.steps));
        assert_holds(ids_are_written(&scratch.workshop, &scratch.steps));
        assert_holds(Ok(claims_and_hints(&scratch.steps)));
    }

    #[test]
    fn an_id_that_no_check_has_is_a_violation_wherever_it_is_written() {
        for path in ["README.md", "docs/src/page.md", "solutions/01-one/README.md"] {
            let scratch = Scratch::new();
            scratch.write(path, "Run\n```sh\ncargo run -p checker -- hint 1.gone\n```\n");
            assert_violated(written_ids_exist(&scratch.workshop, &scratch.steps), "line 3: there is no check `1.gone`");
        }
    }

    #[test]
    fn an_id_missing_from_the_readme_or_the_chapter_is_a_violation() {
        let scratch = Scratch::new();
        scratch.write("steps/01-one/README.md", "1.create is not in backticks\n");
        assert_violated(ids_are_written(&scratch.workshop, &scratch.steps), "steps/01-one/README.md does not name `1.create`");
        let scratch = Scratch::new();
        scratch.write("docs/src/02-two.md", "# Nothing\n");
        assert_violated(ids_are_written(&scratch.workshop, &scratch.steps), "docs/src/02-two.md does not name `2.trimmed`");
    }

    #[test]
    fn a_claim_is_one_sentence_without_a_full_stop() {
        for (claim, what) in [("", "has no claim"), ("It is.", "ends it"), ("It is. It was", "more than one")] {
            let mut scratch = Scratch::new();
            scratch.steps[0].checks[0].claim = claim.to_owned();
            assert_violated(Ok(claims_and_hints(&scratch.steps)), what);
        }
    }

    #[test]
    fn a_check_has_one_to_three_hints() {
        let hint = || "Look.".to_owned();
        for (hints, what) in [
            (Vec::new(), "has 0 hints"),
            (vec![hint(), hint(), hint(), hint()], "has 4 hints"),
            (vec![" ".to_owned()], "empty hint"),
        ] {
            let mut scratch = Scratch::new();
            scratch.steps[1].checks[0].hints = hints;
            assert_violated(Ok(claims_and_hints(&scratch.steps)), what);
        }
    }

    #[test]
    fn ids_are_distinguished_from_other_code() {
        let text =
            "`1.create`, `check 2.trimmed.` 1.not-code `v1.next` `127.0.0.1` `0.8.x` `1.x`\n`a/1.file` `\"1.name\"` `12.a-b2`\n";
        let ids: Vec<_> = ids_in(text).into_iter().map(|(_, id)| id).collect();
        assert_eq!(ids, ["1.create", "2.trimmed", "12.a-b2"]);
    }
}
