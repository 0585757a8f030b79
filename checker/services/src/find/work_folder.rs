//! The folder in which private services keep their data, outside of any checkout: `workshop-services-USER`.
//!
//! It lies where whom they run as can reach it, which below `/root` nobody could. A service's own folder in it,
//! `run-…`, goes with the service. Should it stay, the next checker sees that nobody holds its lock, and removes it.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::account;
use model::Problem;
use sandbox::guard::Account;

/// How long to wait for another checker to make or to copy a template, or to clear up.
const PATIENCE: Duration = Duration::from_secs(90);
/// Where Linux has a file system in memory.
const MEMORY: &str = "/dev/shm";
/// The room, in bytes, that the databases of a run and what they are copied from may need; 243 MiB were the most seen.
const NEEDED: u64 = 320 << 20;
/// The room that a file system in memory must have left, as the machine needs the rest.
const NEEDED_IN_MEMORY: u64 = 1 << 30;
/// What the names of folders of running services begin with; the name of the service follows.
const RUN: &str = "run-";
/// What the folder of a service's data is called in such a folder.
const DATA: &str = "data";
/// The file that is locked while a folder of a service is being made.
const MAKING: &str = "runs.lock";
/// The file in such a folder that is locked while its checker lives.
const LOCK: &str = "lock";

/// The folder of all private services of one user.
#[derive(Debug)]
pub struct Work {
    path: PathBuf,
    account: Option<Account>,
    kind: RunKind,
}

/// Whose run folders are made, and removed when their checker is dead.
#[derive(Debug, Clone, Copy)]
pub struct RunKind {
    /// The service, in lower case.
    pub name: &'static str,
    /// The account as which it runs where the checker runs as root, if there is one of this name.
    pub account: &'static str,
    /// Releases what a killed server left elsewhere on the machine; its argument is the server's data folder.
    pub release: fn(&Path),
}

/// A folder that belongs to one private service of this checker.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    /// Locked; the lock goes with the process, however it ends.
    _lock: File,
}

impl Work {
    /// Finds or makes the folder: in `TMPDIR` if that is set, else in memory, where making a database takes a tenth of the time,
    /// else where the system keeps what may be thrown away. What dead checkers left in the other places is removed.
    ///
    /// # Errors
    ///
    /// There is no place where it could be.
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
        // Another account may pass through, to what it has been given, and see nothing else.
        let mode = if account.is_some() { 0o711 } else { 0o700 };
        match DirBuilder::new().mode(mode).create(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        // In a folder for everyone, somebody else may have been there first.
        if !is_ours(&path)? {
            return Err(io::Error::other(format!("{} is not a folder that you own", path.display())));
        }
        fs::set_permissions(&path, Permissions::from_mode(mode))?;
        Ok(Work { path, account, kind })
    }

    /// Whom services run as, if not as the user.
    pub fn account(&self) -> Option<Account> {
        self.account
    }

    /// A file or folder of this name.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The names of all files and folders.
    pub fn entries(&self) -> io::Result<Vec<String>> {
        let names = fs::read_dir(&self.path)?.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        Ok(names.collect())
    }

    /// Gives a file or folder to whom services run as.
    pub fn give(&self, path: &Path) -> io::Result<()> {
        match self.account {
            Some(account) => chown(path, Some(account.uid), Some(account.gid)),
            None => Ok(()),
        }
    }

    /// Waits until no other checker holds the lock of this name, and takes it. Dropping the file lets go of it.
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

    /// Makes a folder for one service, after removing those of dead checkers.
    pub async fn run_folder(&self) -> io::Result<RunFolder> {
        // A folder that is being made has no lock yet.
        let _making = self.lock(MAKING).await?;
        self.sweep();
        let name: String = std::iter::repeat_with(fastrand::alphanumeric).take(10).collect();
        let path = self.path.join(format!("{}{name}", self.run_prefix()));
        DirBuilder::new().mode(0o711).create(&path)?;
        let lock = open_lock(&path.join(LOCK))?;
        lock.try_lock().map_err(io::Error::from)?;
        Ok(RunFolder { path, _lock: lock })
    }

    /// Sweeps a folder that another run may have used, unless there is none or somebody is at it.
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

/// Whether it is a folder, and belongs to the user.
fn is_ours(path: &Path) -> io::Result<bool> {
    let found = fs::symlink_metadata(path)?;
    Ok(found.is_dir() && found.uid() == rustix::process::geteuid().as_raw())
}

/// Fails unless so many bytes are free there.
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
    async fn what_dead_checkers_left_is_removed_and_nothing_else() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let work = work(place.path());
        let living = work.run_folder().await.expect("a folder");
        let left = work.run_folder().await.expect("a folder");
        let path = left.path().to_owned();
        fs::create_dir_all(path.join("data/base")).expect("a writable folder");
        drop(left); // As the kernel does it when a process is killed.
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
    fn a_place_without_the_room_is_not_used() {
        let place = tempfile::tempdir().expect("a temporary folder");
        has_room(place.path(), 1).expect("a byte is free");
        let error = has_room(place.path(), u64::MAX).expect_err("nobody has so much");
        assert!(error.to_string().contains("MiB are free"), "{error}");
    }

    #[test]
    fn what_is_not_a_folder_of_ours_is_not_used() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let name = format!("workshop-services-{}", rustix::process::geteuid().as_raw());
        std::os::unix::fs::symlink("/tmp", place.path().join(name)).expect("a writable folder");
        assert!(Work::open_in(place.path(), None, RunKind { name: "test", account: "nobody", release: |_| () }).is_err());
    }
}
