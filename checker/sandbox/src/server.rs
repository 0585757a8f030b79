//! A running server that accepts connections, and how to stop it.

use std::time::Duration;

use tokio::task::JoinHandle;

use super::guard::{Guarded, Status};
use super::log::Log;
use super::ports::Port;
use super::registry::ServerProcess;
use model::{Problem, Termination};

/// How long a server may take to exit after SIGTERM.
const GRACE: Duration = Duration::from_secs(5);
/// How long its last output may take to arrive once every process has exited.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// More output than this is a flood: a thousand requests, each logged at length, stay far below.
const FLOOD: u64 = 16 * 1024 * 1024;
/// The exit code by which a shell and the Java runtime report a program that SIGTERM terminated.
const ENDED_BY_SIGTERM: i32 = 128 + 15;

/// A server under examination. Dropping it kills its processes.
#[derive(Debug)]
pub struct Server {
    base: String,
    log: Log,
    process: Option<Process>,
}

/// The processes of a server, with their log readers and their port.
#[derive(Debug)]
pub(super) struct Process {
    pub guarded: Guarded,
    pub life: ServerProcess,
    pub readers: [JoinHandle<()>; 2],
    /// Advice from its start, on which no verdict depends.
    pub advice: Vec<Problem>,
    /// Reserved against other checkers for as long as the server lives.
    pub port: Option<Port>,
}

impl Server {
    pub(super) fn new(base: String, log: Log, process: Option<Process>) -> Server {
        Server { base, log, process }
    }

    /// Its base URL, such as `http://127.0.0.1:20017`.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// What it has written so far. Empty for a URL.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// How it terminated, if it exited without having been asked to, or is about to: a broken connection is a sign of that.
    pub async fn unexpected_exit(&self) -> Option<Termination> {
        self.process.as_ref()?.life.unexpected_exit().await
    }

    /// Sends SIGTERM, kills after a grace period what is left, and returns advice on what went wrong.
    pub async fn stop(mut self) -> Vec<Problem> {
        let Some(process) = self.process.take() else {
            return Vec::new();
        };
        let before = process.guarded.status();
        let mut advice = process.advice;
        let status = process.guarded.stop(GRACE).await;
        drain(process.readers).await;
        drop(process.port);
        advice.extend(about_the_end(&before, &status));
        advice.extend(about_the_log(&self.log));
        advice
    }

    /// Kills it and everything it started.
    pub async fn kill(mut self) {
        if let Some(process) = self.process.take() {
            process.guarded.kill().await;
            drain(process.readers).await;
        }
    }
}

/// Waits for the last lines; every process that could write more has exited.
pub(super) async fn drain(readers: [JoinHandle<()>; 2]) {
    for reader in readers {
        let stop = reader.abort_handle();
        if tokio::time::timeout(LAST_WORDS, reader).await.is_err() {
            stop.abort();
        }
    }
}

fn about_the_end(before: &Status, status: &Status) -> Vec<Problem> {
    let mut advice = Vec::new();
    match (before.ending(), status.ending()) {
        (_, Some(Termination::GuardKilled)) => advice.push(killed_guard()),
        (_, Some(ending @ (Termination::TooMuchMemory(_) | Termination::TooManyProcesses(_)))) => advice.push(over_limit(ending)),
        (Some(ending), _) => advice.push(Problem::new(
            format!("The server exited during the run: {ending}."),
            "A server runs until it receives a signal to stop. Its last log lines may say why it exited.",
        )),
        (None, _) if status.forced => advice.push(Problem::new(
            format!("The server was still running {} seconds after SIGTERM and had to be killed.", GRACE.as_secs()),
            "On SIGTERM, stop accepting connections, finish the in-flight requests, then exit. A deployment gives the old \
             process the same chance, and then kills it too.",
        )),
        (None, Some(ending)) if !is_orderly(ending) => advice.push(Problem::new(
            format!("The server did not exit cleanly after SIGTERM: {ending}."),
            "Exit with code 0 after SIGTERM; a service manager takes anything else for a crash.",
        )),
        _ => {}
    }
    if !status.leftovers.is_empty() && !status.forced {
        let names: Vec<String> = status.leftovers.iter().map(|(pid, name)| format!("{name} (process {pid})")).collect();
        advice.push(Problem {
            title: format!("The server left {} behind when it exited.", counted(names.len(), "process", "processes")),
            remedy:
                "The checker has killed what was left. Before the server exits, it must stop every process that it started and \
                     wait for it."
                    .into(),
            details: names,
        });
    }
    advice
}

fn is_orderly(ending: Termination) -> bool {
    match ending {
        Termination::Code(code) => code == 0 || code == ENDED_BY_SIGTERM,
        Termination::Signal(signal) => signal == rustix::process::Signal::TERM.as_raw(),
        _ => false,
    }
}

pub(super) fn over_limit(ending: Termination) -> Problem {
    let limits = format!(
        "A server may use {} MiB of memory and {} processes. Look for a loop that keeps allocating memory or starting processes.",
        super::guard::MEMORY_LIMIT / (1024 * 1024),
        super::guard::PROCESS_LIMIT,
    );
    Problem::new(format!("The checker killed the server because it used too many resources: {ending}."), limits)
}

pub(super) fn killed_guard() -> Problem {
    Problem::new(
        "The process that supervises the server was killed, so the checker killed the server too.",
        "If the server kills processes, such as its parent or all processes of its user, limit it to those it started.",
    )
}

fn about_the_log(log: &Log) -> Option<Problem> {
    const MIB: u64 = 1024 * 1024;
    let bytes = log.bytes();
    (bytes > FLOOD).then(|| {
        Problem::new(
            format!("The server flooded its log: {} MiB, of which {} MiB were dropped.", bytes / MIB, log.dropped() / MIB),
            "Log one line per request and per noteworthy event. A flooded log hides the one line that matters, and fills disks.",
        )
    })
}

fn counted(count: usize, one: &str, many: &str) -> String {
    match count {
        1 => format!("a {one}"),
        _ => format!("{count} {many}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(ending: Termination) -> Status {
        Status { exited: Some(ending), over: true, ..Status::default() }
    }

    #[test]
    fn an_exit_that_the_contract_allows_gives_no_advice() {
        for ending in [Termination::Code(0), Termination::Signal(15), Termination::Code(143)] {
            assert!(about_the_end(&Status::default(), &ended(ending)).is_empty(), "{ending}");
        }
    }

    #[test]
    fn any_other_exit_is_reported() {
        for ending in [Termination::Code(1), Termination::Code(101), Termination::Signal(11)] {
            let advice = about_the_end(&Status::default(), &ended(ending));
            assert_eq!(advice.len(), 1);
            assert!(advice[0].title.contains(&ending.to_string()));
        }
    }

    #[test]
    fn a_server_that_exited_before_sigterm_is_reported_once() {
        let advice = about_the_end(&ended(Termination::Code(1)), &ended(Termination::Code(1)));
        assert_eq!(advice.len(), 1);
        assert!(advice[0].title.contains("during the run"));
    }
}
