//! The files that a program is built from, and the record of its last build.
//!
//! Cargo builds again if a file has a later modification time than the last build. `tar`, `unzip`, `cp -a`, `mv` and the backups of
//! editors keep old times, so a folder can hold other files than those that cargo built. The content of the files decides here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

/// More files than this are no package; the rest is left out.
const MOST_FILES: usize = 20_000;

/// Files, each with a hash of its content.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sources(BTreeMap<PathBuf, u64>);

impl Sources {
    /// Every file at these paths, files or folders, except what version control and cargo keep in a folder.
    pub fn read(places: &BTreeSet<PathBuf>) -> Sources {
        let (mut sources, mut seen) = (Sources::default(), BTreeSet::new());
        for place in places {
            sources.add(place, &mut seen);
        }
        sources
    }

    /// Adds what is at a path. `seen` holds the folders that were read before: links may lead in a circle.
    fn add(&mut self, path: &Path, seen: &mut BTreeSet<(u64, u64)>) {
        // What cannot be read is missing here, and the compiler says so.
        let Ok(about) = fs::metadata(path) else { return };
        if about.is_dir() {
            let is_output = path.ends_with(".git") || path.join("CACHEDIR.TAG").exists();
            if !is_output && seen.insert((about.dev(), about.ino())) {
                for entry in fs::read_dir(path).into_iter().flatten().flatten() {
                    self.add(&entry.path(), seen);
                }
            }
        } else if about.is_file()
            && self.0.len() < MOST_FILES
            && let Ok(bytes) = fs::read(path)
        {
            let mut hasher = DefaultHasher::new();
            hasher.write(&bytes);
            self.0.insert(path.to_owned(), hasher.finish());
        }
    }

    /// Whether cargo sees each difference between these files and those of a build that ended at `time`: a changed file needs a later
    /// modification time. Cargo need not notice that a file is gone.
    fn differences_are_later_than(&self, now: &Sources, time: SystemTime) -> bool {
        let is_later = |path: &Path| fs::metadata(path).and_then(|about| about.modified()).is_ok_and(|modified| modified > time);
        let mut changed = now.0.iter().filter(|(path, hash)| self.0.get(*path) != Some(hash));
        changed.all(|(path, _)| is_later(path)) && self.0.keys().all(|path| now.0.contains_key(path))
    }
}

/// What distinguishes a file from any other that takes its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    device: u64,
    number: u64,
    size: u64,
    /// Seconds and nanoseconds since 1970.
    modified: (i64, i64),
}

impl Identity {
    /// The identity of the file at `path`.
    pub fn of(path: &Path) -> io::Result<Identity> {
        Ok(Identity::from(&fs::metadata(path)?))
    }
}

impl From<&fs::Metadata> for Identity {
    fn from(about: &fs::Metadata) -> Self {
        let modified = (about.mtime(), about.mtime_nsec());
        Identity { device: about.dev(), number: about.ino(), size: about.len(), modified }
    }
}

/// The last build of a package by the checker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastBuild {
    /// When cargo had finished.
    pub ended: SystemTime,
    /// The program.
    pub executable: PathBuf,
    /// The file that was there then.
    pub program: Identity,
    /// The packages that it consists of, by cargo's ids.
    pub packages: BTreeSet<String>,
    /// What it was built from: folders of packages, and single files elsewhere.
    pub places: BTreeSet<PathBuf>,
    /// The root files of their crates, such as `src/main.rs`.
    pub roots: BTreeSet<PathBuf>,
    /// Their files.
    pub sources: Sources,
}

impl LastBuild {
    /// The record in this file, if it can be read.
    pub fn load(file: &Path) -> Option<LastBuild> {
        serde_json::from_slice(&fs::read(file).ok()?).ok()
    }

    /// Writes the record. Without it, the next build only takes longer.
    pub fn store(&self, file: &Path) {
        let write = || {
            fs::create_dir_all(file.parent()?).ok()?;
            let aside = file.with_extension(format!("{}.tmp", std::process::id()));
            fs::write(&aside, serde_json::to_vec(self).ok()?).ok()?;
            fs::rename(aside, file).ok()
        };
        let _ = write();
    }

    /// Whether cargo, left to itself, now builds what is there.
    ///
    /// It does if nobody else has built this package since, and if it sees every change by its time.
    pub fn lets_cargo_see(&self, now: &Sources) -> bool {
        Identity::of(&self.executable).is_ok_and(|identity| identity == self.program)
            && self.sources.differences_are_later_than(now, self.ended)
    }
}

/// The files that this program was compiled from, as cargo lists them beside it in the syntax of a makefile.
pub fn compiled_into(executable: &Path) -> Vec<PathBuf> {
    let list = fs::read_to_string(executable.with_extension("d")).unwrap_or_default();
    let (_, paths) = list.lines().next().and_then(|line| line.split_once(": ")).unwrap_or_default();
    // In a path, a backslash precedes a space.
    let paths = paths.replace("\\ ", "\0");
    paths.split(' ').filter(|path| !path.is_empty()).map(|path| PathBuf::from(path.replace('\0', " "))).collect()
}

