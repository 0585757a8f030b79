//! Rules about the book, and what the book's files hold.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::facts::StepFacts;
use super::{Found, Violation};
use model::Problem;
use workshop::Workshop;
use workshop::folder;

/// Every check's anchor is the slug of a heading in its step's chapter.
pub fn anchors_exist(workshop: &Workshop, steps: &[StepFacts]) -> Found {
    let mut found = Vec::new();
    for step in steps {
        let path = workshop.chapter(&step.slug);
        let text = fs::read_to_string(&path).map_err(|error| folder::unreadable(&path, &error))?;
        let slugs = heading_slugs(&text);
        for check in step.checks.iter().filter(|check| !slugs.contains(&check.anchor)) {
            found.push(Violation::new(
                format!("{} points to #{}, and {} has no such heading", check.id, check.anchor, workshop.short(&path)),
                format!("Its headings are: {}.", slugs.join(", ")),
            ));
        }
    }
    Ok(found)
}

/// Every `{{#include …}}` names a file that exists and, if any, an anchor in it: mdBook says nothing when the anchor is missing.
pub fn includes_exist(workshop: &Workshop) -> Found {
    let mut found = Vec::new();
    for (path, text) in pages(workshop)? {
        for (index, line) in text.lines().enumerate() {
            for include in includes(line) {
                if let Some(what) = include_error(&path, include) {
                    found.push(Violation::new(
                        format!("{}, line {}: {what}", workshop.short(&path), index + 1),
                        "Correct the include, or add the anchor to the solution.",
                    ));
                }
            }
        }
    }
    Ok(found)
}

/// The arguments of the includes in a line.
fn includes(line: &str) -> impl Iterator<Item = &str> {
    let openings = ["{{#include ", "{{#rustdoc_include "];
    let starts = openings.into_iter().flat_map(|opening| line.match_indices(opening).map(move |(at, _)| at + opening.len()));
    starts.filter_map(|start| line[start..].split_once("}}").map(|(argument, _)| argument.trim()))
}

fn include_error(page: &Path, include: &str) -> Option<String> {
    let (file, part) = include.split_once(':').map_or((include, None), |(file, part)| (file, Some(part)));
    let path = page.parent().unwrap_or(page).join(file);
    let Ok(text) = fs::read_to_string(&path) else {
        return Some(format!("{file} does not exist"));
    };
    let anchor = part.filter(|part| part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'))?;
    let named =
        |line: &str| line.split_once("ANCHOR:").is_some_and(|(_, name)| name.trim().trim_end_matches("-->").trim() == anchor);
    (!text.lines().any(named)).then(|| format!("{file} has no anchor `{anchor}`"))
}

/// Every page of the book with its text, in the order of their paths.
pub fn pages(workshop: &Workshop) -> Result<Vec<(PathBuf, String)>, Problem> {
    let mut pages = Vec::new();
    pages_below(&workshop.root().join("docs/src"), &mut pages)?;
    pages.sort();
    Ok(pages)
}

fn pages_below(parent: &Path, pages: &mut Vec<(PathBuf, String)>) -> Result<(), Problem> {
    for entry in fs::read_dir(parent).map_err(|error| folder::unreadable(parent, &error))?.flatten() {
        let path = entry.path();
        if path.is_dir() {
            pages_below(&path, pages)?;
        } else if path.extension().is_some_and(|extension| extension == "md") {
            let text = fs::read_to_string(&path).map_err(|error| folder::unreadable(&path, &error))?;
            pages.push((path, text));
        }
    }
    Ok(())
}

/// The slugs that mdBook gives to the headings of a page.
fn heading_slugs(text: &str) -> Vec<String> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut fence: Option<&str> = None;
    let mut slugs = Vec::new();
    for line in text.lines() {
        let trimmed = line.trim_start();
        let sign = ["```", "~~~"].into_iter().find(|sign| trimmed.starts_with(sign));
        match (fence, sign) {
            (None, Some(_)) => fence = sign,
            (Some(open), Some(sign)) if open == sign => fence = None,
            (None, None) => {
                let Some(title) = heading(line) else { continue };
                let slug = slug(title);
                let count = seen.entry(slug.clone()).and_modify(|count| *count += 1).or_insert(0);
                slugs.push(if *count == 0 { slug } else { format!("{slug}-{count}") });
            }
            _ => {}
        }
    }
    slugs
}

fn heading(line: &str) -> Option<&str> {
    let title = line.trim_start_matches('#');
    let level = line.len() - title.len();
    ((1..=6).contains(&level) && title.starts_with(' ')).then(|| title.trim())
}

/// Letters, digits, `_` and `-` in lower case, a hyphen for each white space; or the id that the heading gives itself.
fn slug(title: &str) -> String {
    if let Some((_, id)) = title.strip_suffix('}').and_then(|title| title.rsplit_once("{#")) {
        return id.to_owned();
    }
    let kept = |c: char| match c {
        c if c.is_alphanumeric() || c == '_' || c == '-' => Some(c.to_ascii_lowercase()),
        c if c.is_whitespace() => Some('-'),
        _ => None,
    };
    title.chars().filter_map(kept).collect()
}

#[cfg(test)]
mod tests {
    use super::super::scratch::{Scratch, assert_holds, assert_violated};
    use super::*;

    #[test]
    fn a_right_course_holds_every_rule_about_the_book() {
        let scratch = Scratch::new();
        assert_holds(anchors_exist(&scratch.workshop, &scratch.steps));
        assert_holds(includes_exist(&scratch.workshop));
    }

    #[test]
    fn a_check_that_points_to_no_heading_is_a_violation() {
        let mut scratch = Scratch::new();
        scratch.steps[0].checks[0].anchor = "nowhere".to_owned();
        assert_violated(anchors_exist(&scratch.workshop, &scratch.steps), "1.create points to #nowhere");
    }

    #[test]
    fn a_missing_chapter_is_a_problem() {
        let scratch = Scratch::new();
        scratch.remove("docs/src/02-two.md");
        let problem = anchors_exist(&scratch.workshop, &scratch.steps).expect_err("no chapter");
        assert!(problem.title.contains("02-two.md cannot be read"), "{}", problem.title);
    }

    #[test]
    fn an_include_of_nothing_is_a_violation() {
        let scratch = Scratch::new();
        scratch.write("docs/src/page.md", "\n{{#include ../../solutions/01-one/src/gone.rs}}\n");
        assert_violated(includes_exist(&scratch.workshop), "docs/src/page.md, line 2: ");
        scratch.write("docs/src/page.md", "{{#rustdoc_include ../../solutions/01-one/src/habits.rs:gone}}\n");
        assert_violated(includes_exist(&scratch.workshop), "has no anchor `gone`");
        scratch.write("docs/src/page.md", "{{#include ../../solutions/01-one/src/habits.rs:2:5}}\n");
        assert_holds(includes_exist(&scratch.workshop));
    }

    #[test]
    fn slugs_are_those_of_mdbook() {
        let text = "# A, B & `C`\n\n```sh\n# no heading\n```\n## Same\n## Same\n#no\n### HEAD and OPTIONS {#head}\n";
        assert_eq!(heading_slugs(text), ["a-b--c", "same", "same-1", "head"]);
        assert_eq!(slug("Middleware: logging and request ids"), "middleware-logging-and-request-ids");
    }
}
