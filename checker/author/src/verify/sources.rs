//! Rules about the files of solutions and starters.

use std::collections::BTreeSet;
use std::fs;

use super::facts::{StepFacts, checks};
use super::{Found, Violation};
use crate::generate;
use model::Problem;
use workshop::Workshop;
use workshop::starters::{Manifest, rename};
use workshop::{Files, Folder, folder};

const REGENERATE: &str = "Edit the solution, then run `cargo run -p author -- generate`.";

/// Every starter is as generated, and every step and solution belongs to the course.
pub fn are_generated(workshop: &Workshop, steps: &[StepFacts]) -> Found {
    let outlines: Vec<_> = steps.iter().map(StepFacts::outline).collect();
    let generated = generate::run(workshop, &outlines, generate::Mode::Check)?;
    let differ = [(&generated.added, "is missing"), (&generated.changed, "differs"), (&generated.removed, "does not belong")];
    let differ = differ.into_iter().flat_map(|(paths, how)| paths.iter().map(move |path| (path, how)));
    let mut found: Vec<_> = differ.map(|(path, how)| Violation::new(format!("{path} {how}"), REGENERATE)).collect();
    for path in &generated.missing {
        found.push(Violation::new(format!("{path} does not exist"), "Write it, or take the step out of the course."));
    }
    for parent in [workshop.steps(), workshop.solutions()] {
        for slug in folders(&parent)? {
            if !steps.iter().any(|step| step.slug == slug) {
                let path = workshop.short(&parent.join(&slug));
                found.push(Violation::new(
                    format!("{path} belongs to no step of the course"),
                    "Remove it, or add the step to checker/course/src.",
                ));
            }
        }
    }
    Ok(found)
}

/// The names of the folders in a folder.
fn folders(parent: &std::path::Path) -> Result<Vec<String>, Problem> {
    let entries = fs::read_dir(parent).map_err(|error| folder::unreadable(parent, &error))?;
    let folders = entries.flatten().filter(|entry| entry.path().is_dir());
    let mut names: Vec<_> = folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    Ok(names)
}

/// Titles agree, `changes` is there from step 2 on, and `opens` names checks of earlier steps.
pub fn manifests(workshop: &Workshop, steps: &[StepFacts]) -> Found {
    let mut found = Vec::new();
    for step in steps {
        let manifest = Manifest::load(&workshop.solution(&step.slug))?;
        let path = format!("solutions/{}/step.toml", step.slug);
        let mut add = |what: String, remedy: &str| found.push(Violation::new(format!("{path}: {what}"), remedy));
        if manifest.title != step.title {
            let what = format!("the title is `{}`, and in the course `{}`", manifest.title, step.title);
            add(what, "Use one title in both.");
        }
        match (&manifest.changes, step.number) {
            (Some(_), 1) => add("`changes` is given, and there is no solution before".into(), "Leave `changes` out."),
            (None, 2..) => add("`changes` is missing".into(), "List every file that differs from the solution before."),
            _ => {}
        }
        for id in &manifest.opens {
            let earlier = steps.iter().filter(|earlier| earlier.number < step.number);
            if !earlier.flat_map(|step| &step.checks).any(|check| check.id == *id) {
                add(format!("`opens` names {id}, which is no check of an earlier step"), "Correct or remove it.");
            }
        }
    }
    Ok(found)
}

/// A solution differs from the one before in exactly the files that its manifest names. Names of packages do not count, and
/// the README, which always differs, need not be named.
pub fn changes(workshop: &Workshop, steps: &[StepFacts]) -> Found {
    let mut found = Vec::new();
    for (before, now) in steps.iter().zip(steps.iter().skip(1)) {
        let (old, new) = (before.outline(), now.outline());
        let old_files = renamed(old.finished(workshop)?, &old.package(), &new.package());
        let new_files = new.finished(workshop)?;
        let manifest = Manifest::load(&workshop.solution(&now.slug))?;
        let named: BTreeSet<_> = manifest.changes.unwrap_or_default().into_iter().collect();
        let all: BTreeSet<_> = old_files.keys().chain(new_files.keys()).chain(&named).collect();
        let folder = format!("solutions/{}", now.slug);
        for path in all {
            let differs = old_files.get(path) != new_files.get(path);
            if differs && !named.contains(path) && path != "README.md" {
                found.push(Violation::new(
                    format!("{folder}/{path} differs from solutions/{}/{path}, and step.toml does not say so", before.slug),
                    "Undo the difference, or add the file to `changes`.",
                ));
            }
            if !differs && named.contains(path) {
                found.push(Violation::new(
                    format!("{folder}/{path} is named in step.toml and does not differ from the solution before"),
                    "Remove it from `changes`.",
                ));
            }
        }
    }
    Ok(found)
}

