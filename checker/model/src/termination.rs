//! How a process terminated.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a process terminated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Termination {
    /// It exited with this exit code.
    Code(i32),
    /// This signal terminated it.
    Signal(i32),
    /// It was killed, because it and its children used this many bytes of memory.
    TooMuchMemory(u64),
    /// It was killed, because it had this many processes.
    TooManyProcesses(usize),
    /// Its guard was killed, so it was killed too.
    GuardKilled,
}

impl Termination {
    /// Whether it exited with code 0.
    pub fn is_success(self) -> bool {
        self == Termination::Code(0)
    }
}

impl fmt::Display for Termination {
    /// In a few words, such as `exit code 1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Termination::Code(code) => write!(f, "exit code {code}"),
            Termination::Signal(signal) => write!(f, "terminated by {}", signal_name(*signal)),
            Termination::TooMuchMemory(bytes) => write!(f, "{} MiB of memory", bytes / (1024 * 1024)),
            Termination::TooManyProcesses(count) => write!(f, "{count} processes"),
            Termination::GuardKilled => write!(f, "the process that supervises it was killed"),
        }
    }
}

/// The name of a signal, such as `SIGSEGV (invalid memory access)`.
fn signal_name(signal: i32) -> String {
    use rustix::process::Signal;
    let names = [
        (Signal::HUP, "SIGHUP"),
        (Signal::INT, "SIGINT"),
        (Signal::QUIT, "SIGQUIT"),
        (Signal::ILL, "SIGILL (invalid instruction)"),
        (Signal::ABORT, "SIGABRT (it aborted)"),
        (Signal::BUS, "SIGBUS (invalid memory access)"),
        (Signal::FPE, "SIGFPE (arithmetic error)"),
        (Signal::KILL, "SIGKILL"),
        (Signal::SEGV, "SIGSEGV (invalid memory access)"),
        (Signal::PIPE, "SIGPIPE (nobody reads what it writes)"),
        (Signal::TERM, "SIGTERM"),
    ];
    match names.iter().find(|(known, _)| known.as_raw() == signal) {
        Some((_, name)) => (*name).to_owned(),
        None => format!("signal {signal}"),
    }
}
