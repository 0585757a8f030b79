//! The operating system's reports of changes: inotify on Linux, none elsewhere.
//!
//! The crate `notify` would report on every system. On Linux it turns on the default features of `mio`, which no step does: tokio
//! would be compiled a second time before a learner's first verdict.

pub use os::System;

#[cfg(target_os = "linux")]
mod os {
    use std::collections::BTreeMap;
    use std::ffi::OsString;
    use std::io;
    use std::mem::MaybeUninit;
    use std::os::fd::OwnedFd;
    use std::os::unix::ffi::OsStringExt;
    use std::path::{Path, PathBuf};
    use std::sync::Arc;

    use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
    use rustix::io::Errno;

    use super::super::reading::Reading;

    /// What is reported of a folder and the files in it.
    const CHANGES: WatchFlags = WatchFlags::CREATE
        .union(WatchFlags::MODIFY)
        .union(WatchFlags::CLOSE_WRITE)
        .union(WatchFlags::ATTRIB)
        .union(WatchFlags::MOVE)
        .union(WatchFlags::MOVE_SELF)
        .union(WatchFlags::DELETE)
        .union(WatchFlags::DELETE_SELF)
        .union(WatchFlags::ONLYDIR);

    /// Reports of changes in the folders that are followed.
    pub struct System {
        queue: Arc<OwnedFd>,
        reports: Reading<Vec<Report>>,
        folders: BTreeMap<PathBuf, Watch>,
    }

    /// A folder under watch.
    #[derive(Debug, Clone, Copy)]
    struct Watch {
        /// The inode number of the folder, which distinguishes it from a later folder at the same path.
        number: u64,
        /// The name that reports have for it.
        id: i32,
    }

    /// What one event says.
    enum Report {
        /// Something happened to what has this name in a folder, or to the folder itself.
        Change { folder: i32, name: Option<OsString> },
        /// A folder is gone, and its watch with it.
        Gone { folder: i32 },
        /// Events were lost.
        Overflow,
    }

    impl System {
        /// Nothing is reported until folders are followed. The error completes "because …".
        pub fn new() -> Result<Self, String> {
            let queue = Arc::new(inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).map_err(reason)?);
            let reports = Reading::start(queue.clone(), read).map_err(|error| format!("its reports cannot be read: {error}"))?;
            Ok(System { queue, reports, folders: BTreeMap::new() })
        }

        /// Waits for a report that `counts` by its path, or that has no path.
        ///
        /// It may be dropped and called again at any time: nothing is forgotten.
        pub async fn reported(&mut self, counts: impl Fn(&Path) -> bool) {
            let mut changed = false;
            while !changed {
                let Some(reports) = self.reports.next().await else {
                    return std::future::pending().await; // Looking finds out that nothing is reported any more.
                };
                for report in reports {
                    changed |= self.take_in(report, &counts);
                }
            }
        }

        fn take_in(&mut self, report: Report, counts: impl Fn(&Path) -> bool) -> bool {
            let path = |id| self.folders.iter().find(|(_, watch)| watch.id == id).map(|(path, _)| path.clone());
            match report {
                Report::Overflow => true,
                Report::Change { folder, name: Some(name) } => path(folder).is_some_and(|path| counts(&path.join(name))),
                Report::Change { folder, name: None } => path(folder).is_some(),
                // Another folder may take its path, and even its number.
                Report::Gone { folder } => path(folder).is_some_and(|path| self.folders.remove(&path).is_some()),
            }
        }

        /// Watches exactly these folders, each with its number.
        pub fn follow(&mut self, wanted: BTreeMap<PathBuf, u64>) -> Result<(), String> {
            self.folders.retain(|folder, watch| {
                let stays = wanted.get(folder) == Some(&watch.number);
                if !stays {
                    let _ = inotify::remove_watch(&*self.queue, watch.id); // The folder may be gone, and its watch with it.
                }
                stays
            });
            for (folder, number) in wanted {
                if self.folders.contains_key(&folder) {
                    continue;
                }
                match inotify::add_watch(&*self.queue, &folder, CHANGES) {
                    Ok(id) => drop(self.folders.insert(folder, Watch { number, id })),
                    Err(Errno::NOENT | Errno::NOTDIR) => {} // Gone since it was seen; that will be reported.
                    Err(error) => return Err(reason(error)),
                }
            }
            Ok(())
        }

