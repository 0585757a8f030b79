//! People and programs can read the catalogue, and each sabotage can be run by its name.

use std::collections::HashSet;

use crate::support::{run_to_end, saboteur};
use serde_json::{Value, json};

/// How many sabotages run at the same time.
const THREADS: usize = 8;

fn catalogue() -> Vec<Value> {
    let list = saboteur(&["list", "--format", "json"]);
    assert!(list.status.success());
    serde_json::from_slice(&list.stdout).expect("the list is JSON")
}

fn text<'a>(sabotage: &'a Value, field: &str) -> &'a str {
    sabotage[field].as_str().expect("the field is a string")
}

#[test]
fn every_name_is_unique_and_kebab_case() {
    let mut seen = HashSet::new();
    for sabotage in &catalogue() {
        let name = text(sabotage, "name");
        let words =
            name.split('-').all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
        assert!(words, "{name}");
        assert!(name != "none" && seen.insert(name.to_owned()), "{name} is taken");
    }
}

#[test]
fn every_sabotage_says_what_it_breaks_and_which_checks_it_trips() {
    for sabotage in &catalogue() {
        let (name, breaks) = (text(sabotage, "name"), text(sabotage, "breaks"));
        assert!(breaks.ends_with('.') && breaks.len() > 10, "{name}: {breaks}");
        let trips = sabotage["trips"].as_array().expect("trips is an array");
        let step = sabotage["step"].to_string();
        assert!(trips.iter().any(|id| id.as_str().is_some_and(|id| id.split('.').next() == Some(&step))), "{name}: {trips:?}");
    }
}

#[test]
fn no_two_sabotages_break_the_same_thing() {
    let mut sentences = HashSet::new();
    for sabotage in &catalogue() {
        assert!(sentences.insert(text(sabotage, "breaks").to_owned()), "{} repeats another", text(sabotage, "name"));
    }
}

#[test]
fn every_sabotage_can_be_started() {
    let mut catalogue = catalogue();
    // An invalid PORT makes the mirror exit at once and the saboteur with it, unless the sabotage is about that.
    catalogue.retain(|sabotage| sabotage["trips"] != json!(["2.port-invalid"]));
    std::thread::scope(|scope| {
        for some in catalogue.chunks(catalogue.len().div_ceil(THREADS)) {
            scope.spawn(|| {
                for name in some.iter().map(|sabotage| text(sabotage, "name")) {
                    assert_eq!(run_to_end(name, "not-a-port").status.code(), Some(3), "{name}");
                }
            });
        }
    });
}

#[test]
fn the_list_for_people_has_a_line_for_each_sabotage() {
    let list = saboteur(&["list"]);
    assert_eq!(String::from_utf8_lossy(&list.stdout).lines().count(), catalogue().len());
}

#[test]
fn an_unknown_name_and_a_wrong_command_line_are_usage_errors() {
    for arguments in
        [&["run", "no-such-thing", "--", "true"][..], &["run", "none"], &["run", "none", "--"], &["list", "--yaml"], &[]]
    {
        let output = saboteur(arguments);
        assert_eq!(output.status.code(), Some(64), "{arguments:?}");
        assert!(!output.stderr.is_empty());
    }
}
