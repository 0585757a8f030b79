//! What is said of a server that does not come up.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::log::Log;
use super::process_tree::Process;
use super::server::{killed_guard, over_limit};
use model::{Problem, Termination};

/// How many of the last log lines are shown.
const LAST_LINES: usize = 20;

/// Why a server is not ready.
#[derive(Debug)]
pub enum Complaint {
    /// Another program, by number and name where known, listens on the port.
    PortTaken(Option<(i32, String)>),
    /// It ended.
    Ended(Termination),
    /// Its first process ended well and left these running.
    Background(Vec<Process>),
    /// It listens here and not where it should.
    Elsewhere(Vec<SocketAddr>),
    /// It listens nowhere, after this time.
    NeverListens(Duration),
}

impl Complaint {
    /// The complaint for a person. `target` is where the server was expected, `by_hand` how to run it without us.
    pub fn told(self, target: SocketAddr, by_hand: &str, log: &Log) -> Problem {
        let port = target.port();
        let mut problem = match self {
            Complaint::PortTaken(who) => port_in_use(port, who),
            Complaint::Ended(ending) => ended(ending, port, by_hand, log),
            Complaint::Background(left) => background(&left),
            Complaint::Elsewhere(found) => elsewhere(&found, target),
            Complaint::NeverListens(waited) => Problem::new(
                format!("The server runs, but after {} seconds it listens on no port at all.", waited.as_secs()),
                format!(
                    "It was told PORT={port}. Look for something that is waited for before the server binds its address; \
                     `{by_hand}` shows where it stays."
                ),
            ),
        };
        problem.details.extend(log.last(LAST_LINES));
        problem
    }
}

fn ended(ending: Termination, port: u16, by_hand: &str, log: &Log) -> Problem {
    let says = |words: &[&str]| {
        let last = log.last(LAST_LINES).join("\n").to_lowercase();
        words.iter().any(|word| last.contains(word))
    };
    let remedy = match ending {
        Termination::TooMuchMemory(_) | Termination::TooManyProcesses(_) => return over_limit(ending),
        Termination::GuardKilled => return killed_guard(),
        Termination::Code(127) => {
            return Problem::new(
                "The command was not found (exit code 127).",
                "Check its spelling, that its program is installed and on PATH, and the folder from which you run the \
                 checker: relative paths start there.",
            );
        }
        Termination::Code(126) => {
            return Problem::new(
                "The command cannot be executed (exit code 126).",
                "Check that the file is a program and that you may execute it (`chmod +x FILE`).",
            );
        }
        _ if says(&["address already in use", "address in use", "eaddrinuse"]) => format!(
            "Its log says that its address is in use. Port {port} was free when it started, so it probably listens on a \
             fixed port: read the port from the environment variable PORT."
        ),
        Termination::Code(0) => {
            "A server runs until it is told to stop. Let the main function wait for the server's end.".to_owned()
        }
        Termination::Code(101) if says(&["panicked"]) => {
            format!("It panicked; the message is in its last lines. `{by_hand}` repeats it.")
        }
        Termination::Code(_) => format!("Its last lines may say why. `{by_hand}` repeats it."),
        Termination::Signal(_) => format!("It crashed, or something killed it. `{by_hand}` may repeat it."),
    };
    Problem::new(format!("The server ended before it accepted connections on port {port}: {ending}."), remedy)
}

fn background(left: &[Process]) -> Problem {
    let names: Vec<String> = left.iter().take(3).map(|process| process.name.clone()).collect();
    Problem::new(
        format!(
            "The server went into the background: the process that was started ended, and left {} running.",
            names.join(", ")
        ),
        "Run it in the foreground, without `&`, `nohup` or a daemon option, so that it can be watched and stopped.",
    )
}

fn elsewhere(found: &[SocketAddr], target: SocketAddr) -> Problem {
    let list: Vec<String> = found.iter().map(ToString::to_string).collect();
    let list = list.join(" and ");
    if found.iter().any(|at| at.port() == target.port()) {
        return Problem::new(
            format!("The server listens on {list}, where {target} does not lead."),
            format!("Listen on the address in the environment variable HOST, which was {}.", target.ip()),
        );
    }
    let port = target.port();
    Problem::new(
        format!("The server listens on {list}, not on the port in PORT ({port})."),
        "Read the environment variable PORT when the program starts, and listen on that port.",
    )
}

/// A port that had to be this one is not free.
pub fn port_in_use(port: u16, who: Option<(i32, String)>) -> Problem {
    Problem::new(
        format!("Port {port} is in use by {}, so the server cannot listen there.", called(who)),
        "End that program, then try again.",
    )
}

/// Whatever port the server was given, another process answered there.
pub fn always_taken(who: Option<(i32, String)>) -> Problem {
    Problem::new(
        format!("What listens on the server's port is not a process that the checker started: it is {}.", called(who)),
        "Start the server itself, in the foreground. One that a service manager or a container runs is examined with --url.",
    )
}

fn called(who: Option<(i32, String)>) -> String {
    match who {
        Some((pid, name)) => format!("{name} (process {pid})"),
        None => "another program".to_owned(),
    }
}

/// It would be started again and again.
pub fn given_up() -> Problem {
    Problem::new(
        "The server is not started again: it has ended by itself too often in this run.",
        "Find out why it ends; its log lines are shown with the checks that failed.",
    )
}

/// Advice for a server that can be reached from other machines.
pub fn listens_everywhere(ip: IpAddr) -> Problem {
    Problem::new(
        format!("The server listens on all network interfaces ({ip}), although HOST was 127.0.0.1."),
        "Listen on the address in HOST: a server under development should not be open to everyone in the same network.",
    )
}

/// The system lets us start nothing.
pub fn no_process(error: &io::Error) -> Problem {
    Problem::new(
        format!("The checker could not start a process: {error}."),
        "Check that the folder it runs in exists, and that this machine has memory and processes to spare.",
    )
}
