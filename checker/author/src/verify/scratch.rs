//! A small course in a temporary folder that keeps every rule, for tests to break.

use std::fs;

use super::facts::{CheckFacts, StepFacts};
use super::{Found, Violation};
use crate::generate;
use model::Problem;
use workshop::Workshop;
use workshop::starters::Outline;

/// The course, and the folder it is in while this lives.
pub struct Scratch {
    pub workshop: Workshop,
    pub steps: Vec<StepFacts>,
    _root: tempfile::TempDir,
}

const HABITS: &str = "\
// ANCHOR: create
fn create() -> u16 {
    201
}
// ANCHOR_END: create
//~ // TODO(create): answer 201.
//~ fn create() -> u16 {
//~     501
//~ }
";

impl Scratch {
    pub fn new() -> Self {
        let root = tempfile::tempdir().expect("a temporary folder");
        let workshop = Workshop::at(root.path());
        let steps = vec![step(1, "01-one", "create"), step(2, "02-two", "trimmed")];
        let scratch = Scratch { workshop, steps, _root: root };
        for step in &scratch.steps {
            let (number, slug) = (step.number, &step.slug);
            let id = &step.checks[0].id;
            scratch.write(&format!("solutions/{slug}/src/habits.rs"), HABITS);
            scratch.write(&format!("solutions/{slug}/Cargo.toml"), &format!("[package]\nname = \"solution-{slug}\"\n"));
            scratch.write(&format!("solutions/{slug}/README.md"), &format!("# Step {number}\n\n<!-- checks -->\n"));
            scratch.write(
                &format!("docs/src/{slug}.md"),
                &format!(
                    "# Step {number}\n\n## Creating a habit\n\n`{id}` proves it.\n\n\
                     ```rust\n{{{{#include ../../solutions/{slug}/src/habits.rs:create}}}}\n```\n"
                ),
            );
        }
        scratch.write("solutions/01-one/step.toml", "title = \"Step 1\"\n");
        scratch.write("solutions/02-two/step.toml", "title = \"Step 2\"\nchanges = [\"src/extra.rs\"]\n");
        scratch.write("solutions/02-two/src/extra.rs", "fn extra() {}\n");
        scratch.write("README.md", "Start with `cargo run -p checker -- hint 1.create`.\n");
        scratch.generate();
        scratch
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.workshop.root().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a writable folder");
        fs::write(path, text).expect("a writable folder");
    }

    pub fn remove(&self, path: &str) {
        fs::remove_file(self.workshop.root().join(path)).expect("the file was there");
    }

    pub fn generate(&self) {
        generate::run(&self.workshop, &self.outlines(), generate::Mode::Force).expect("right solutions");
    }

    pub fn outlines(&self) -> Vec<Outline> {
        self.steps.iter().map(StepFacts::outline).collect()
    }
}

fn step(number: u8, slug: &str, check: &str) -> StepFacts {
    StepFacts {
        number,
        slug: slug.to_owned(),
        title: format!("Step {number}"),
        checks: vec![CheckFacts {
            id: format!("{number}.{check}"),
            claim: "POST answers 201".to_owned(),
            hints: vec!["Think of the status.".to_owned()],
            anchor: "creating-a-habit".to_owned(),
            stretch: false,
        }],
    }
}

/// That a rule holds.
pub fn assert_holds(found: Found) {
    assert_eq!(found, Ok(Vec::new()));
}

/// That a rule has one violation, which says `what`.
#[track_caller]
pub fn assert_violated(found: Found, what: &str) {
    let violations: Result<Vec<Violation>, Problem> = found;
    let violations = violations.expect("the rule could look");
    assert_eq!(violations.len(), 1, "{violations:#?}");
    assert!(violations[0].what.contains(what), "{:?} does not say {what:?}", violations[0].what);
}