fn renamed(files: Files, from: &str, to: &str) -> Files {
    let rename = |bytes: Vec<u8>| match folder::text(&bytes) {
        Some(text) => rename(text, from, to).into_bytes(),
        None => bytes,
    };
    files.into_iter().map(|(path, bytes)| (path, rename(bytes))).collect()
}

/// No starter holds an attribute or a lint setting that silences a warning.
pub fn no_allow(workshop: &Workshop, steps: &[StepFacts]) -> Found {
    let mut found = Vec::new();
    for step in steps {
        for (path, bytes) in Folder::read(&workshop.step(&step.slug))?.files {
            let Some(text) = folder::text(&bytes) else { continue };
            for (index, line) in text.lines().enumerate() {
                if silences(&path, line) {
                    found.push(Violation::new(
                        format!("steps/{}/{path}, line {}: {}", step.slug, index + 1, line.trim()),
                        "Write the stub so that nothing is unused.",
                    ));
                }
            }
        }
    }
    Ok(found)
}

fn silences(path: &str, line: &str) -> bool {
    let line = line.trim();
    if path.ends_with(".rs") {
        let attribute = line.starts_with("#[") || line.starts_with("#![");
        return attribute && (line.contains("allow(") || line.contains("expect("));
    }
    path.ends_with("Cargo.toml") && !line.starts_with('#') && line.contains("\"allow\"")
}

