//! Watches files: the operating system reports changes, and where it does not, the watcher polls.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::debounce::Debounce;
use super::sources::{Scan, Sources, is_written_by_people};
use super::system::System;

/// How often to look when the system reports changes: some file systems take part without ever reporting one.
const NOW_AND_THEN: Duration = Duration::from_secs(2);
/// How often to look when it does not.
const POLLING: Duration = Duration::from_millis(500);
/// Looking may take this part of the time at most.
const SHARE: u32 = 20;

/// Watches the files of one target.
pub struct Watcher {
    sources: Sources,
    system: Result<System, String>,
    /// The files as the latest run found them.
    graded: Scan,
    saves: Debounce,
    /// Whether the change that waits was found by looking, without word from the system.
    unreported: bool,
    next_look: Instant,
}

impl Watcher {
    /// Begins to watch.
    pub fn new(sources: Sources) -> Self {
        let mut watcher = Watcher {
            system: System::new(),
            graded: Scan::default(),
            saves: Debounce::default(),
            unreported: false,
            next_look: Instant::now(),
            sources,
        };
        watcher.start_run();
        watcher
    }

    /// Why changes are found by looking twice a second, if they are.
    pub fn polls_because(&self) -> Option<&str> {
        self.system.as_ref().err().map(String::as_str)
    }

    /// The folder that could not be read when a run last started, and why.
    pub fn unreadable(&self) -> Option<&(PathBuf, io::Error)> {
        self.graded.unreadable.as_ref()
    }

    /// A run starts: it sees the files as they are now.
    pub fn start_run(&mut self) {
        self.saves.clear();
        self.unreported = false;
        self.graded = self.look();
    }

    /// A run has finished: data that its server wrote is not a save.
    pub fn end_run(&mut self) {
        self.changes(true);
    }

    /// The folder that is watched.
    pub fn folder(&self) -> &Path {
        self.sources.folder()
    }

    /// Waits for a save, and returns the files that differ from what the latest run saw. `serving` says whether a server runs at
    /// that time: then data that changes is its own doing.
    ///
    /// It may be dropped and called again at any time: nothing is forgotten.
    pub async fn saved(&mut self, serving: impl Fn() -> bool) -> Vec<PathBuf> {
        loop {
            let due = self.saves.due().unwrap_or(self.next_look);
            let reported = tokio::select! {
                () = reported(&mut self.system, &self.sources) => true,
                () = tokio::time::sleep_until(due.into()) => false,
            };
            let now = Instant::now();
            if reported {
                self.unreported = false;
                self.saves.note(now);
                continue;
            }
            let waited = self.saves.due().is_some();
            let changes = self.changes(serving());
            if changes.is_empty() {
                self.saves.clear();
            } else if !waited {
                self.unreported = true;
                self.saves.note(now);
            } else {
                if self.unreported && self.system.is_ok() {
                    self.system = Err("this file system does not report changes".to_owned());
                }
                return changes;
            }
        }
    }

    fn changes(&mut self, serving: bool) -> Vec<PathBuf> {
        let now = self.look();
        let mut changes = self.graded.changes(&now);
        if serving {
            changes.retain(|path| is_written_by_people(path));
        }
        if changes.is_empty() {
            self.graded = now;
        }
        changes
    }

    fn look(&mut self) -> Scan {
        let clock = Instant::now();
        let scan = self.sources.scan(&self.graded);
        if let Ok(system) = &mut self.system
            && let Err(why) = system.follow(followed(&self.sources, &scan))
        {
            self.system = Err(why);
        }
        let pause = if self.system.is_ok() { NOW_AND_THEN } else { POLLING };
        self.next_look = Instant::now() + pause.max(clock.elapsed() * SHARE);
        scan
    }
}

/// Waits for a report of the system, if it makes any.
async fn reported(system: &mut Result<System, String>, sources: &Sources) {
    match system {
        Ok(system) => system.reported(|path| sources.contain(path)).await,
        Err(_) => std::future::pending().await,
    }
}

