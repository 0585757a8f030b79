//! A copy of a program, which stays as it was built whatever happens in the build folder during a run.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, test_kill_process};

use super::sources::Identity;

/// The folder of copies, in the checker's folder of the build output.
const COPIES: &str = "programs";

/// A private copy of a program, removed when it is dropped.
#[derive(Debug)]
pub struct PrivateCopy {
    folder: PathBuf,
    path: PathBuf,
}

impl PrivateCopy {
    /// Copies the program at `executable` to a new folder below `output`; `None` if another file than `expected` is there by now.
    ///
    /// # Errors
    ///
    /// It cannot be copied.
    pub fn of(executable: &Path, expected: Identity, output: &Path) -> io::Result<Option<PrivateCopy>> {
        let copies = output.join(COPIES);
        remove_those_of_dead_checkers(&copies);
        let folder = copies.join(format!("{}-{:x}", std::process::id(), fastrand::u64(..)));
        let program = PrivateCopy { path: folder.join(executable.file_name().unwrap_or_default()), folder };
        fs::create_dir_all(&program.folder)?;
        let source = fs::File::open(executable)?;
        let about = source.metadata()?;
        let mut copy = fs::File::create_new(&program.path)?;
        io::copy(&mut &source, &mut copy)?;
        copy.set_permissions(about.permissions())?;
        Ok((Identity::from(&about) == expected && Identity::from(&source.metadata()?) == expected).then_some(program))
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for PrivateCopy {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Removes the copies of checkers that were killed.
fn remove_those_of_dead_checkers(copies: &Path) {
    for entry in fs::read_dir(copies).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.split_once('-')?.0.parse().ok()).and_then(Pid::from_raw);
        if pid.is_some_and(|pid| test_kill_process(pid) == Err(rustix::io::Errno::SRCH)) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_copy_stays_when_the_program_is_replaced_and_goes_when_it_is_dropped() {
        let folder = tempfile::tempdir().expect("a folder");
        let executable = folder.path().join("server");
        fs::write(&executable, "one").expect("a writable folder");
        fs::set_permissions(&executable, fs::Permissions::from_mode(0o755)).expect("it is ours");
        let identity = Identity::of(&executable).expect("it is there");
        let program = PrivateCopy::of(&executable, identity, folder.path()).expect("it can be copied").expect("it is the same");
        fs::write(&executable, "two").expect("a writable folder");
        assert_eq!(fs::read_to_string(program.path()).expect("it is there"), "one");
        assert_eq!(fs::metadata(program.path()).expect("it is there").permissions().mode() & 0o777, 0o755);
        let path = program.path().to_owned();
        drop(program);
        assert!(!path.exists());
    }

    #[test]
    fn a_program_that_was_replaced_is_not_copied() {
        let folder = tempfile::tempdir().expect("a folder");
        let executable = folder.path().join("server");
        fs::write(&executable, "one").expect("a writable folder");
        let identity = Identity::of(&executable).expect("it is there");
        fs::write(folder.path().join("other"), "two").expect("a writable folder");
        fs::rename(folder.path().join("other"), &executable).expect("both are there");
        assert!(PrivateCopy::of(&executable, identity, folder.path()).expect("it can be read").is_none());
        assert_eq!(fs::read_dir(folder.path().join(COPIES)).expect("a folder").count(), 0, "nothing is left");
    }

    #[test]
    fn the_copies_of_dead_checkers_are_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let (dead, own) = (folder.path().join("4194305-a"), folder.path().join(format!("{}-a", std::process::id())));
        fs::create_dir(&dead).and_then(|()| fs::create_dir(&own)).expect("a writable folder");
        remove_those_of_dead_checkers(folder.path());
        assert!(!dead.exists() && own.exists());
    }
}
