//! The problems reported when a server does not start.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::log::Log;
use super::process_tree::Process;
use super::server::{killed_guard, over_limit};
use model::{Problem, Termination};

/// The number of last log lines to show.
const LAST_LINES: usize = 20;

/// Why a server is not ready.
#[derive(Debug)]
pub enum Complaint {
    /// Another program listens on the port; its process id and name, where known.
    PortTaken(Option<(i32, String)>),
    /// It exited.
    Ended(Termination),
    /// Its first process exited with code 0 and left these running.
    Background(Vec<Process>),
    /// It listens on these addresses instead of the expected one.
    Elsewhere(Vec<SocketAddr>),
    /// After this time, it still listens nowhere.
    NeverListens(Duration),
}

impl Complaint {
    /// The problem to report. `target` is the expected address; `by_hand` is the command to run the server without the checker.
    pub fn into_problem(self, target: SocketAddr, by_hand: &str, log: &Log) -> Problem {
        let port = target.port();
        let mut problem = match self {
            Complaint::PortTaken(who) => port_in_use(port, who),
            Complaint::Ended(ending) => early_exit(ending, port, by_hand, log),
            Complaint::Background(left) => background(&left),
            Complaint::Elsewhere(found) => elsewhere(&found, target),
            Complaint::NeverListens(waited) => Problem::new(
                format!("The server is running, but after {} seconds it listens on no port at all.", waited.as_secs()),
                format!(
                    "It was started with PORT={port}. Look for a call that blocks before the server binds its address; \
                     `{by_hand}` shows where it hangs."
                ),
            ),
        };
        problem.details.extend(log.last(LAST_LINES));
        problem
    }
}

fn early_exit(ending: Termination, port: u16, by_hand: &str, log: &Log) -> Problem {
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
                "Check its spelling, and that its program is installed and on PATH. Relative paths start in the folder from \
                 which you run the checker.",
            );
        }
        Termination::Code(126) => {
            return Problem::new(
                "The command cannot be executed (exit code 126).",
                "Check that the file is a program and that it is executable (`chmod +x FILE`).",
            );
        }
        _ if says(&["address already in use", "address in use", "eaddrinuse"]) => format!(
            "Its log says that its address is in use. Port {port} was free when it started, so it probably uses a fixed \
             port: read the port from the environment variable PORT."
        ),
        Termination::Code(0) => {
            "A server runs until it receives a signal to stop. Make the main function await the server.".to_owned()
        }
        Termination::Code(101) if says(&["panicked"]) => {
            format!("It panicked; the message is in its last log lines. `{by_hand}` reproduces it.")
        }
        Termination::Code(_) => format!("Its last log lines may say why. `{by_hand}` reproduces it."),
        Termination::Signal(_) => format!("It crashed, or another process killed it. `{by_hand}` may reproduce it."),
    };
    Problem::new(format!("The server exited before it accepted connections on port {port}: {ending}."), remedy)
}

fn background(left: &[Process]) -> Problem {
    let names: Vec<String> = left.iter().take(3).map(|process| process.name.clone()).collect();
    Problem::new(
        format!(
            "The server went into the background: the process that the checker started exited and left {} running.",
            names.join(", ")
        ),
        "Run it in the foreground, without `&`, `nohup` or a daemon option, so that the checker can supervise and stop it.",
    )
}

fn elsewhere(found: &[SocketAddr], target: SocketAddr) -> Problem {
    let list: Vec<String> = found.iter().map(ToString::to_string).collect();
    let list = list.join(" and ");
    if found.iter().any(|at| at.port() == target.port()) {
        return Problem::new(
            format!("The server listens on {list}, so it cannot be reached at {target}."),
            format!("Listen on the address in the environment variable HOST, which was {}.", target.ip()),
        );
    }
    let port = target.port();
    Problem::new(
        format!("The server listens on {list}, not on the port in PORT ({port})."),
        "Read the environment variable PORT when the program starts, and listen on that port.",
    )
}

/// The server must listen on this port, and another program uses it.
pub fn port_in_use(port: u16, who: Option<(i32, String)>) -> Problem {
    Problem::new(
        format!("Port {port} is in use by {}, so the server cannot listen there.", called(who)),
        "Stop that program, then try again.",
    )
}

/// On every port that the server was given, another process accepted the connection.
pub fn always_taken(who: Option<(i32, String)>) -> Problem {
    Problem::new(
        format!(
            "The process that listens on the server's port is not a process that the checker started: it is {}.",
            called(who)
        ),
        "Start the server itself, in the foreground. If a container or a service manager runs it, give its address with --url.",
    )
}

fn called(who: Option<(i32, String)>) -> String {
    match who {
        Some((pid, name)) => format!("{name} (process {pid})"),
        None => "another program".to_owned(),
    }
}

/// The server exited too often to be restarted once more.
pub fn given_up() -> Problem {
    Problem::new(
        "The checker no longer restarts the server: it has exited too often in this run.",
        "Find out why it exits; the failed checks show its log lines.",
    )
}

/// Advice for a server that can be reached from other machines.
pub fn listens_everywhere(ip: IpAddr) -> Problem {
    Problem::new(
        format!("The server listens on all network interfaces ({ip}), although HOST is 127.0.0.1."),
        "Listen on the address in HOST: a server under development should not be reachable for everyone in the same network.",
    )
}

/// The system refuses to start a process.
pub fn no_process(error: &io::Error) -> Problem {
    Problem::new(
        format!("The checker could not start a process: {error}."),
        "Check that the folder it runs in exists, and that this machine has not run out of memory or processes.",
    )
}
