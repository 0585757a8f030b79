//! Locks on files, by which checkers take turns. The system releases a lock when the file is closed or its process dies.

use std::fs::{File, TryLockError};
use std::io;
use std::time::{Duration, Instant};

use rustix::io::Errno;

/// How often to try while another checker holds a lock.
const TRY_EVERY: Duration = Duration::from_millis(10);

/// The result of one try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tried {
    /// This process holds the lock now.
    Acquired,
    /// Another one holds it.
    Held,
    /// The file system has no locks, as some network drives. Whoever goes on must be alone there.
    Unsupported,
}

/// Tries once to acquire an exclusive lock.
///
/// # Errors
///
/// The system reports one.
pub fn try_exclusive(file: &File) -> io::Result<Tried> {
    match file.try_lock() {
        Ok(()) => Ok(Tried::Acquired),
        Err(TryLockError::WouldBlock) => Ok(Tried::Held),
        Err(TryLockError::Error(error)) if is_unsupported(&error) => Ok(Tried::Unsupported),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Waits for an exclusive lock, and returns whether the file system has locks.
///
/// # Errors
///
/// Another process held it for all of `patience`, or the system reports an error.
pub fn exclusive(file: &File, patience: Duration) -> io::Result<bool> {
    let deadline = Instant::now() + patience;
    loop {
        match try_exclusive(file)? {
            Tried::Acquired => return Ok(true),
            Tried::Unsupported => return Ok(false),
            Tried::Held if Instant::now() >= deadline => {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "another checker has locked it and does not finish"));
            }
            Tried::Held => std::thread::sleep(TRY_EVERY),
        }
    }
}

fn is_unsupported(error: &io::Error) -> bool {
    let number = Errno::from_io_error(error);
    error.kind() == io::ErrorKind::Unsupported
        || [Errno::NOLCK, Errno::NOSYS, Errno::OPNOTSUPP, Errno::NOTSUP].iter().any(|known| number == Some(*known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_holds_a_lock() {
        let folder = tempfile::tempdir().expect("a folder");
        let open = || File::create(folder.path().join("lock")).expect("a writable folder");
        let (first, second) = (open(), open());
        assert_eq!(try_exclusive(&first).expect("a lock"), Tried::Acquired);
        assert_eq!(try_exclusive(&second).expect("a lock"), Tried::Held);
        let error = exclusive(&second, Duration::ZERO).expect_err("it is held");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(first);
        assert!(exclusive(&second, Duration::ZERO).expect("it is free"));
    }

    #[test]
    fn a_file_system_without_locks_is_no_error() {
        for number in [Errno::NOLCK, Errno::NOSYS, Errno::OPNOTSUPP] {
            assert!(is_unsupported(&number.into()), "{number}");
        }
        assert!(!is_unsupported(&Errno::IO.into()) && !is_unsupported(&Errno::BADF.into()));
    }
}
