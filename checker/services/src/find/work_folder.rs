//! The folder in which private services store their data, outside of any checkout: `workshop-services-USER`.
//!
//! It is where the account that they run as can enter it, which is impossible below `/root`. A service's own folder in it,
//! `run-…`, is removed with the service. If it stays behind, the next checker sees that its lock is free, and removes it.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::account;
use model::Problem;
use sandbox::guard::Account;

/// How long to wait for another checker to create or copy a template, or to clean up.
const PATIENCE: Duration = Duration::from_secs(90);
/// Linux's file system in memory.
const MEMORY: &str = "/dev/shm";
/// The space, in bytes, that the databases of a run and their template may need; the most seen was 243 MiB.
const NEEDED: u64 = 320 << 20;
/// The free space, in bytes, that a file system in memory must have, because the machine needs memory too.
const NEEDED_IN_MEMORY: u64 = 1 << 30;
/// The prefix of the folders of running services; the name of the service follows.
const RUN: &str = "run-";
/// The name of the data folder in such a folder.
const DATA: &str = "data";
/// The file that is locked while a folder of a service is being created.
const MAKING: &str = "runs.lock";
/// The file in such a folder that is locked while its checker is running.
const LOCK: &str = "lock";

/// The folder of all private services of one user.
#[derive(Debug)]
pub struct Work {
    path: PathBuf,
    account: Option<Account>,
    kind: RunKind,
}

/// The service whose run folders are created, and removed when their checker is dead.
#[derive(Debug, Clone, Copy)]
pub struct RunKind {
    /// The service, in lower case.
    pub name: &'static str,
    /// The account that it runs as if the checker runs as root and this account exists.
    pub account: &'static str,
    /// Releases what a killed server left elsewhere on the machine; its argument is the server's data folder.
    pub release: fn(&Path),
}

/// A folder that belongs to one private service of this checker.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    /// Locked; the system releases the lock when the process terminates.
    _lock: File,
}

impl Work {
    /// Finds or creates the folder: in `TMPDIR` if that is set, else in memory, where creating a database takes a tenth of the
    /// time, else in a folder for temporary files. It also removes what dead checkers left in the other places.
    ///
    /// # Errors
    ///
    /// No place is suitable.
    pub fn open(kind: RunKind) -> Result<Self, Problem> {
        let account = account::for_service(kind.account);
        let given = std::env::var_os("TMPDIR").map(PathBuf::from).filter(|folder| folder.is_absolute());
        let places: Vec<PathBuf> = given.into_iter().chain([MEMORY, "/var/tmp", "/tmp"].map(PathBuf::from)).collect();
        for place in &places {
            Self { path: folder_in(place), account, kind }.clear();
        }
        let mut details = Vec::new();
        for place in places {
            let needed = if place == Path::new(MEMORY) { NEEDED_IN_MEMORY } else { NEEDED };
            match has_room(&place, needed).and_then(|()| Self::open_in(&place, account, kind)) {
                Ok(work) => return Ok(work),
                Err(error) => details.push(format!("{}: {error}", place.display())),
            }
        }
        Err(Problem {
            details,
            ..Problem::new(
                "There is no folder in which a service can store its data.",
                format!(
                    "Free space in /var/tmp and check that you can write there, or set TMPDIR to a folder that you can write to, \
                     that has {} MiB of free space, and that other users can enter.",
                    NEEDED >> 20
                ),
            )
        })
    }

