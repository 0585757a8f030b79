//! How long a new learner waits: the first verdict in a fresh clone, compared with the installation of a similar tool.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::show;
use model::{Problem, exit};
use workshop::Workshop;

/// The tool to compare with: Rust learners install it, and it is compiled from source too.
const YARDSTICK: &str = "rustlings@6.5.0";

/// Measures both, one after the other, and prints their ratio.
pub fn run(workshop: &Workshop) -> Result<(), Problem> {
    let folder = Folder::make()?;
    let yardstick = install(&folder.0)?;
    let verdict = first_verdict(workshop, &folder.0)?;
    show(&format!("cargo install {YARDSTICK}"), &mut [yardstick]);
    show("fresh clone to the first verdict, compiling included", &mut [verdict]);
    println!("{:<58} {:.2} times", "  the second against the first", verdict.as_secs_f64() / yardstick.as_secs_f64());
    Ok(())
}

/// A folder that is removed in the end.
struct Folder(PathBuf);

impl Folder {
    fn make() -> Result<Folder, Problem> {
        let path = std::env::temp_dir().join(format!("workshop-bench-{}", std::process::id()));
        match std::fs::create_dir(&path) {
            Ok(()) => Ok(Folder(path)),
            Err(_) => Err(failed("Making a temporary folder")),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn failed(what: &str) -> Problem {
    Problem::new(
        format!("{what} failed."),
        "See that git and the package registry can be reached, and the system's temporary folder has 3 GiB free.",
    )
}

/// Runs a program quietly, and gives its exit code and how long it took.
fn timed(command: &mut Command) -> (Option<i32>, Duration) {
    let clock = Instant::now();
    let status = command.env_remove("CARGO_TARGET_DIR").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    (status.ok().and_then(|status| status.code()), clock.elapsed())
}

/// Installs the yardstick. What it needs is downloaded before, by a first try that compiles nothing.
fn install(folder: &Path) -> Result<Duration, Problem> {
    let install = |target: &str| {
        let mut cargo = Command::new("cargo");
        cargo.args(["install", "--locked", YARDSTICK, "--root"]).arg(folder.join("installed"));
        cargo.arg("--target-dir").arg(folder.join(target)).current_dir(folder);
        cargo
    };
    // A profile that does not exist stops cargo after it has downloaded everything.
    timed(install("none").args(["--profile", "none"]));
    match timed(&mut install("yardstick")) {
        (Some(0), taken) => Ok(taken),
        _ => Err(failed(&format!("Installing {YARDSTICK}"))),
    }
}

/// Clones the repository as it was last committed into an empty folder and types the learner's command there.
fn first_verdict(workshop: &Workshop, folder: &Path) -> Result<Duration, Problem> {
    let clone = folder.join("clone");
    let (code, _) = timed(Command::new("git").args(["clone", "--quiet"]).arg(workshop.root()).arg(&clone));
    if code != Some(0) {
        return Err(failed("Cloning the repository"));
    }
    timed(Command::new("cargo").args(["fetch", "--locked"]).current_dir(&clone));
    match timed(Command::new("cargo").args(["run", "--locked", "-p", "checker"]).current_dir(&clone)) {
        // The starter builds, runs, and does not pass.
        (Some(code), taken) if code == i32::from(exit::FAILED) => Ok(taken),
        _ => Err(failed("The first run in the clone")),
    }
}
