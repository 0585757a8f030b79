//! Wrong ways to take PORT.

use std::cell::RefCell;
use std::fs::File;

use super::wrong;
use crate::sabotage::{Ending, Line, Sabotage, Stream};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    let bad = |port: &str| port.parse::<u16>().is_err();
    let is_number = |port: &str| port.parse::<u64>().is_ok();
    let lock: RefCell<Option<File>> = RefCell::default();
    let invalid = &["2.port-invalid"];
    vec![
        wrong("second-instance-is-refused", &["2.port"], "A second instance does not start while the first one runs.").start(
            move |start| {
                // A bad PORT is refused for being bad, as ever.
                if bad(&start.port) {
                    return;
                }
                match only_instance() {
                    Ok(file) => drop(lock.replace(Some(file))),
                    Err(message) => start.refusal = Some(message),
                }
            },
        ),
        wrong("bad-port-is-ignored", invalid, "A bad PORT is taken for none.").start(move |start| {
            if bad(&start.port) {
                start.port = "0".into()
            }
        }),
        wrong("big-port-wraps-around", invalid, "A PORT above 65535 loses its upper bits.").start(move |start| {
            if bad(&start.port) && is_number(&start.port) {
                start.port = "0".into()
            }
        }),
        wrong("bad-port-ends-with-0", invalid, "A bad PORT ends the program with exit code 0.")
            .start(|start| start.ending = Ending::With(0)),
        wrong("bad-port-does-not-end", invalid, "A bad PORT is complained of, and the program goes on.")
            .start(|start| start.ending = Ending::Never),
        wrong("bad-port-is-not-named", invalid, "The message about a bad PORT does not name it.").line(|line| {
            match line.stream {
                Stream::Stderr => vec![Line { text: "error: invalid digit found in string".into(), ..line }],
                Stream::Stdout => vec![line],
            }
        }),
        wrong("bad-port-is-told-on-stdout", invalid, "The message about a bad PORT goes to standard output.")
            .line(|line| vec![Line { stream: Stream::Stdout, ..line }]),
    ]
}

/// Locks a file beside this program for as long as it is open, so that only instances of one build meet.
fn only_instance() -> Result<File, String> {
    let path = std::env::current_exe().map_err(|error| error.to_string())?.with_extension("instance");
    let file = File::create(path).map_err(|error| error.to_string())?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(_) => Err("another instance is running".into()),
    }
}
