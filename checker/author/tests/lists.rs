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