    fn open_in(place: &Path, account: Option<Account>, kind: RunKind) -> io::Result<Self> {
        if account.is_some() && !account::can_reach(place) {
            return Err(io::Error::other("the account that services run as cannot enter it"));
        }
        let path = folder_in(place);
        // Another account may pass through to its own files, and see nothing else.
        let mode = if account.is_some() { 0o711 } else { 0o700 };
        match DirBuilder::new().mode(mode).create(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        // In a folder that everyone can write to, another user may have created it first.
        if !is_ours(&path)? {
            return Err(io::Error::other(format!("{} is not a folder that you own", path.display())));
        }
        fs::set_permissions(&path, Permissions::from_mode(mode))?;
        Ok(Work { path, account, kind })
    }

    /// The account that services run as, if not the user's own.
    pub fn account(&self) -> Option<Account> {
        self.account
    }

    /// The path of a file or folder of this name.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The names of all files and folders.
    pub fn entries(&self) -> io::Result<Vec<String>> {
        let names = fs::read_dir(&self.path)?.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        Ok(names.collect())
    }

    /// Gives a file or folder to the account that services run as.
    pub fn give(&self, path: &Path) -> io::Result<()> {
        match self.account {
            Some(account) => chown(path, Some(account.uid), Some(account.gid)),
            None => Ok(()),
        }
    }

    /// Waits until no other checker holds the lock of this name, and acquires it. Dropping the file releases it.
    pub async fn lock(&self, name: &str) -> io::Result<File> {
        let file = open_lock(&self.path.join(name))?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(fs::TryLockError::Error(error)) => return Err(error),
                Err(fs::TryLockError::WouldBlock) if Instant::now() > deadline => {
                    let held = format!("another checker has held {} for {} s", self.join(name).display(), PATIENCE.as_secs());
                    return Err(io::Error::other(held));
                }
                Err(fs::TryLockError::WouldBlock) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    }

    /// Creates a folder for one service, after removing those of dead checkers.
    pub async fn run_folder(&self) -> io::Result<RunFolder> {
        // A folder that is being created has no lock yet.
        let _making = self.lock(MAKING).await?;
        self.sweep();
        let name: String = std::iter::repeat_with(fastrand::alphanumeric).take(10).collect();
        let path = self.path.join(format!("{}{name}", self.run_prefix()));
        DirBuilder::new().mode(0o711).create(&path)?;
        let lock = open_lock(&path.join(LOCK))?;
        lock.try_lock().map_err(io::Error::from)?;
        Ok(RunFolder { path, _lock: lock })
    }

    /// Sweeps a folder that another run may have used, unless it does not exist or another checker is creating a folder in it.
    fn clear(&self) {
        if matches!(is_ours(&self.path), Ok(true))
            && let Ok(making) = open_lock(&self.join(MAKING))
            && making.try_lock().is_ok()
        {
            self.sweep();
        }
    }

    fn run_prefix(&self) -> String {
        format!("{RUN}{}-", self.kind.name)
    }

    fn sweep(&self) {
        let (names, prefix) = (self.entries().unwrap_or_default(), self.run_prefix());
        for path in names.iter().filter(|name| name.starts_with(&prefix)).map(|name| self.join(name)) {
            let lives = File::open(path.join(LOCK)).is_ok_and(|lock| lock.try_lock().is_err());
            if !lives {
                (self.kind.release)(&path.join(DATA));
                let _ = fs::remove_dir_all(path);
            }
        }
    }
}

impl RunFolder {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The place for the service's data.
    pub fn data(&self) -> PathBuf {
        self.path.join(DATA)
    }
}

fn folder_in(place: &Path) -> PathBuf {
    place.join(format!("workshop-services-{}", rustix::process::geteuid().as_raw()))
}

/// Whether it is a folder that the user owns.
fn is_ours(path: &Path) -> io::Result<bool> {
    let found = fs::symlink_metadata(path)?;
    Ok(found.is_dir() && found.uid() == rustix::process::geteuid().as_raw())
}

/// Fails unless this many bytes are free there.
fn has_room(place: &Path, needed: u64) -> io::Result<()> {
    let found = rustix::fs::statvfs(place)?;
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    if free < needed {
        return Err(io::Error::other(format!("a service may need {} MiB, and only {} MiB are free", needed >> 20, free >> 20)));
    }
    Ok(())
}

fn open_lock(path: &Path) -> io::Result<File> {
    File::options().create(true).truncate(false).write(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(place: &Path) -> Work {
        Work::open_in(place, None, RunKind { name: "test", account: "nobody", release: |_| () }).expect("a writable folder")
    }

    #[tokio::test]
    async fn only_the_folders_of_dead_checkers_are_removed() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let work = work(place.path());
        let living = work.run_folder().await.expect("a folder");
        let left = work.run_folder().await.expect("a folder");
        let path = left.path().to_owned();
        fs::create_dir_all(path.join("data/base")).expect("a writable folder");
        drop(left); // Releases the lock, as the kernel does when a process is killed.
        let half_made = work.join("run-test-x");
        fs::create_dir(&half_made).expect("a writable folder");
        fs::create_dir(work.join("template-x")).expect("a writable folder");

        work.run_folder().await.expect("a folder");
        assert!(!path.exists() && !half_made.exists());
        assert!(living.path().exists() && work.join("template-x").exists());
    }

    #[tokio::test]
    async fn a_lock_is_held_by_one_at_a_time() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let work = work(place.path());
        let held = work.lock("a").await.expect("a lock");
        let second = work.lock("a");
        let mut second = std::pin::pin!(second);
        assert!(tokio::time::timeout(Duration::from_millis(50), &mut second).await.is_err());
        drop(held);
        second.await.expect("the lock is free");
    }

    #[test]
    fn a_place_without_enough_space_is_not_used() {
        let place = tempfile::tempdir().expect("a temporary folder");
        has_room(place.path(), 1).expect("a byte is free");
        let error = has_room(place.path(), u64::MAX).expect_err("nobody has so much");
        assert!(error.to_string().contains("MiB are free"), "{error}");
    }

    #[test]
    fn a_link_in_place_of_the_folder_is_not_used() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let name = format!("workshop-services-{}", rustix::process::geteuid().as_raw());
        std::os::unix::fs::symlink("/tmp", place.path().join(name)).expect("a writable folder");
        assert!(Work::open_in(place.path(), None, RunKind { name: "test", account: "nobody", release: |_| () }).is_err());
    }
}
