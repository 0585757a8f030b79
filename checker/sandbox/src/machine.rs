//! What every run needs of the machine. A server cannot do without it either, so what is missing is found before a server is blamed.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

use model::Problem;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// One of the needs: what it is, and how it is looked up. The result describes what was found, or the problem.
pub type Need = (&'static str, fn() -> Result<String, Problem>);

/// Everything that is needed.
pub const NEEDS: &[Need] =
    &[("temporary folder", temporary_folder), ("loopback", loopback), ("open files", open_files), ("limits", limits)];

/// How many open files the checker, a server and its services need between them; half of that was seen.
const OPEN_FILES: u64 = 256;
/// How many are plenty.
const PLENTY: u64 = 4096;
/// The size of a file, in bytes, that compiling a step may write.
const FILE_SIZE: u64 = 512 << 20;
/// The address space, in bytes, that a compiler takes at least; with half as much again, everything was seen to compile.
const ADDRESS_SPACE: u64 = 1 << 30;
/// The processor time, in seconds, that a compiler or a server may take.
const PROCESSOR_TIME: u64 = 10 * 60;

/// The first problem.
///
/// # Errors
///
/// Something is missing.
pub fn check() -> Result<(), Problem> {
    NEEDS.iter().try_for_each(|(_, look)| look().map(drop))
}

/// Programs of every kind keep temporary files in this folder.
fn temporary_folder() -> Result<String, Problem> {
    let folder = std::env::temp_dir();
    let trial = folder.join(format!("workshop-checker-trial-{}-{:x}", std::process::id(), fastrand::u64(..)));
    match fs::write(&trial, "").and_then(|()| fs::remove_file(&trial)) {
        Ok(()) => Ok(folder.display().to_string()),
        Err(error) => Err(Problem::new(
            format!("No file can be written to {}, the folder for temporary files: {error}.", folder.display()),
            match std::env::var_os("TMPDIR") {
                Some(_) => "Set the variable TMPDIR to a folder that exists and that you can write to, or unset it.",
                None => "Free space there, or set the variable TMPDIR to a folder that you can write to.",
            },
        )),
    }
}

/// A server is reached at 127.0.0.1.
fn loopback() -> Result<String, Problem> {
    const WITHIN: Duration = Duration::from_secs(5);
    let connect = || {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        TcpStream::connect_timeout(&listener.local_addr()?, WITHIN).map(drop)
    };
    match connect() {
        Ok(()) => Ok("programs reach each other at 127.0.0.1".into()),
        Err(error) => Err(Problem::new(
            format!("No program can be reached at 127.0.0.1 on this machine: {error}."),
            "Start the loopback interface: `sudo ip link set lo up`. In a container or sandbox, allow it a network of its own.",
        )),
    }
}

/// Each connection and each file takes one. The limit that counts is raised as far as the user may.
fn open_files() -> Result<String, Problem> {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.unwrap_or(PLENTY).min(PLENTY);
    if limit.current.is_some_and(|current| current < wanted) {
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), ..limit });
    }
    match getrlimit(Resource::Nofile).current {
        Some(current) if current < OPEN_FILES => Err(Problem::new(
            format!("A process may open only {current} files here, and a run needs {OPEN_FILES}."),
            format!("Raise the limit with `ulimit -n {PLENTY}`, in a new terminal or as an administrator."),
        )),
        Some(current) => Ok(format!("a process may open {current}")),
        None => Ok("a process may open any number".into()),
    }
}

/// Limits that end a compiler or a server.
fn limits() -> Result<String, Problem> {
    let limits = [
        (Resource::Fsize, FILE_SIZE, "write files of", "ulimit -f unlimited"),
        (Resource::As, ADDRESS_SPACE, "have an address space of", "ulimit -v unlimited"),
    ];
    for (resource, needed, what, command) in limits {
        if let Some(limit) = getrlimit(resource).current.filter(|limit| *limit < needed) {
            return Err(Problem::new(
                format!("A process may {what} only {} MiB here, and compiling needs {} MiB.", limit >> 20, needed >> 20),
                format!("Remove the limit with `{command}`, in a new terminal or as an administrator."),
            ));
        }
    }
    if let Some(limit) = getrlimit(Resource::Cpu).current.filter(|limit| *limit < PROCESSOR_TIME) {
        return Err(Problem::new(
            format!("A process may use only {limit} seconds of processor time here, and compiling may need more."),
            "Remove the limit with `ulimit -t unlimited`, in a new terminal or as an administrator.",
        ));
    }
    Ok("no limit of this terminal is too low".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_what_a_run_needs() {
        for (subject, look) in NEEDS {
            look().unwrap_or_else(|problem| panic!("{subject}: {problem:?}"));
        }
    }
}
