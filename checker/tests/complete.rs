//! The program that learners type builds the complete checker when a command needs it, and becomes it.

#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A workshop without progress, and a cargo that does what a script says.
struct Trial(tempfile::TempDir);

impl Trial {
    fn new(cargo: &str) -> Trial {
        let trial = Trial(tempfile::tempdir().expect("a folder"));
        for folder in ["steps", "checker", "solutions"] {
            fs::create_dir(trial.path(folder)).expect("a writable folder");
        }
        fs::write(trial.path("Cargo.toml"), "[workspace]\n").expect("a writable folder");
        trial.script("cargo", cargo);
        trial
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn script(&self, name: &str, body: &str) {
        fs::write(self.path(name), format!("#!/bin/sh\n{body}\n")).expect("a writable folder");
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755)).expect("a script");
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut checker = Command::new(env!("CARGO_BIN_EXE_checker"));
        checker.args(arguments).current_dir(self.0.path()).env("CARGO", self.path("cargo"));
        checker.output().expect("the checker runs")
    }
}

/// What cargo prints about a program that it has built.
fn artifact(program: &Path) -> String {
    format!(
        r#"echo '{{"reason":"compiler-artifact","package_id":"path+file:///w#checker-complete@0.1.0","target":{{"name":"checker-complete","kind":["bin"],"src_path":"{0}.rs"}},"manifest_path":"{0}.toml","executable":"{0}","fresh":false}}'"#,
        program.display()
    )
}

#[test]
fn the_complete_checker_gets_the_same_arguments_and_gives_the_exit_code() {
    let trial = Trial::new("");
    trial.script("complete", r#"echo "complete: $*"; exit 7"#);
    trial.script("cargo", &format!("echo \"cargo: $*\" >>cargo.log\n{}", artifact(&trial.path("complete"))));
    let output = trial.run(&["check", "3", "--only", "3.streak-gap"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "complete: check 3 --only 3.streak-gap\n");
    assert_eq!(output.status.code(), Some(7), "{}", String::from_utf8_lossy(&output.stderr));
    let asked = fs::read_to_string(trial.path("cargo.log")).expect("cargo was started");
    assert!(asked.starts_with("cargo: build --package checker-complete"), "{asked}");
}

#[test]
fn a_complete_checker_that_does_not_build_is_a_fault_of_the_checkout() {
    let trial = Trial::new("echo 'error: could not compile `course`' >&2; exit 101");
    let output = trial.run(&["list"]);
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{message}");
    assert!(message.contains("git checkout checker") && message.contains("could not compile `course`"), "{message}");
}