        /// From now on nothing is reported, as on file systems that do not.
        #[cfg(test)]
        pub fn deafen(&mut self) {
            let folders = std::mem::take(&mut self.folders);
            *self = System { folders, ..System::new().expect("there was one before") };
        }
    }

    /// All events that have not been read.
    fn read(queue: &OwnedFd) -> io::Result<Option<Vec<Report>>> {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = Reader::new(queue, &mut buffer);
        let mut reports = Vec::new();
        loop {
            let event = match reader.next() {
                Ok(event) => event,
                Err(Errno::AGAIN) => return Ok(Some(reports)),
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            let (folder, what) = (event.wd(), event.events());
            reports.push(if what.contains(ReadFlags::QUEUE_OVERFLOW) {
                Report::Overflow
            } else if what.contains(ReadFlags::IGNORED) {
                Report::Gone { folder }
            } else {
                let name = event.file_name().map(|name| OsString::from_vec(name.to_bytes().to_vec()));
                Report::Change { folder, name }
            });
        }
    }

    /// Why the system does not report changes, in a few words.
    fn reason(error: Errno) -> String {
        match error {
            Errno::NOSPC => "fs.inotify.max_user_watches is exhausted".to_owned(),
            Errno::MFILE => "fs.inotify.max_user_instances is exhausted".to_owned(),
            error => format!("the system cannot report them: {error}"),
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use std::fs;
        use std::os::unix::fs::MetadataExt;
        use std::time::Duration;

        fn follow(system: &mut System, folder: &Path) {
            let number = fs::metadata(folder).expect("it is there").ino();
            system.follow(BTreeMap::from([(folder.to_owned(), number)])).expect("it can be watched");
        }

        fn counts(path: &Path) -> bool {
            path.extension().is_some_and(|end| end == "rs")
        }

        async fn reported(system: &mut System) {
            tokio::time::timeout(Duration::from_secs(20), system.reported(counts)).await.expect("a change is reported");
        }

        async fn keeps_silent(system: &mut System) -> bool {
            tokio::time::timeout(Duration::from_millis(300), system.reported(counts)).await.is_err()
        }

        #[tokio::test]
        async fn a_change_is_reported() {
            let root = tempfile::tempdir().expect("a folder");
            let mut system = System::new().expect("there are reports");
            follow(&mut system, root.path());
            fs::write(root.path().join("main.rs"), "").expect("the folder is writable");
            reported(&mut system).await;
            while !keeps_silent(&mut system).await {}
            fs::remove_file(root.path().join("main.rs")).expect("it is there");
            reported(&mut system).await;
        }

        #[tokio::test]
        async fn what_does_not_count_is_not_reported() {
            let root = tempfile::tempdir().expect("a folder");
            let mut system = System::new().expect("there are reports");
            fs::write(root.path().join("main.rs"), "").expect("the folder is writable");
            follow(&mut system, root.path());
            fs::write(root.path().join("main.rs.swp"), "").expect("the folder is writable");
            fs::read(root.path().join("main.rs")).expect("it is there");
            assert!(keeps_silent(&mut system).await);
            system.follow(BTreeMap::new()).expect("nothing is to be watched");
            fs::write(root.path().join("lib.rs"), "").expect("the folder is writable");
            assert!(keeps_silent(&mut system).await);
        }

        #[tokio::test]
        async fn a_folder_that_is_gone_is_forgotten_whatever_number_its_successor_has() {
            let root = tempfile::tempdir().expect("a folder");
            let src = root.path().join("src");
            fs::create_dir(&src).expect("the folder is writable");
            let mut system = System::new().expect("there are reports");
            follow(&mut system, &src);
            fs::remove_dir(&src).expect("it is there");
            fs::create_dir(&src).expect("the folder is writable");
            while !system.folders.is_empty() {
                reported(&mut system).await;
            }
            follow(&mut system, &src);
            fs::write(src.join("main.rs"), "").expect("the folder is writable");
            reported(&mut system).await;
        }

        #[tokio::test]
        async fn lost_events_are_a_change() {
            let mut system = System::new().expect("there are reports");
            assert!(system.take_in(Report::Overflow, |_| false));
        }

        #[test]
        fn the_reason_names_the_limit_that_is_reached() {
            assert_eq!(reason(Errno::NOSPC), "fs.inotify.max_user_watches is exhausted");
            assert_eq!(reason(Errno::MFILE), "fs.inotify.max_user_instances is exhausted");
            assert!(reason(Errno::ACCESS).starts_with("the system cannot report them: "));
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod os {
    use std::collections::BTreeMap;
    use std::path::{Path, PathBuf};

    /// There is none.
    pub enum System {}

    impl System {
        pub fn new() -> Result<Self, String> {
            Err("reports of changes are used on Linux only".to_owned())
        }

        pub async fn reported(&mut self, _: impl Fn(&Path) -> bool) {
            match *self {}
        }

        pub fn follow(&mut self, _: BTreeMap<PathBuf, u64>) -> Result<(), String> {
            match *self {}
        }
    }
}
