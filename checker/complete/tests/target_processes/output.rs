//! Output that cannot be written: a reader that is gone is no error, a full disk is one.

use std::fs;
use std::process::{Command, Stdio};

use crate::trial::Trial;

/// Commands that print something and come to an end.
const COMMANDS: &[&[&str]] = &[&["list"], &["hint", "1.create"], &["doctor"], &["--help"]];

/// Runs the checker into a pipe that nobody reads.
fn into_a_closed_pipe(mut command: Command) -> (Option<i32>, String) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the checker starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("our own child");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_reader_that_is_gone_is_no_error() {
    let trial = Trial::new();
    for arguments in COMMANDS {
        let (code, said) = into_a_closed_pipe(trial.checker(arguments));
        assert!(matches!(code, Some(0 | 4)) && !said.contains("panicked"), "{arguments:?}: {code:?} {said}");
    }
    let misfit = trial.misfit("behaves");
    for format in ["text", "json", "junit"] {
        let (code, said) = into_a_closed_pipe(trial.checker(&["check", "1", "--format", format, "--command", &misfit]));
        assert_eq!(code, Some(1), "{format}: {said}");
    }
    trial.expect_nothing_left();
}

#[test]
fn an_output_that_is_full_is_reported_and_never_a_success() {
    let trial = Trial::new();
    let full = || fs::File::options().write(true).open("/dev/full").expect("a device of Linux");
    let misfit = trial.misfit("behaves");
    let checks = ["text", "json", "junit"].map(|format| vec!["check", "1", "--format", format, "--command", &misfit]);
    for arguments in COMMANDS[..3].iter().map(|arguments| arguments.to_vec()).chain(checks) {
        let output = trial.checker(&arguments).stdout(full()).output().expect("the checker starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(4), "{arguments:?}: {said}");
        assert!(said.contains("The output could not be written: No space left on device"), "{arguments:?}: {said}");
    }
    trial.expect_nothing_left();
}
