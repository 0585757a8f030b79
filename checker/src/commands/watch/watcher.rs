//! Hears of changes from the operating system, and looks by itself where the system does not tell.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use notify::{ErrorKind, Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;

use super::debounce::Debounce;
use super::sources::{Scan, Sources, is_written_by_people};

/// How often to look when the system reports changes: some file systems take part without ever reporting one.
const NOW_AND_THEN: Duration = Duration::from_secs(2);
/// How often to look when it does not.
const POLLING: Duration = Duration::from_secs(1);
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

/// The operating system's reports of changes.
struct System {
    watcher: RecommendedWatcher,
    changed: Arc<Notify>,
    /// The folders under watch, by their file numbers.
    folders: BTreeMap<PathBuf, u64>,
}

impl Watcher {
    /// Begins to watch.
    pub fn new(sources: Sources) -> Self {
        let mut watcher = Watcher {
            system: System::new(&sources),
            graded: Scan::default(),
            saves: Debounce::default(),
            unreported: false,
            next_look: Instant::now(),
            sources,
        };
        watcher.start_run();
        watcher
    }

    /// Why changes are found by looking every second, if they are.
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

    /// A run has ended: the data that its server wrote is no save.
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
                () = System::reported(&self.system) => true,
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
        let scan = self.sources.scan();
        if let Ok(system) = &mut self.system
            && let Err(why) = system.follow(&self.sources, &scan)
        {
            self.system = Err(why);
        }
        let pause = if self.system.is_ok() { NOW_AND_THEN } else { POLLING };
        self.next_look = Instant::now() + pause.max(clock.elapsed() * SHARE);
        scan
    }
}

impl System {
    fn new(sources: &Sources) -> Result<Self, String> {
        let changed = Arc::new(Notify::new());
        let (teller, relevant) = (changed.clone(), sources.clone());
        let tell = move |event: notify::Result<Event>| {
            let counts = match event {
                Ok(event) => {
                    !event.kind.is_access() && (event.need_rescan() || event.paths.iter().any(|path| relevant.contain(path)))
                }
                Err(_) => true,
            };
            if counts {
                teller.notify_one();
            }
        };
        let watcher = notify::recommended_watcher(tell).map_err(|error| reason(&error))?;
        Ok(System { watcher, changed, folders: BTreeMap::new() })
    }

    /// Waits for a report.
    async fn reported(system: &Result<System, String>) {
        match system {
            Ok(system) => system.changed.notified().await,
            Err(_) => std::future::pending().await,
        }
    }

    /// Watches exactly the folders of `scan`, and the one above, where the first of them may come and go.
    fn follow(&mut self, sources: &Sources, scan: &Scan) -> Result<(), String> {
        let above = sources.folder().parent().filter(|above| above.is_dir()).map(|above| (above.to_owned(), 0));
        let wanted: BTreeMap<PathBuf, u64> = scan.folders.clone().into_iter().chain(above).collect();
        for folder in self.folders.iter().filter(|(folder, number)| wanted.get(*folder) != Some(number)) {
            let _ = self.watcher.unwatch(folder.0); // It may be gone, and its watch with it.
        }
        for (folder, number) in &wanted {
            if self.folders.get(folder) != Some(number) {
                self.watch(folder)?;
            }
        }
        self.folders = wanted;
        Ok(())
    }

    fn watch(&mut self, folder: &Path) -> Result<(), String> {
        match self.watcher.watch(folder, RecursiveMode::NonRecursive) {
            // Gone since it was seen; that will be reported.
            Err(error) if matches!(error.kind, ErrorKind::PathNotFound) => Ok(()),
            Err(error) if matches!(&error.kind, ErrorKind::Io(error) if error.kind() == io::ErrorKind::NotFound) => Ok(()),
            result => result.map_err(|error| reason(&error)),
        }
    }
}

/// Why the system does not report changes, in a few words.
fn reason(error: &notify::Error) -> String {
    match &error.kind {
        ErrorKind::MaxFilesWatch => "the system's limit of watched files is reached".to_owned(),
        ErrorKind::Io(error) => format!("the system cannot report them: {error}"),
        _ => format!("the system cannot report them: {error}"),
    }
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
    async fn a_save_is_heard_of_also_in_a_new_folder() {
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
    async fn a_file_system_that_keeps_silent_is_found_out() {
        let (_root, sources) = folder();
        let mut watcher = Watcher::new(sources.clone());
        if let Ok(system) = &mut watcher.system {
            for folder in system.folders.keys() {
                let _ = system.watcher.unwatch(folder);
            }
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
        assert!(watcher.changes(false).is_empty(), "what a server wrote stays its own after it has ended");
        fs::write(sources.folder().join("habits.json"), "[1]").expect("the folder is writable");
        assert_eq!(saved(&mut watcher, false).await, ["habits.json"]);
    }
}
