//! `carry`: the learner's own work goes along, and nothing is lost.

use std::fs;
use std::thread;
use std::time::Duration;

use crate::scratch::{ONE, Scratch, TWO};

/// A workshop whose learner has solved step 1 in a way of their own.
fn solved() -> Scratch {
    let scratch = Scratch::new();
    scratch.write(&format!("steps/{ONE}/src/habits.rs"), "pub fn create() -> u16 {\n    200 + 1\n}\n");
    scratch.write(&format!("steps/{ONE}/src/mine.rs"), "use step_01_api_basics::app;\n");
    scratch.write(&format!("steps/{ONE}/tests/mine.rs"), "// step-01-api-basics\n");
    scratch.write(&format!("steps/{ONE}/target/debug/app"), "built");
    let manifest = scratch.read(&format!("steps/{ONE}/Cargo.toml"));
    scratch.write(&format!("steps/{ONE}/Cargo.toml"), &(manifest + "# I like dates.\nchrono = \"0.4\"\n"));
    scratch.write(".checker-progress", "current 2\npassed 1\n");
    scratch
}

fn step_two(scratch: &Scratch, path: &str) -> String {
    scratch.read(&format!("steps/{TWO}/{path}"))
}

#[test]
fn the_learner_s_own_work_goes_along_and_what_is_new_is_added() {
    let scratch = solved();
    let out = scratch.run(&["carry", "2"]).passed();

    assert_eq!(step_two(&scratch, "src/habits.rs"), "pub fn create() -> u16 {\n    200 + 1\n}\n");
    assert_eq!(step_two(&scratch, "src/mine.rs"), "use step_02_framework::app;\n");
    assert_eq!(step_two(&scratch, "tests/mine.rs"), "// step-02-framework\n");
    assert!(step_two(&scratch, "src/error.rs").starts_with("// TODO(error)"));
    assert!(step_two(&scratch, "README.md").starts_with("# Two"));
    assert!(!scratch.exists(&format!("steps/{TWO}/target")));
    let manifest = step_two(&scratch, "Cargo.toml");
    for line in ["name = \"step-02-framework\"", "# I like dates.\nchrono = \"0.4\"", "tracing.workspace = true"] {
        assert!(manifest.contains(line), "{manifest}");
    }

    for part in
        ["new files: src/error.rs", "new dependencies: tracing", "+use crate::error;", "`mod` line of yours: src/error.rs"]
    {
        assert!(out.contains(part), "{part:?} is missing in\n{out}");
    }
}

#[test]
fn the_step_as_it_was_is_kept() {
    let scratch = solved();
    let before = step_two(&scratch, "src/habits.rs");
    let out = scratch.run(&["carry", "2"]).passed();
    let backups = scratch.backups();
    assert_eq!(backups.len(), 1);
    assert!(out.contains(&format!(".checker-backups/{}", backups[0])), "{out}");
    assert_eq!(scratch.read(&format!(".checker-backups/{}/src/habits.rs", backups[0])), before);
}

#[test]
fn work_in_the_step_is_replaced_only_on_request_and_then_kept() {
    let scratch = solved();
    scratch.write(&format!("steps/{TWO}/src/precious.rs"), "precious\n");
    let message = scratch.run(&["carry", "2"]).refused(64, "steps/02-framework");
    assert!(message.contains("carry 2 --force"), "{message}");
    assert_eq!(step_two(&scratch, "src/precious.rs"), "precious\n");
    assert!(scratch.backups().is_empty());

    scratch.run(&["carry", "2", "--force"]).passed();
    scratch.run(&["carry", "2", "--force"]).passed();
    let backups = scratch.backups();
    assert_eq!(backups.len(), 2, "no backup is overwritten");
    assert_eq!(scratch.read(&format!(".checker-backups/{}/src/precious.rs", backups[0])), "precious\n");
}

#[test]
fn before_the_step_is_passed_nothing_of_its_solution_is_shown() {
    let scratch = solved();
    fs::remove_file(scratch.path(".checker-progress")).expect("it is there");
    let out = scratch.run(&["carry", "2"]).passed();
    assert!(out.contains("Step 1 is not passed yet") && out.contains("src/habits.rs"), "{out}");
    assert!(!out.contains("    201") && !out.contains("Ok(201)") && !out.contains("@@"), "{out}");
    let message = scratch.run(&["solution", "1"]).refused(64, "once you have passed");
    assert!(!message.contains("201"), "{message}");
}

#[test]
fn other_line_ends_are_no_work_and_no_difference() {
    let scratch = solved();
    for path in ["src/habits.rs", "src/main.rs", "src/error.rs", "Cargo.toml", "README.md"] {
        let path = format!("steps/{TWO}/{path}");
        scratch.write(&path, &scratch.read(&path).replace('\n', "\r\n"));
    }
    scratch.run(&["carry", "2"]).passed();
    let solution = "use crate::app;\n\npub fn create() -> u16 {\n    201\n}\n".replace('\n', "\r\n");
    scratch.write(&format!("steps/{ONE}/src/habits.rs"), &solution);
    let out = scratch.run(&["solution", "1"]).passed();
    assert!(!out.contains("habits.rs"), "{out}");
}

#[test]
fn there_is_nothing_to_carry_into_the_first_or_an_unknown_step() {
    let scratch = solved();
    scratch.run(&["carry", "1"]).refused(64, "Step 1");
    scratch.run(&["carry", "77"]).refused(64, "There is no step 77");
    assert!(scratch.backups().is_empty());
}

