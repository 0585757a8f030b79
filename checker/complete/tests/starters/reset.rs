//! `reset`: the beginning again, and the work is kept.

use std::fs;

use crate::scratch::{ONE, Scratch};

#[test]
fn a_step_is_as_the_learner_got_it_and_the_work_is_kept() {
    let scratch = Scratch::new();
    let habits = format!("steps/{ONE}/src/habits.rs");
    let pristine = scratch.read(&habits);
    scratch.write(&habits, "my work\n");
    scratch.write(&format!("steps/{ONE}/src/mine.rs"), "mine\n");

    let out = scratch.run(&["reset", "1"]).passed();
    assert_eq!(scratch.read(&habits), pristine);
    assert!(!scratch.exists(&format!("steps/{ONE}/src/mine.rs")));
    let backups = scratch.backups();
    assert_eq!(backups.len(), 1);
    assert!(out.contains(&format!("Your work is kept in .checker-backups/{}", backups[0])), "{out}");
    assert_eq!(scratch.read(&format!(".checker-backups/{}/src/habits.rs", backups[0])), "my work\n");
    assert_eq!(scratch.read(&format!(".checker-backups/{}/src/mine.rs", backups[0])), "mine\n");
}

#[test]
fn an_untouched_step_needs_no_backup() {
    let scratch = Scratch::new();
    scratch.write(&format!("steps/{ONE}/target/debug/app"), "built");
    let out = scratch.run(&["reset", "1"]).passed();
    assert!(out.contains("Nothing to do"), "{out}");
    assert!(scratch.backups().is_empty());
    assert!(scratch.exists(&format!("steps/{ONE}/target/debug/app")));
}

#[test]
fn a_step_whose_folder_is_gone_or_broken_comes_back() {
    let scratch = Scratch::new();
    let manifest = format!("steps/{ONE}/Cargo.toml");
    scratch.write(&manifest, "[package\n");
    scratch.run(&["reset", "1"]).passed();
    assert!(scratch.read(&manifest).contains("step-01-api-basics"));
    fs::remove_dir_all(scratch.path(&format!("steps/{ONE}"))).expect("the folder was there");
    scratch.run(&["reset", "1"]).passed();
    assert!(scratch.exists(&manifest));
    assert_eq!(scratch.backups().len(), 1, "where nothing was, nothing is kept");
}

#[test]
fn a_solution_that_is_missing_or_a_step_that_is_unknown_is_a_clear_message() {
    let scratch = Scratch::new();
    scratch.write(&format!("steps/{ONE}/src/habits.rs"), "my work\n");
    fs::remove_dir_all(scratch.path(&format!("solutions/{ONE}"))).expect("the folder was there");
    scratch.run(&["reset", "1"]).refused(4, "solutions/01-api-basics cannot be read");
    assert_eq!(scratch.read(&format!("steps/{ONE}/src/habits.rs")), "my work\n");
    scratch.run(&["reset", "77"]).refused(64, "There is no step 77");
}

#[test]
fn a_folder_for_backups_that_cannot_be_written_stops_before_anything_is_touched() {
    let scratch = Scratch::new();
    scratch.write(&format!("steps/{ONE}/src/habits.rs"), "my work\n");
    scratch.write(".checker-backups", "a file is in the way");
    scratch.run(&["reset", "1"]).refused(4, ".checker-backups cannot be written");
    assert_eq!(scratch.read(&format!("steps/{ONE}/src/habits.rs")), "my work\n");
}
