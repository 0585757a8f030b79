//! Ports for servers under examination, so that no two checkers ever hand out the same one.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::lock::{self, Tried};
use model::Problem;

/// Below the ephemeral ports (Linux from 32768, macOS from 49152), so that no outgoing connection takes one by chance, and
/// above the ports that services commonly use.
const RANGE: Range<u16> = 20_000..28_000;

/// How long to wait for a particular port that another checker holds.
const PATIENCE: Duration = Duration::from_secs(30);

/// A port that no other checker of this user uses while this value lives.
#[derive(Debug)]
pub struct Port {
    /// Its number.
    pub number: u16,
    /// Locked; the system releases the lock when the process terminates.
    _lock: File,
}

/// Claims a port that is free.
pub fn claim() -> Result<Port, Problem> {
    let folder = folder()?;
    let size = RANGE.end - RANGE.start;
    let first = fastrand::u16(0..size);
    for n in 0..size {
        let number = RANGE.start + (first + n) % size;
        let lock = open(&folder, number)?;
        if matches!(lock::try_exclusive(&lock), Ok(Tried::Acquired | Tried::Unsupported)) && is_free(number) {
            return Ok(Port { number, _lock: lock });
        }
    }
    Err(Problem::new(
        format!("Every port from {} to {} is in use.", RANGE.start, RANGE.end - 1),
        "Stop the servers or checkers that use them (`ss -ltnp` lists them), then try again.",
    ))
}

/// Claims one particular port, waiting a while for another checker that holds it.
pub async fn claim_number(number: u16) -> Result<Port, Problem> {
    let lock = open(&folder()?, number)?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        match lock::try_exclusive(&lock) {
            Ok(Tried::Acquired | Tried::Unsupported) => return Ok(Port { number, _lock: lock }),
            Err(error) => return Err(unusable(&folder()?, &error)),
            Ok(Tried::Held) if Instant::now() > deadline => {
                return Err(Problem::new(
                    format!("Another checker has been using port {number} for {} seconds.", PATIENCE.as_secs()),
                    "Wait until it has finished, then try again.",
                ));
            }
            Ok(Tried::Held) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

/// Whether this port of the loopback address is free now.
pub fn is_free(number: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_ok()
}

fn open(folder: &Path, number: u16) -> Result<File, Problem> {
    File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(folder.join(number.to_string()))
        .map_err(|error| unusable(folder, &error))
}

/// The folder of lock files. Each user has their own: in a shared one, a file left by another user could not be locked.
fn folder() -> Result<PathBuf, Problem> {
    let user = rustix::process::getuid().as_raw();
    let folder = std::env::temp_dir().join(format!("workshop-checker-{user}"));
    match fs::DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(unusable(&folder, &error)),
        _ => {}
    }
    match fs::symlink_metadata(&folder) {
        Ok(found) if found.is_dir() && found.uid() == user => Ok(folder),
        Ok(_) => Err(unusable(&folder, &io::Error::other("it is not a folder that you own"))),
        Err(error) => Err(unusable(&folder, &error)),
    }
}

fn unusable(folder: &Path, error: &io::Error) -> Problem {
    Problem::new(
        format!("The checker cannot keep its port locks in {}: {error}.", folder.display()),
        "Make that folder writable, remove it, or set TMPDIR to a folder that you can write to.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claimed_port_is_not_claimed_twice() {
        let claimed: Vec<Port> = (0..50).map(|_| claim().expect("8000 ports")).collect();
        let mut numbers: Vec<u16> = claimed.iter().map(|port| port.number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 50);
        assert!(numbers.iter().all(|number| RANGE.contains(number)));
    }

    #[test]
    fn a_dropped_port_can_be_claimed_again() {
        let port = claim().expect("8000 ports");
        let number = port.number;
        let folder = folder().expect("a temporary folder");
        assert!(open(&folder, number).expect("its file").try_lock().is_err());
        drop(port);
        assert!(open(&folder, number).expect("its file").try_lock().is_ok());
    }
}