#[test]
fn a_manifest_that_is_broken_or_missing_stops_before_anything_is_touched() {
    let scratch = solved();
    let before = step_two(&scratch, "src/habits.rs");
    scratch.write(&format!("steps/{ONE}/Cargo.toml"), "[package]\nname = \n");
    scratch.run(&["carry", "2"]).refused(4, "steps/01-api-basics/Cargo.toml, line 2: ");
    fs::remove_file(scratch.path(&format!("steps/{ONE}/Cargo.toml"))).expect("the file was there");
    scratch.run(&["carry", "2"]).refused(4, "steps/01-api-basics/Cargo.toml is missing");
    assert_eq!(step_two(&scratch, "src/habits.rs"), before);
    assert!(scratch.backups().is_empty());
}

#[test]
fn a_broken_manifest_of_the_step_itself_is_named_too() {
    let scratch = solved();
    scratch.write(&format!("steps/{TWO}/Cargo.toml"), "[package\n");
    scratch.run(&["carry", "2"]).refused(4, "steps/02-framework/Cargo.toml, line 1: ");
    scratch.run(&["carry", "2", "--force"]).passed();
}

#[test]
fn a_step_before_that_is_gone_is_a_clear_message() {
    let scratch = solved();
    fs::remove_dir_all(scratch.path(&format!("steps/{ONE}"))).expect("the folder was there");
    scratch.run(&["carry", "2"]).refused(4, "steps/01-api-basics cannot be read");
}

#[test]
fn a_folder_that_cannot_be_written_stops_before_anything_is_touched() {
    let scratch = solved();
    scratch.write(".checker-backups", "a file is in the way");
    scratch.run(&["carry", "2"]).refused(4, ".checker-backups cannot be written");
    assert!(step_two(&scratch, "src/habits.rs").contains("crate::error"));
}

#[test]
#[cfg(unix)]
fn a_folder_without_permission_stops_before_anything_is_touched() {
    use std::os::unix::fs::PermissionsExt;
    let scratch = solved();
    let steps = scratch.path("steps");
    fs::set_permissions(&steps, fs::Permissions::from_mode(0o555)).expect("our own folder");
    if crate::scratch::permissions_count(&steps) {
        scratch.run(&["carry", "2"]).refused(4, "cannot be moved");
        assert!(step_two(&scratch, "src/habits.rs").contains("crate::error"));
    }
    fs::set_permissions(&steps, fs::Permissions::from_mode(0o755)).expect("our own folder");
}

#[test]
#[cfg(unix)]
fn a_link_is_not_followed_out_of_the_folder() {
    let scratch = solved();
    scratch.write("outside/secret.txt", "secret\n");
    std::os::unix::fs::symlink(scratch.path("outside"), scratch.path(&format!("steps/{ONE}/outside"))).expect("a link");
    let out = scratch.run(&["carry", "2"]).passed();
    assert!(out.contains("not copied, because they are links or not plain files: outside"), "{out}");
    assert!(!scratch.exists(&format!("steps/{TWO}/outside")));
}

#[test]
fn a_file_of_the_learner_s_with_the_name_of_a_new_one_stays_and_the_difference_is_shown() {
    let scratch = solved();
    scratch.write(&format!("steps/{ONE}/src/error.rs"), "pub struct Mine;\n");
    let out = scratch.run(&["carry", "2"]).passed();
    assert_eq!(step_two(&scratch, "src/error.rs"), "pub struct Mine;\n");
    assert!(out.contains("src/error.rs (yours)") && out.contains("+pub struct Error;"), "{out}");
}

#[test]
fn whose_terminal_stands_in_the_replaced_folder_is_reported() {
    let scratch = solved();
    let out = scratch.run_in(&format!("steps/{TWO}/src"), &["carry", "2"]).passed();
    assert!(out.contains("cd \"$PWD\""), "{out}");
}

#[test]
fn open_tasks_of_the_step_before_are_reported() {
    let scratch = Scratch::new();
    let out = scratch.run(&["carry", "2"]).passed();
    assert!(out.contains("still marked TODO from step 1"), "{out}");
}

#[test]
fn a_run_that_was_interrupted_between_the_renames_is_finished_by_the_next() {
    let scratch = solved();
    scratch.run(&["carry", "2"]).passed();
    fs::rename(scratch.path(&format!("steps/{TWO}")), scratch.path(&format!(".checker-backups/.ready-{TWO}")))
        .expect("a writable folder");
    let out = scratch.run(&["carry", "2", "--force"]).passed();
    assert!(out.contains("interrupted"), "{out}");
    assert_eq!(step_two(&scratch, "src/mine.rs"), "use step_02_framework::app;\n");
}

#[test]
fn a_run_killed_at_any_moment_loses_nothing() {
    let scratch = solved();
    let marker = format!("steps/{TWO}/src/precious.rs");
    scratch.write(&marker, "precious\n");
    for round in 0..20 {
        let mut run = scratch.command(&["carry", "2", "--force"]).stdout(std::process::Stdio::null()).spawn().expect("it starts");
        thread::sleep(Duration::from_micros(round * 700));
        let _ = run.kill();
        run.wait().expect("it ends");
        let in_backup = |name: &String| scratch.exists(&format!(".checker-backups/{name}/src/precious.rs"));
        assert!(scratch.exists(&marker) || scratch.backups().iter().any(in_backup), "round {round}");
    }
    scratch.run(&["carry", "2", "--force"]).passed();
    assert_eq!(step_two(&scratch, "src/mine.rs"), "use step_02_framework::app;\n");
}

#[test]
fn two_at_once_do_not_mix() {
    let scratch = solved();
    fs::create_dir(scratch.path(".checker-backups")).expect("a writable folder");
    let lock = fs::File::create(scratch.path(".checker-backups/.lock")).expect("a writable folder");
    lock.lock().expect("nobody else is there");
    scratch.run(&["carry", "2"]).refused(4, "Another checker is replacing files");
}
