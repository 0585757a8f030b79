//! The page for contributors describes the hooks as they are.

use std::collections::BTreeSet;

const PAGE: &str = include_str!("../../../../docs/src/contributing.md");
const SABOTAGE: &str = include_str!("../../src/sabotage.rs");
const EXAMPLE: &str = include_str!("../../src/catalogue/step_01/creating.rs");

#[test]
fn the_page_names_every_hook_and_no_other() {
    let table = PAGE.split("| hook |").nth(1).expect("a table of hooks").split("\n\n").next().unwrap_or_default();
    let rows = table.lines().skip(2);
    let documented: BTreeSet<&str> =
        rows.flat_map(|row| row.split('|').nth(1).unwrap_or_default().split('`').skip(1).step_by(2)).collect();
    // A hook takes the sabotage and returns it.
    let functions = SABOTAGE.split("    pub fn ").skip(1);
    let hooks: BTreeSet<&str> = functions
        .filter(|function| function.split('{').next().is_some_and(|signature| signature.contains("-> Self")))
        .filter_map(|function| function.split('(').next())
        .collect();
    assert!(hooks.contains("response"), "{hooks:?}");
    assert_eq!(documented, hooks);
}

#[test]
fn the_example_on_the_page_is_an_entry_of_the_catalogue() {
    let example = PAGE.split("```rust\nwrong(").nth(1).expect("an example").split("```").next().unwrap_or_default();
    let without_spaces = |text: &str| text.split_whitespace().collect::<String>();
    let example = format!("wrong({}", without_spaces(example));
    assert!(without_spaces(EXAMPLE).contains(example.trim_end_matches(',')), "{example}");
}
