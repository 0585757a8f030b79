//! Every list that names the steps names all of them: a new step is missing in none.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use course::COURSE;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).expect("a file of the workshop")
}

#[test]
fn the_workspace_names_the_package_of_each_step_and_no_other() {
    let manifest: toml_edit::DocumentMut = read("Cargo.toml").parse().expect("TOML");
    let members = manifest["workspace"]["members"].as_array().expect("members").iter().filter_map(|member| member.as_str());
    let named: BTreeSet<&str> = members.filter(|member| !member.starts_with("checker")).collect();
    let of_steps = COURSE.steps.iter().flat_map(|step| ["solutions", "steps"].map(|folder| format!("{folder}/{}", step.slug)));
    let of_steps: BTreeSet<String> = of_steps.collect();
    assert_eq!(named, of_steps.iter().map(String::as_str).collect());
    assert!(named.iter().all(|member| !member.contains(['*', '?', '['])), "a pattern takes every folder for a package");
}

#[test]
fn the_readme_and_the_summary_of_the_book_name_every_chapter() {
    let (readme, summary) = (read("README.md"), read("docs/src/SUMMARY.md"));
    for step in COURSE.steps {
        assert!(readme.contains(&format!("(docs/src/{}.md)", step.slug)), "README.md does not name {}", step.slug);
        assert!(summary.contains(&format!("]({}.md)", step.slug)), "SUMMARY.md does not name {}", step.slug);
        let page = format!("kill-matrix/step-{:02}.md", step.number);
        assert!(summary.contains(&page), "SUMMARY.md does not name {page}");
    }
}

/// `python3 docs/picture.py` draws it again.
#[test]
fn the_picture_of_a_run_shows_the_checks_of_step_1_as_they_are() {
    let picture = read("docs/src/images/run.svg");
    let texts =
        picture.split("<text").skip(1).filter_map(|text| text.split_once('>')?.1.split_once("</text>").map(|(text, _)| text));
    let shown = texts.collect::<Vec<_>>().join(" ").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    let first = COURSE.steps.first().expect("a step");
    for check in first.own_checks().iter().filter(|check| !check.stretch) {
        let line = format!("{} {}", check.id, check.claim);
        assert!(shown.contains(&line), "the picture lacks `{line}`: draw it again with `python3 docs/picture.py`");
    }
}
