//! A learner's step uses what was compiled for the checker: a crate that both need has the same features for both.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Crates that are compiled once more for the step, and why they must be.
const TWICE: &[&str] = &[
    // The checker needs its client, and nothing that a step names can ask for that. What stands on it follows: hyper-util.
    "hyper",
];

/// What is compiled for a package, tests left out: in each line a crate, its version and its features.
fn compiled_for(package: &str) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut tree = Command::new(cargo);
    tree.args(["tree", "--locked", "--offline", "--edges", "normal,build", "--prefix", "none", "--no-dedupe"]);
    tree.args(["--format", "{p} [{f}]", "--package", package]).current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = tree.output().expect("cargo can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("cargo writes UTF-8")
}

/// The crates that both need in the same version, but of which the second needs a build that the first does not.
fn built_again(first: &str, second: &str) -> BTreeMap<String, String> {
    let first: BTreeSet<_> = first.lines().collect();
    let crate_and_version = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
    let known: BTreeSet<_> = first.iter().map(|line| crate_and_version(line)).collect();
    let again = second.lines().filter(|line| !first.contains(line) && known.contains(&crate_and_version(line)));
    again.map(|line| (line.split(' ').next().unwrap_or_default().to_owned(), line.to_owned())).collect()
}

#[test]
fn what_the_checker_was_built_with_serves_the_first_step() {
    let again = built_again(&compiled_for("checker"), &compiled_for("step-01-api-basics"));
    let names: Vec<_> = again.keys().map(String::as_str).collect();
    let remedy = "Give the checker these features (its Cargo.toml says how), or name the crate in TWICE with the reason.";
    assert_eq!(names, TWICE, "The step needs other builds than the checker has: {again:#?}\n{remedy}");
}

#[test]
fn another_feature_is_another_build() {
    let checker = "checker v0.1.0 []\nmemchr v2.8.3 [alloc,std]\nsyn v3.0.9 [full]\ntokio v1.54.1 [full]\n";
    let step = "step v0.1.0 []\naxum v0.8.9 []\nmemchr v2.8.3 [alloc,default,std]\nsyn v2.0.1 []\ntokio v1.54.1 [full]\n";
    let again = built_again(checker, step);
    assert_eq!(again.into_values().collect::<Vec<_>>(), ["memchr v2.8.3 [alloc,default,std]"]);
}
