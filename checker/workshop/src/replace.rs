//! Replaces a step's folder atomically, so that an interruption at any point loses nothing.
//!
//! The new files are written among the backups, under a name that begins with `.part-`, then renamed to `.ready-`. Then the old
//! folder is renamed to become the backup, and the new one takes its place. Only the moment between the last two
//! renames leaves the step without a folder; `.ready-` is complete then, and [`Exclusive::recover`] finishes the work.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;
use time::macros::format_description;

use crate::Workshop;
use crate::folder::{self, Files};
use model::Problem;
use sandbox::lock::{self, Tried};

/// The message for a learner whose terminal is in a folder that was replaced.
pub const MOVED: &str = "Your terminal is still in the old folder: run `cd \"$PWD\"` to change into the new one.";

/// The exclusive right to replace folders. One process at a time holds it, until the value is dropped.
#[derive(Debug)]
pub struct Exclusive<'a> {
    workshop: &'a Workshop,
    _lock: File,
}

impl<'a> Exclusive<'a> {
    /// Acquires the exclusive right to replace folders.
    ///
    /// # Errors
    ///
    /// Another process holds it, or the folder for backups cannot be written.
    pub fn acquire(workshop: &'a Workshop) -> Result<Exclusive<'a>, Problem> {
        let backups = workshop.backups();
        fs::create_dir_all(&backups).map_err(|error| folder::unwritable(&backups, &error))?;
        let path = backups.join(".lock");
        let lock = File::options().create(true).truncate(false).write(true).open(&path);
        let lock = lock.map_err(|error| folder::unwritable(&path, &error))?;
        match lock::try_exclusive(&lock) {
            Ok(Tried::Acquired | Tried::Unsupported) => Ok(Exclusive { workshop, _lock: lock }),
            Ok(Tried::Held) => {
                Err(Problem::new("Another checker is replacing files of a step.", "Wait until it has finished, then try again."))
            }
            Err(error) => Err(folder::unwritable(&path, &error)),
        }
    }
}

impl Exclusive<'_> {
    /// Finishes or removes what an interrupted replacement of this step left behind; returns whether it finished one.
    ///
    /// # Errors
    ///
    /// A folder cannot be moved.
    pub fn recover(&self, slug: &str) -> Result<bool, Problem> {
        let (part, ready, step) = (self.beside("part", slug), self.beside("ready", slug), self.workshop.step(slug));
        remove(&part)?;
        if !exists(&ready) {
            return Ok(false);
        }
        if exists(&step) {
            remove(&ready)?;
            return Ok(false);
        }
        rename(&ready, &step)?;
        Ok(true)
    }

    /// Puts `files` in the step's folder, and moves the folder as it was, if there was one, to the backups.
    ///
    /// Returns the path of the backup.
    ///
    /// # Errors
    ///
    /// Something cannot be written or moved. The step's folder is then as it was.
    pub fn replace(&self, slug: &str, files: &Files) -> Result<Option<PathBuf>, Problem> {
        let (part, ready, step) = (self.beside("part", slug), self.beside("ready", slug), self.workshop.step(slug));
        remove(&part)?;
        remove(&ready)?;
        fs::create_dir_all(&part).map_err(|error| folder::unwritable(&part, &error))?;
        folder::write(&part, files)?;
        rename(&part, &ready)?;

        let backup = exists(&step).then(|| self.unused_backup(slug));
        if let Some(backup) = &backup {
            rename(&step, backup)?;
        }
        if let Err(problem) = rename(&ready, &step) {
            if let Some(backup) = &backup {
                rename(backup, &step)?;
            }
            return Err(problem);
        }
        Ok(backup)
    }

    fn beside(&self, stage: &str, slug: &str) -> PathBuf {
        self.workshop.backups().join(format!(".{stage}-{slug}"))
    }

    /// An unused name for a backup made now.
    fn unused_backup(&self, slug: &str) -> PathBuf {
        let format = format_description!("[year][month][day]T[hour][minute][second]Z");
        let now = OffsetDateTime::now_utc().format(format).expect("a date has all the parts of the format");
        let name = format!("{slug}-{now}");
        let backups = self.workshop.backups();
        let numbered = (2..).map(|number| backups.join(format!("{name}-{number}")));
        let mut names = std::iter::once(backups.join(&name)).chain(numbered);
        names.find(|path| !exists(path)).expect("there are more names than backups")
    }
}

/// Whether anything has this name, even a dangling link.
fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

fn remove(path: &Path) -> Result<(), Problem> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(folder::unwritable(path, &error)),
        _ => Ok(()),
    }
}

