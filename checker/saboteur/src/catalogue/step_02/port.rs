//! Wrong ways to treat `PORT`.

use std::cell::RefCell;
use std::fs::File;
use std::path::PathBuf;

use crate::log::{Line, Stream};
use crate::sabotage::{Sabotage, wrong};
use crate::startup::AfterExit;

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    let is_invalid = |port: &str| port.parse::<u16>().is_err();
    let is_number = |port: &str| port.parse::<u64>().is_ok();
    let lock: RefCell<Option<InstanceLock>> = RefCell::default();
    let invalid = &["2.port-invalid"];
    vec![
        wrong("second-instance-is-refused", &["2.port"], "A second instance does not start while the first one runs.").startup(
            move |startup| {
                // An invalid PORT is rejected for being invalid.
                if is_invalid(&startup.port) {
                    return;
                }
                match InstanceLock::acquire() {
                    Ok(acquired) => drop(lock.replace(Some(acquired))),
                    Err(message) => startup.error = Some(message),
                }
            },
        ),
        wrong("bad-port-is-ignored", invalid, "An invalid PORT is ignored.").startup(move |startup| {
            if is_invalid(&startup.port) {
                startup.port = "0".into()
            }
        }),
        wrong("big-port-wraps-around", invalid, "A PORT above 65535 wraps around.").startup(move |startup| {
            if is_invalid(&startup.port) && is_number(&startup.port) {
                startup.port = "0".into()
            }
        }),
        wrong("bad-port-ends-with-0", invalid, "With an invalid PORT the server exits with exit code 0.")
            .startup(|startup| startup.after_exit = AfterExit::Code(0)),
        wrong("bad-port-does-not-end", invalid, "With an invalid PORT the server prints an error and keeps running.")
            .startup(|startup| startup.after_exit = AfterExit::KeepRunning),
        wrong("bad-port-is-not-named", invalid, "The error message about an invalid PORT does not name the variable PORT.")
            .log_line(|line| vec![line.with_error_message("error: invalid digit found in string")]),
        wrong(
            "bad-port-is-unsupported",
            invalid,
            "The error message about an invalid PORT contains PORT only as a part of another word.",
        )
        .log_line(|line| vec![line.with_error_message("error: unsupported value")]),
        wrong(
            "bad-port-becomes-the-default",
            invalid,
            "With an invalid PORT the server tries 8000 and exits because that port is in use.",
        )
        .log_line(|line| {
            vec![line.with_error_message("error: cannot listen on port 8000: Address already in use (os error 98)")]
        }),
        wrong("bad-port-error-goes-to-stdout", invalid, "The error message about an invalid PORT goes to standard output.")
            .log_line(|line| vec![Line { stream: Stream::Stdout, ..line }]),
    ]
}

/// Identifies the checker that started this process. Servers of different checkers do not lock each other out.
const CHECKER: &str = "WORKSHOP_CHECKER";

/// A lock that a single process can hold. Its file is removed with it.
struct InstanceLock {
    path: PathBuf,
    _locked: File,
}

impl InstanceLock {
    fn acquire() -> Result<Self, String> {
        let checker: String = std::env::var(CHECKER).unwrap_or_default().chars().filter(char::is_ascii_alphanumeric).collect();
        let path = std::env::temp_dir().join(format!("saboteur-{checker}.lock"));
        let file = File::create(&path).map_err(|error| error.to_string())?;
        match file.try_lock() {
            Ok(()) => Ok(InstanceLock { path, _locked: file }),
            Err(_) => Err("another instance is running".into()),
        }
    }
}

impl Drop for InstanceLock {
    fn drop(&mut self) {
        // The file may be removed already.
        let _ = std::fs::remove_file(&self.path);
    }
}
