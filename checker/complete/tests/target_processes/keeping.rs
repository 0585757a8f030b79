//! Evidence and progress that cannot be kept: the verdict stands, and a warning says what is missing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::trial::Trial;

/// A `flock` that fails as on a network drive without a lock manager.
const NO_LOCKS: &str = "#include <errno.h>\nint flock(int fd, int operation) { errno = ENOLCK; return -1; }\n";

/// A server that is graded and fails.
const SERVER: &str = "behaves";

struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

fn run(command: &mut Command) -> Said {
    let output = command.stdin(Stdio::null()).output().expect("the checker starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
}

fn check(trial: &Trial) -> Command {
    trial.checker(&["check", "1", "--format", "json", "--command", &trial.misfit(SERVER)])
}

/// The exit code that the report names.
fn reported(said: &Said) -> Option<i32> {
    let report: serde_json::Value = serde_json::from_str(&said.out).expect("a report");
    report["exit_code"].as_i64().and_then(|code| i32::try_from(code).ok())
}

/// The library that replaces `flock`.
fn without_locks(folder: &Path) -> PathBuf {
    let (source, library) = (folder.join("no_locks.c"), folder.join("no_locks.so"));
    fs::write(&source, NO_LOCKS).expect("a writable folder");
    let compiled = Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&library, &source]).status();
    assert!(compiled.expect("a C compiler").success());
    library
}

#[test]
fn on_a_file_system_without_locks_every_command_works_and_says_so() {
    let trial = Trial::new();
    let library = without_locks(trial.folder());
    let mut command = check(&trial);
    let said = run(command.env("LD_PRELOAD", &library).env("TMPDIR", trial.folder()));
    assert_eq!(said.code, Some(1), "{}{}", said.out, said.err);
    assert_eq!(reported(&said), said.code);
    let mut command = trial.checker(&["hint", "1.create"]);
    let said = run(command.env("LD_PRELOAD", &library));
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.out.contains("Hint 1 of"), "{}", said.out);
    assert!(said.err.contains("has no locks") && said.err.contains("one checker at a time"), "{}", said.err);
}

#[test]
fn in_a_checkout_that_cannot_be_written_the_verdict_stands_and_all_hints_are_shown() {
    if !Command::new("unshare").args(["--mount", "true"]).output().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: this machine lets nobody have a file system of their own");
        return;
    }
    let trial = Trial::new();
    // Even root cannot write to what is mounted read-only.
    let read_only = |command: Command| {
        let script = r#"mount --bind . . && mount -o remount,bind,ro . && cd "$PWD" && exec "$@""#;
        let mut outer = Command::new("unshare");
        outer.args(["--mount", "sh", "-c", script, "sh"]).arg(command.get_program()).args(command.get_args());
        outer.current_dir(trial.folder());
        outer
    };
    let said = run(&mut read_only(check(&trial)));
    assert_eq!(said.code, Some(1), "{}{}", said.out, said.err);
    assert_eq!(reported(&said), said.code);
    assert!(said.err.contains("The evidence of this run could not be kept"), "{}", said.err);
    let said = run(&mut read_only(trial.checker(&["hint", "1.create"])));
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.err.contains("Your progress could not be written"), "{}", said.err);
    assert!(said.out.contains("Hint 1 of 3") && said.out.contains("Hint 3 of 3"), "{}", said.out);
}