fn rename(from: &Path, to: &Path) -> Result<(), Problem> {
    fs::rename(from, to).map_err(|error| {
        Problem::new(
            format!("{} cannot be moved to {}: {error}.", from.display(), to.display()),
            "Check that you may write in both folders and that they are on one disk, then try again. Nothing was lost.",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Folder;

    const SLUG: &str = "01-api-basics";

    fn files(text: &str) -> Files {
        Files::from([("src/lib.rs".to_owned(), text.as_bytes().to_vec())])
    }

    fn workshop() -> (tempfile::TempDir, Workshop) {
        let root = tempfile::tempdir().expect("a temporary folder");
        let workshop = Workshop::at(root.path());
        folder::write(&workshop.step(SLUG), &files("old")).expect("a writable folder");
        (root, workshop)
    }

    fn read(path: &Path) -> Files {
        Folder::read(path).expect("a readable folder").files
    }

    #[test]
    fn a_replaced_folder_is_kept_and_no_backup_is_overwritten() {
        let (_root, workshop) = workshop();
        let exclusive = Exclusive::acquire(&workshop).expect("nobody else is there");
        let first = exclusive.replace(SLUG, &files("new")).expect("a writable folder").expect("a backup");
        let second = exclusive.replace(SLUG, &files("newer")).expect("a writable folder").expect("a backup");
        assert_ne!(first, second);
        assert_eq!(read(&first), files("old"));
        assert_eq!(read(&second), files("new"));
        assert_eq!(read(&workshop.step(SLUG)), files("newer"));
    }

    #[test]
    fn a_replacement_that_stopped_in_the_middle_is_finished_by_the_next_run() {
        let (_root, workshop) = workshop();
        let exclusive = Exclusive::acquire(&workshop).expect("nobody else is there");
        fs::rename(workshop.step(SLUG), workshop.backups().join("kept")).expect("a writable folder");
        folder::write(&exclusive.beside("ready", SLUG), &files("new")).expect("a writable folder");
        assert_eq!(exclusive.recover(SLUG), Ok(true));
        assert_eq!(read(&workshop.step(SLUG)), files("new"));
        assert_eq!(exclusive.recover(SLUG), Ok(false));
    }

    #[test]
    fn a_replacement_that_stopped_early_is_removed() {
        let (_root, workshop) = workshop();
        let exclusive = Exclusive::acquire(&workshop).expect("nobody else is there");
        for stage in ["part", "ready"] {
            folder::write(&exclusive.beside(stage, SLUG), &files("half")).expect("a writable folder");
        }
        assert_eq!(exclusive.recover(SLUG), Ok(false));
        assert_eq!(read(&workshop.step(SLUG)), files("old"));
        assert!(!exists(&exclusive.beside("part", SLUG)) && !exists(&exclusive.beside("ready", SLUG)));
    }

    #[test]
    fn one_process_at_a_time_replaces() {
        let (_root, workshop) = workshop();
        let first = Exclusive::acquire(&workshop).expect("nobody else is there");
        let problem = Exclusive::acquire(&workshop).expect_err("somebody else is there");
        assert!(problem.title.contains("Another checker"), "{}", problem.title);
        drop(first);
        Exclusive::acquire(&workshop).expect("nobody else is there any more");
    }

    #[test]
    fn a_folder_for_backups_that_cannot_be_made_stops_everything() {
        let (_root, workshop) = workshop();
        fs::write(workshop.backups(), "a file is in the way").expect("a writable folder");
        let problem = Exclusive::acquire(&workshop).expect_err("no folder for backups");
        assert!(problem.title.contains(".checker-backups cannot be written"), "{}", problem.title);
        assert_eq!(read(&workshop.step(SLUG)), files("old"));
    }

    #[test]
    #[cfg(unix)]
    fn a_step_that_is_a_link_is_moved_as_a_link() {
        let (_root, workshop) = workshop();
        let elsewhere = tempfile::tempdir().expect("a temporary folder");
        folder::write(elsewhere.path(), &files("precious")).expect("a writable folder");
        fs::remove_dir_all(workshop.step(SLUG)).expect("a writable folder");
        std::os::unix::fs::symlink(elsewhere.path(), workshop.step(SLUG)).expect("a link");
        let exclusive = Exclusive::acquire(&workshop).expect("nobody else is there");
        exclusive.replace(SLUG, &files("new")).expect("a writable folder").expect("a backup");
        assert_eq!(read(elsewhere.path()), files("precious"));
        assert_eq!(read(&workshop.step(SLUG)), files("new"));
    }
}
