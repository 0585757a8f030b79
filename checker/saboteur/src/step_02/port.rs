//! Wrong ways to take PORT.

use std::cell::RefCell;
use std::fs::File;
use std::path::PathBuf;

use crate::log::{Line, Stream};
use crate::sabotage::{Sabotage, wrong};
use crate::startup::AfterExit;

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    let bad = |port: &str| port.parse::<u16>().is_err();
    let is_number = |port: &str| port.parse::<u64>().is_ok();
    let lock: RefCell<Option<OnlyInstance>> = RefCell::default();
    let invalid = &["2.port-invalid"];
    vec![
        wrong("second-instance-is-refused", &["2.port"], "A second instance does not start while the first one runs.").startup(
            move |startup| {
                // A bad PORT is refused for being bad, as ever.
                if bad(&startup.port) {
                    return;
                }
                match OnlyInstance::lock() {
                    Ok(only) => drop(lock.replace(Some(only))),
                    Err(message) => startup.error = Some(message),
                }
            },
        ),
        wrong("bad-port-is-ignored", invalid, "A bad PORT is taken for none.").startup(move |startup| {
            if bad(&startup.port) {
                startup.port = "0".into()
            }
        }),
        wrong("big-port-wraps-around", invalid, "A PORT above 65535 loses its upper bits.").startup(move |startup| {
            if bad(&startup.port) && is_number(&startup.port) {
                startup.port = "0".into()
            }
        }),
        wrong("bad-port-ends-with-0", invalid, "A bad PORT ends the program with exit code 0.")
            .startup(|startup| startup.after_exit = AfterExit::Code(0)),
        wrong("bad-port-does-not-end", invalid, "A bad PORT is complained of, and the program goes on.")
            .startup(|startup| startup.after_exit = AfterExit::KeepRunning),
        wrong("bad-port-is-not-named", invalid, "The message about a bad PORT does not name it.")
            .log_line(|line| complaining(line, "error: invalid digit found in string")),
        wrong("bad-port-is-unsupported", invalid, "The message about a bad PORT has its name only inside another word.")
            .log_line(|line| complaining(line, "error: unsupported value")),
        wrong("bad-port-becomes-the-default", invalid, "A bad PORT is taken for 8000, and the program ends for that is taken.")
            .log_line(|line| complaining(line, "error: cannot listen on port 8000: Address already in use (os error 98)")),
        wrong("bad-port-is-told-on-stdout", invalid, "The message about a bad PORT goes to standard output.")
            .log_line(|line| vec![Line { stream: Stream::Stdout, ..line }]),
    ]
}

/// The line, or another complaint in the place of one.
fn complaining(line: Line, complaint: &str) -> Vec<Line> {
    match line.stream {
        Stream::Stderr => vec![Line { text: complaint.into(), ..line }],
        Stream::Stdout => vec![line],
    }
}

/// The mark by which a checker knows what it started; runs of different checkers do not meet.
const CHECKER: &str = "WORKSHOP_CHECKER";

/// A lock that one process can have at a time. Its file is gone with it.
struct OnlyInstance {
    path: PathBuf,
    _locked: File,
}

impl OnlyInstance {
    fn lock() -> Result<Self, String> {
        let checker: String = std::env::var(CHECKER).unwrap_or_default().chars().filter(char::is_ascii_alphanumeric).collect();
        let path = std::env::temp_dir().join(format!("saboteur-{checker}.lock"));
        let file = File::create(&path).map_err(|error| error.to_string())?;
        match file.try_lock() {
            Ok(()) => Ok(OnlyInstance { path, _locked: file }),
            Err(_) => Err("another instance is running".into()),
        }
    }
}

impl Drop for OnlyInstance {
    fn drop(&mut self) {
        // Cleared away already, it is gone as well.
        let _ = std::fs::remove_file(&self.path);
    }
}
