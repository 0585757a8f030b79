//! `solution`: a diff, for those who have passed.

use crate::scratch::{ONE, Scratch};

#[test]
fn before_a_step_is_passed_its_solution_stays_closed() {
    let scratch = Scratch::new();
    let message = scratch.run(&["solution", "1"]).refused(64, "once you have passed");
    assert!(message.contains("hint"), "{message}");
}

#[test]
fn afterwards_it_is_a_diff_from_one_s_own_files_with_one_s_own_names() {
    let scratch = Scratch::new();
    scratch.write(".checker-progress", "current 2\npassed 1\n");
    scratch.write(&format!("steps/{ONE}/src/habits.rs"), "use crate::app;\n\npub fn create() -> u16 {\n    200 + 1\n}\n");
    let out = scratch.run(&["solution", "1"]).passed();
    for part in ["--- src/habits.rs (yours)", "+++ src/habits.rs (solution)", "-    200 + 1", "+    201"] {
        assert!(out.contains(part), "{part:?} is missing in\n{out}");
    }
    assert!(!out.contains("solution_01") && !out.contains("src/main.rs"), "names are no difference: {out}");
}

#[test]
fn who_wrote_just_the_solution_is_reported() {
    let scratch = Scratch::new();
    scratch.write(".checker-progress", "current 2\npassed 1\n");
    scratch.write(&format!("steps/{ONE}/src/habits.rs"), "use crate::app;\n\npub fn create() -> u16 {\n    201\n}\n");
    let out = scratch.run(&["solution", "1"]).passed();
    assert!(out.contains("Your files are the same as the solution"), "{out}");
}