/// The folders of `scan`, and the one above, where the first of them may come and go.
fn followed(sources: &Sources, scan: &Scan) -> BTreeMap<PathBuf, u64> {
    let above = sources.folder().parent().filter(|above| above.is_dir()).map(|above| (above.to_owned(), 0));
    scan.folders.clone().into_iter().chain(above).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn folder() -> (tempfile::TempDir, Sources) {
        let root = tempfile::tempdir().expect("a folder");
        let folder = root.path().join("app");
        fs::create_dir_all(folder.join("src")).expect("the folder is writable");
        fs::write(folder.join("src/main.rs"), "").expect("the folder is writable");
        (root, Sources::of_tree(folder))
    }

    async fn saved(watcher: &mut Watcher, serving: bool) -> Vec<String> {
        let limit = Duration::from_secs(20);
        let paths = tokio::time::timeout(limit, watcher.saved(|| serving)).await.expect("a save is seen");
        paths.iter().map(|path| path.file_name().unwrap_or_default().to_string_lossy().into_owned()).collect()
    }

    fn polling(sources: Sources) -> Watcher {
        let mut watcher = Watcher::new(sources);
        watcher.system = Err("a test".to_owned());
        watcher.next_look = Instant::now();
        watcher
    }

    #[tokio::test]
    async fn a_save_in_a_new_folder_is_seen_too() {
        let (_root, sources) = folder();
        let mut watcher = Watcher::new(sources.clone());
        fs::create_dir(sources.folder().join("src/habits")).expect("the folder is writable");
        fs::write(sources.folder().join("src/habits/mod.rs"), "").expect("the folder is writable");
        assert_eq!(saved(&mut watcher, false).await, ["mod.rs"]);
        watcher.start_run();
        fs::write(sources.folder().join("src/habits/mod.rs"), "mod rules;").expect("the folder is writable");
        assert_eq!(saved(&mut watcher, false).await, ["mod.rs"]);
    }

    #[tokio::test]
    async fn a_folder_that_is_replaced_stays_watched() {
        let (root, sources) = folder();
        let mut watcher = Watcher::new(sources.clone());
        fs::rename(sources.folder(), root.path().join("old")).expect("it is there");
        assert_eq!(saved(&mut watcher, false).await, ["main.rs"]);
        watcher.start_run();
        assert!(watcher.unreadable().is_some());
        fs::create_dir_all(sources.folder().join("src")).expect("the folder is writable");
        fs::write(sources.folder().join("src/lib.rs"), "").expect("the folder is writable");
        assert_eq!(saved(&mut watcher, false).await, ["lib.rs"]);
    }

    #[tokio::test]
    async fn without_reports_looking_finds_a_save() {
        let (_root, sources) = folder();
        let mut watcher = polling(sources.clone());
        fs::write(sources.folder().join("src/main.rs"), "fn main() {}").expect("the folder is writable");
        assert_eq!(saved(&mut watcher, false).await, ["main.rs"]);
        assert_eq!(watcher.polls_because(), Some("a test"));
    }

    #[tokio::test]
    async fn content_decides_and_not_the_modification_time() {
        let (_root, sources) = folder();
        let main = sources.folder().join("src/main.rs");
        let set_modified = |time| {
            let file = fs::File::options().write(true).open(&main).expect("it is there");
            file.set_modified(time).expect("it is ours");
        };
        for mut watcher in [Watcher::new(sources.clone()), polling(sources.clone())] {
            fs::write(&main, "fn one() {}").expect("the folder is writable");
            watcher.start_run();
            let time = fs::metadata(&main).and_then(|about| about.modified()).expect("it is there");
            set_modified(time + Duration::from_secs(60));
            let touched = tokio::time::timeout(POLLING * 3, watcher.saved(|| false)).await;
            assert!(touched.is_err(), "a touch is no save: {touched:?}");
            fs::write(&main, "fn two() {}").expect("the folder is writable");
            set_modified(time - Duration::from_secs(60));
            assert_eq!(saved(&mut watcher, false).await, ["main.rs"], "an older file is a save");
        }
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_file_system_that_reports_nothing_is_detected() {
        let (_root, sources) = folder();
        let mut watcher = Watcher::new(sources.clone());
        if let Ok(system) = &mut watcher.system {
            system.deafen();
        }
        watcher.next_look = Instant::now();
        fs::write(sources.folder().join("src/main.rs"), "fn main() {}").expect("the folder is writable");
        assert_eq!(saved(&mut watcher, false).await, ["main.rs"]);
        assert!(watcher.polls_because().is_some());
    }

    #[tokio::test]
    async fn the_data_of_a_running_server_is_no_save() {
        let (_root, sources) = folder();
        let mut watcher = polling(sources.clone());
        fs::write(sources.folder().join("habits.json"), "[]").expect("the folder is writable");
        assert!(watcher.changes(true).is_empty());
        assert!(watcher.changes(false).is_empty(), "data that a server wrote is no save after it has stopped either");
        fs::write(sources.folder().join("habits.json"), "[1]").expect("the folder is writable");
        assert_eq!(saved(&mut watcher, false).await, ["habits.json"]);
    }
}