/// Every id of the course. Here because two files of rules need it.
pub fn ids(steps: &[StepFacts]) -> BTreeSet<&str> {
    checks(steps).map(|check| check.id.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::scratch::{Scratch, assert_holds, assert_violated};
    use super::*;

    type Rule = fn(&Workshop, &[StepFacts]) -> Found;

    fn holds(scratch: &Scratch, rule: Rule) {
        assert_holds(rule(&scratch.workshop, &scratch.steps));
    }

    #[track_caller]
    fn violated(scratch: &Scratch, rule: Rule, what: &str) {
        assert_violated(rule(&scratch.workshop, &scratch.steps), what);
    }

    #[test]
    fn a_right_course_holds_every_rule_about_sources() {
        let scratch = Scratch::new();
        for rule in [are_generated, manifests, changes, no_allow] {
            holds(&scratch, rule);
        }
    }

    #[test]
    fn a_starter_edited_by_hand_is_a_violation() {
        let scratch = Scratch::new();
        scratch.write("steps/01-one/src/habits.rs", "edited();\n");
        violated(&scratch, are_generated, "steps/01-one/src/habits.rs differs");
    }

    #[test]
    fn a_missing_and_a_foreign_file_are_violations() {
        let scratch = Scratch::new();
        scratch.remove("steps/02-two/src/extra.rs");
        violated(&scratch, are_generated, "steps/02-two/src/extra.rs is missing");
        scratch.generate();
        scratch.write("steps/02-two/src/foreign.rs", "foreign();\n");
        violated(&scratch, are_generated, "steps/02-two/src/foreign.rs does not belong");
    }

    #[test]
    fn a_folder_that_the_course_does_not_know_is_a_violation() {
        let scratch = Scratch::new();
        scratch.write("steps/99-other/Cargo.toml", "");
        violated(&scratch, are_generated, "steps/99-other belongs to no step");
    }

    #[test]
    fn a_course_without_a_solution_is_a_violation() {
        let scratch = Scratch::new();
        fs::remove_dir_all(scratch.workshop.solution("02-two")).expect("a writable folder");
        fs::remove_dir_all(scratch.workshop.step("02-two")).expect("a writable folder");
        violated(&scratch, are_generated, "solutions/02-two does not exist");
    }

    #[test]
    fn a_manifest_with_another_title_is_a_violation() {
        let scratch = Scratch::new();
        scratch.write("solutions/01-one/step.toml", "title = \"Other\"\n");
        violated(&scratch, manifests, "the title is `Other`");
    }

    #[test]
    fn changes_belong_to_every_manifest_but_the_first() {
        let scratch = Scratch::new();
        scratch.write("solutions/01-one/step.toml", "title = \"Step 1\"\nchanges = []\n");
        violated(&scratch, manifests, "there is no solution before");
        scratch.write("solutions/01-one/step.toml", "title = \"Step 1\"\n");
        scratch.write("solutions/02-two/step.toml", "title = \"Step 2\"\n");
        violated(&scratch, manifests, "`changes` is missing");
    }

    #[test]
    fn opens_names_checks_of_earlier_steps() {
        let scratch = Scratch::new();
        let manifest = |id| format!("title = \"Step 2\"\nchanges = [\"src/extra.rs\"]\nopens = [\"{id}\"]\n");
        scratch.write("solutions/02-two/step.toml", &manifest("1.create"));
        holds(&scratch, manifests);
        for id in ["1.nothing", "2.trimmed"] {
            scratch.write("solutions/02-two/step.toml", &manifest(id));
            violated(&scratch, manifests, id);
        }
    }

    #[test]
    fn a_difference_that_the_manifest_does_not_name_is_a_violation() {
        let scratch = Scratch::new();
        scratch.write("solutions/02-two/src/habits.rs", "other();\n");
        violated(&scratch, changes, "solutions/02-two/src/habits.rs differs");
    }

    #[test]
    fn a_file_that_is_gone_counts_as_a_difference() {
        let scratch = Scratch::new();
        scratch.remove("solutions/02-two/src/habits.rs");
        violated(&scratch, changes, "src/habits.rs differs");
        scratch.write("solutions/02-two/step.toml", "title = \"Step 2\"\nchanges = [\"src/extra.rs\", \"src/habits.rs\"]\n");
        holds(&scratch, changes);
    }

    #[test]
    fn a_named_file_that_does_not_differ_is_a_violation() {
        let scratch = Scratch::new();
        let manifest = "title = \"Step 2\"\nchanges = [\"src/extra.rs\", \"src/habits.rs\"]\n";
        scratch.write("solutions/02-two/step.toml", manifest);
        violated(&scratch, changes, "src/habits.rs is named in step.toml");
        let manifest = "title = \"Step 2\"\nchanges = [\"src/extra.rs\", \"src/nothing.rs\"]\n";
        scratch.write("solutions/02-two/step.toml", manifest);
        violated(&scratch, changes, "src/nothing.rs is named in step.toml");
    }

    #[test]
    fn the_package_s_name_and_marks_are_no_difference() {
        let scratch = Scratch::new();
        scratch.write("solutions/01-one/src/main.rs", "use solution_01_one::app;\n");
        scratch.write("solutions/02-two/src/main.rs", "// ANCHOR: a\nuse solution_02_two::app;\n// ANCHOR_END: a\n");
        holds(&scratch, changes);
    }

    #[test]
    fn a_silenced_warning_is_a_violation() {
        let scratch = Scratch::new();
        for line in ["#![allow(dead_code)]", "    #[expect(unused)]", "#[cfg_attr(test, allow(unused))]"] {
            scratch.write("steps/01-one/src/lib.rs", &format!("\n{line}\nfn a() {{}} // allow(me)\n"));
            violated(&scratch, no_allow, "steps/01-one/src/lib.rs, line 2");
        }
        scratch.remove("steps/01-one/src/lib.rs");
        scratch.write("steps/01-one/Cargo.toml", "[lints.rust]\nunused = \"allow\"\n");
        violated(&scratch, no_allow, "Cargo.toml, line 2");
    }
}