/// Makes cargo build the crates with these root files again: gives the files a new modification time.
///
/// # Errors
///
/// A file cannot be changed.
pub fn touch(roots: &BTreeSet<PathBuf>) -> io::Result<()> {
    let now = SystemTime::now();
    roots.iter().try_for_each(|root| fs::File::options().append(true).open(root)?.set_modified(now))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    struct Package(tempfile::TempDir);

    impl Package {
        fn new() -> Package {
            let package = Package(tempfile::tempdir().expect("a folder"));
            package.write("src/main.rs", "fn main() {}");
            package.write("program", "1");
            package
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join("package").join(name)
        }

        fn write(&self, name: &str, text: &str) {
            let path = self.path(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a writable folder");
            fs::write(path, text).expect("a writable folder");
        }

        fn set_age(&self, name: &str, seconds: u64) {
            let time = SystemTime::now() - Duration::from_secs(seconds);
            fs::File::options().append(true).open(self.path(name)).and_then(|file| file.set_modified(time)).expect("it is ours");
        }

        fn sources(&self) -> Sources {
            Sources::read(&BTreeSet::from([self.path("src")]))
        }

        fn last_build(&self) -> LastBuild {
            LastBuild {
                ended: SystemTime::now() - Duration::from_secs(100),
                executable: self.path("program"),
                program: Identity::of(&self.path("program")).expect("it is there"),
                packages: BTreeSet::new(),
                places: BTreeSet::from([self.path("src")]),
                roots: BTreeSet::from([self.path("src/main.rs")]),
                sources: self.sources(),
            }
        }
    }

    #[test]
    fn cargo_sees_what_was_saved_since() {
        let package = Package::new();
        let last = package.last_build();
        assert!(last.lets_cargo_see(&package.sources()), "nothing has changed");
        package.write("src/main.rs", "fn main() { run() }");
        package.write("src/new.rs", "");
        assert!(last.lets_cargo_see(&package.sources()));
    }

    #[test]
    fn cargo_does_not_see_a_changed_file_with_an_old_time() {
        let package = Package::new();
        let last = package.last_build();
        package.write("src/main.rs", "fn main() { run() }");
        package.set_age("src/main.rs", 1000);
        assert!(!last.lets_cargo_see(&package.sources()));
        package.write("src/main.rs", "fn main() {}");
        package.set_age("src/main.rs", 1000);
        assert!(last.lets_cargo_see(&package.sources()), "the content is as it was");
        package.write("src/new.rs", "");
        package.set_age("src/new.rs", 1000);
        assert!(!last.lets_cargo_see(&package.sources()), "a new file");
    }

    #[test]
    fn cargo_need_not_see_that_a_file_is_gone() {
        let package = Package::new();
        package.write("src/migrations/1.sql", "");
        let last = package.last_build();
        fs::remove_file(package.path("src/migrations/1.sql")).expect("it is there");
        assert!(!last.lets_cargo_see(&package.sources()));
    }

    #[test]
    fn another_program_in_the_place_of_the_last_one_proves_nothing() {
        let package = Package::new();
        let last = package.last_build();
        package.write("other", "1");
        fs::rename(package.path("other"), package.path("program")).expect("both are there");
        assert!(!last.lets_cargo_see(&package.sources()));
        fs::remove_file(package.path("program")).expect("it is there");
        assert!(!last.lets_cargo_see(&package.sources()));
    }

    #[test]
    fn output_of_cargo_and_version_control_are_no_sources() {
        let package = Package::new();
        let before = package.sources();
        package.write("src/target/CACHEDIR.TAG", "");
        package.write("src/target/x.rs", "");
        package.write("src/.git/HEAD", "");
        std::os::unix::fs::symlink(package.path("src"), package.path("src/again")).expect("a writable folder");
        assert_eq!(package.sources(), before, "a link in a circle ends");
        package.write("elsewhere/linked.rs", "");
        std::os::unix::fs::symlink(package.path("elsewhere"), package.path("src/linked")).expect("a writable folder");
        assert_ne!(package.sources(), before, "a link to a folder is followed");
        let before = package.sources();
        package.write("src/.cargo/config.toml", "");
        assert_ne!(package.sources(), before);
    }

    #[test]
    fn the_record_survives_a_round_trip_and_a_damaged_one_is_none() {
        let package = Package::new();
        let (last, file) = (package.last_build(), package.path("builds/step.json"));
        last.store(&file);
        assert_eq!(LastBuild::load(&file), Some(last));
        package.write("builds/step.json", "{");
        assert_eq!(LastBuild::load(&file), None);
    }

    #[test]
    fn cargos_list_of_files_is_read() {
        let package = Package::new();
        assert!(compiled_into(&package.path("program")).is_empty());
        package.write("program.d", "/t/program: /w/my\\ step/src/main.rs /w/shared.rs\n");
        let files: Vec<PathBuf> = ["/w/my step/src/main.rs", "/w/shared.rs"].map(PathBuf::from).into();
        assert_eq!(compiled_into(&package.path("program")), files);
    }

    #[test]
    fn touching_changes_the_time_alone() {
        let package = Package::new();
        package.set_age("src/main.rs", 1000);
        let before = package.sources();
        touch(&BTreeSet::from([package.path("src/main.rs")])).expect("it is ours");
        assert_eq!(package.sources(), before);
        let age = fs::metadata(package.path("src/main.rs")).and_then(|about| about.modified()).expect("it is there").elapsed();
        assert!(age.is_ok_and(|age| age < Duration::from_secs(500)));
        assert!(touch(&BTreeSet::from([package.path("src/gone.rs")])).is_err());
    }
}
