//! The catalogue can be read by people and programs, and each sabotage can be run by its name.

use std::collections::HashSet;

use crate::support::{run_to_end, saboteur};
use serde_json::Value;

/// How many sabotages are started at a time.
const THREADS: usize = 8;

fn catalogue() -> Vec<Value> {
    let list = saboteur(&["list", "--format", "json"]);
    assert!(list.status.success());
    serde_json::from_slice(&list.stdout).expect("the list is JSON")
}

fn text<'a>(sabotage: &'a Value, field: &str) -> &'a str {
    sabotage[field].as_str().expect("the field is a text")
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
fn a_name_breaks_a_clause_in_one_way_only() {
    let mut sentences = HashSet::new();
    for sabotage in &catalogue() {
        assert!(sentences.insert(text(sabotage, "breaks").to_owned()), "{} repeats another", text(sabotage, "name"));
    }
}

#[test]
fn every_sabotage_can_be_started() {
    let mut catalogue = catalogue();
    // A bad PORT ends the mirror at once, and the saboteur with it, unless that is what is sabotaged.
    catalogue.retain(|sabotage| text(sabotage, "name") != "bad-port-does-not-end" && !text(sabotage, "breaks").contains("PORT"));
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
fn people_get_a_line_for_each() {
    let list = saboteur(&["list"]);
    assert_eq!(String::from_utf8_lossy(&list.stdout).lines().count(), catalogue().len());
}

#[test]
fn an_unknown_name_or_a_wrong_command_line_is_a_usage_error() {
    for arguments in
        [&["run", "no-such-thing", "--", "true"][..], &["run", "none"], &["run", "none", "--"], &["list", "--yaml"], &[]]
    {
        let ended = saboteur(arguments);
        assert_eq!(ended.status.code(), Some(64), "{arguments:?}");
        assert!(!ended.stderr.is_empty());
    }
}
