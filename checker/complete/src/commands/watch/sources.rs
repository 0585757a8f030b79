//! Which files a verdict depends on, and which of them have changed.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::hash::{DefaultHasher, Hasher};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// More files than this are no workshop step; the rest is left out.
const MOST_FILES: usize = 20_000;
/// A file of more bytes than this is no program text, so its content is not read.
const MOST_BYTES: u64 = 1 << 20;
/// Clocks of file systems are coarse: a file that changed less than this ago can change again and keep its stamp.
const COARSE_CLOCK: Duration = Duration::from_secs(2);
/// Folders of a Rust package that hold no sources.
const PACKAGE_OUTPUT: &[&str] = &["target"];
/// Folders that tools of other languages fill.
const TREE_OUTPUT: &[&str] = &["target", "node_modules", "__pycache__", "venv", "dist", "build", "out", "obj", "_build"];
/// Ends of names that editors and patch programs give to copies.
const COPIES: &[&str] = &["~", ".bak", ".orig", ".rej", ".swp", ".tmp", "___jb_tmp___", "___jb_old___"];
/// Ends of names of program text and what goes with it: people write these, running servers do not.
const WRITTEN_BY_PEOPLE: &[&str] = &[
    "rs", "toml", "sql", "py", "js", "mjs", "ts", "jsx", "tsx", "go", "mod", "java", "kt", "rb", "php", "cs", "c", "cc", "cpp",
    "h", "hpp", "ex", "exs", "hs", "scala", "swift", "zig", "html", "css", "yaml", "yml", "sh", "graphql", "proto",
];

/// The files of one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources {
    folder: PathBuf,
    output: &'static [&'static str],
}

/// The state of all files at one moment.
#[derive(Debug, Default)]
pub struct Scan {
    files: BTreeMap<PathBuf, File>,
    /// Every folder that holds watched files, with its file number: a new folder of the same name has another.
    pub folders: BTreeMap<PathBuf, u64>,
    /// A folder that could not be read, and why.
    pub unreadable: Option<(PathBuf, io::Error)>,
}

/// The state of a file.
#[derive(Debug, Clone, Copy)]
struct File {
    content: Content,
    stamp: Stamp,
    /// Whether a later change is sure to give another stamp.
    settled: bool,
}

/// What two states of a file are compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    /// The hash of all its bytes.
    Hash(u64),
    /// The file is too large or cannot be read, so every touch counts as a change.
    Unread(Stamp),
}

/// Every write, rename and touch gives a file a new stamp. The modification time is no part of it, since programs set it: `cp -a`
/// and `tar` keep an old one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    /// When the file or its metadata last changed (`st_ctime` of POSIX), in seconds and nanoseconds since 1970.
    changed: (i64, i64),
    size: u64,
    number: u64,
}

impl Sources {
    /// The folder of a package of the workshop.
    pub fn of_package(folder: PathBuf) -> Self {
        Sources { folder, output: PACKAGE_OUTPUT }
    }

    /// A folder in which a command runs.
    pub fn of_tree(folder: PathBuf) -> Self {
        Sources { folder, output: TREE_OUTPUT }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether a change at `path` may change the verdict.
    pub fn contain(&self, path: &Path) -> bool {
        let Ok(inside) = path.strip_prefix(&self.folder) else { return false };
        let names: Vec<&OsStr> = inside.iter().collect();
        match names.split_last() {
            Some((name, folders)) => folders.iter().all(|name| self.is_source_folder(name)) && self.is_source(name),
            None => true, // The folder itself.
        }
    }

    /// A file or a folder: a path that is gone could have been either.
    fn is_source(&self, name: &OsStr) -> bool {
        let name = name.to_string_lossy();
        let hidden = name.starts_with('.') && name != ".env";
        let copy = COPIES.iter().any(|end| name.ends_with(end)) || name.starts_with('#');
        // Vim tries by this name whether it may write; cargo writes its lock file by itself.
        !hidden && !copy && name != "4913" && name != "Cargo.lock" && !self.output.contains(&&*name)
    }

    fn is_source_folder(&self, name: &OsStr) -> bool {
        let name = name.to_string_lossy();
        !name.starts_with('.') && !self.output.contains(&&*name)
    }

    /// Looks at every file, and reads those whose stamp does not prove that they are as in an earlier scan.
    pub fn scan(&self, earlier: &Scan) -> Scan {
        let mut scan = Scan::default();
        match fs::metadata(&self.folder) {
            Ok(about) => scan.folder(self, earlier, &self.folder, &about),
            Err(error) => scan.problem(&self.folder, error),
        }
        scan
    }
}

impl Scan {
    fn folder(&mut self, sources: &Sources, earlier: &Scan, folder: &Path, about: &Metadata) {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => return self.problem(folder, error),
        };
        self.folders.insert(folder.to_owned(), about.ino());
        for entry in entries.flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            // A link to a folder is not followed: it may lead in a circle.
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let wanted = if is_folder { sources.is_source_folder(&name) } else { sources.is_source(&name) };
            if !wanted || self.files.len() >= MOST_FILES {
                continue;
            }
            match fs::metadata(&path) {
                Ok(about) if is_folder => self.folder(sources, earlier, &path, &about),
                Ok(about) if about.is_file() => {
                    let file = File::look(&path, &about, earlier.files.get(&path));
                    self.files.insert(path, file);
                }
                Ok(_) => {}
                Err(_) => {} // Gone since the folder was read, or a link to nothing.
            }
        }
    }

    fn problem(&mut self, folder: &Path, error: io::Error) {
        self.unreadable.get_or_insert_with(|| (folder.to_owned(), error));
    }

    /// The files whose content differs between this moment and a later one.
    pub fn changes(&self, later: &Scan) -> Vec<PathBuf> {
        let content = |path| self.files.get(path).map(|file| file.content);
        let new_or_other = later.files.iter().filter(|(path, file)| content(*path) != Some(file.content));
        let gone = self.files.keys().filter(|path| !later.files.contains_key(*path));
        new_or_other.map(|(path, _)| path).chain(gone).cloned().collect()
    }
}

impl File {
    /// The file at `path` as it is now. It is read unless its stamp proves that it is as `earlier`.
    fn look(path: &Path, about: &Metadata, earlier: Option<&File>) -> Self {
        let stamp = Stamp { changed: (about.ctime(), about.ctime_nsec()), size: about.len(), number: about.ino() };
        if let Some(file) = earlier.filter(|file| file.settled && file.stamp == stamp) {
            return *file;
        }
        let settled = stamp.age().is_some_and(|age| age > COARSE_CLOCK);
        let bytes = if stamp.size > MOST_BYTES { None } else { fs::read(path).ok() };
        File { content: bytes.map_or(Content::Unread(stamp), |bytes| Content::Hash(hash(&bytes))), stamp, settled }
    }
}

impl Stamp {
    /// How long ago the file got it; nothing if that lies in the future.
    fn age(&self) -> Option<Duration> {
        let (seconds, nanoseconds) = self.changed;
        let since_1970 = Duration::new(seconds.try_into().ok()?, nanoseconds.try_into().ok()?);
        let given = SystemTime::UNIX_EPOCH.checked_add(since_1970)?;
        SystemTime::now().duration_since(given).ok()
    }
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

/// Whether a running server would not write such a file by itself, as it does with its data.
pub fn is_written_by_people(path: &Path) -> bool {
    let end = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    WRITTEN_BY_PEOPLE.contains(&&*end) || path.file_name().is_some_and(|name| name == ".env")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package() -> (tempfile::TempDir, Sources) {
        let root = tempfile::tempdir().expect("a folder");
        let folder = root.path().join("01-api-basics");
        for name in ["src/habits", "migrations", "target/debug", ".git", "build"] {
            fs::create_dir_all(folder.join(name)).expect("the folder is writable");
        }
        (root, Sources::of_package(folder))
    }

    fn save(sources: &Sources, name: &str, text: &str) {
        fs::write(sources.folder().join(name), text).expect("the folder is writable");
    }

    /// The names of what `change` changes, as a scan sees it.
    fn seen(sources: &Sources, change: impl FnOnce()) -> Vec<String> {
        let before = sources.scan(&Scan::default());
        change();
        let changes = before.changes(&sources.scan(&before));
        changes.iter().map(|path| path.strip_prefix(sources.folder()).expect("it is inside").display().to_string()).collect()
    }

    #[test]
    fn sources_count_and_what_tools_leave_does_not() {
        let (_root, sources) = package();
        let inside = |name: &str| sources.contain(&sources.folder().join(name));
        for name in ["Cargo.toml", "src/main.rs", "src/habits/mod.rs", "migrations/1_habits.sql", ".env", "build/x.rs", "src", ""]
        {
            assert!(inside(name), "{name}");
        }
        for name in [
            "target",
            "target/debug/app",
            ".git/index",
            "src/.main.rs.swp",
            "src/main.rs~",
            "src/4913",
            "src/#main.rs#",
            "src/.#main.rs",
            "src/main.rs.orig",
            "Cargo.lock",
            ".checker",
            "../02-framework/src/main.rs",
        ] {
            assert!(!inside(name), "{name}");
        }
    }

    #[test]
    fn in_the_folder_of_a_command_the_output_of_every_language_is_left_out() {
        let sources = Sources::of_tree("/home/learner/app".into());
        assert!(sources.contain(Path::new("/home/learner/app/server.py")));
        for name in ["node_modules/x/index.js", "__pycache__/server.pyc", ".venv/bin/x.py", "dist/server.js", "target/debug/x"] {
            assert!(!sources.contain(&Path::new("/home/learner/app").join(name)), "{name}");
        }
    }

    #[test]
    fn new_changed_and_removed_files_are_seen() {
        let (_root, sources) = package();
        assert_eq!(seen(&sources, || save(&sources, "src/main.rs", "fn main() {}")), ["src/main.rs"]);
        assert_eq!(seen(&sources, || save(&sources, "src/main.rs", "fn main() { run() }")), ["src/main.rs"]);
        assert_eq!(seen(&sources, || save(&sources, "target/debug/app", "x")), [""; 0]);
        let remove = || fs::remove_file(sources.folder().join("src/main.rs")).expect("it is there");
        assert_eq!(seen(&sources, remove), ["src/main.rs"]);
    }

    fn set_modified(path: &Path, time: SystemTime) {
        let file = fs::File::options().write(true).open(path).expect("it is there");
        file.set_modified(time).expect("it is ours");
    }

    #[test]
    fn a_file_that_only_looks_touched_has_not_changed() {
        let (_root, sources) = package();
        save(&sources, "src/main.rs", "fn main() {}");
        let main = sources.folder().join("src/main.rs");
        let copy = sources.folder().join("src/copy.swp");
        assert_eq!(seen(&sources, || set_modified(&main, SystemTime::now() + Duration::from_secs(60))), [""; 0], "touched");
        assert_eq!(seen(&sources, || save(&sources, "src/main.rs", "fn main() {}")), [""; 0], "saved without a change");
        fs::copy(&main, &copy).expect("the folder is writable");
        assert_eq!(seen(&sources, || fs::rename(&copy, &main).expect("both are there")), [""; 0], "replaced by its copy");
    }

    #[test]
    fn a_save_that_keeps_size_and_modification_time_is_seen() {
        let (_root, sources) = package();
        save(&sources, "src/a.rs", "one");
        let a = sources.folder().join("src/a.rs");
        let time = fs::metadata(&a).and_then(|about| about.modified()).expect("it is there");
        let write = || {
            save(&sources, "src/a.rs", "two");
            set_modified(&a, time);
        };
        assert_eq!(seen(&sources, write), ["src/a.rs"], "as by `cp -a`");
        save(&sources, "src/b.swp", "six");
        let b = sources.folder().join("src/b.swp");
        set_modified(&b, time - Duration::from_secs(60));
        assert_eq!(seen(&sources, || fs::rename(&b, &a).expect("both are there")), ["src/a.rs"], "as by `mv`");
    }

    #[test]
    fn a_file_is_read_again_only_if_its_stamp_is_another_one_or_new() {
        let (_root, sources) = package();
        save(&sources, "src/main.rs", "fn main() {}");
        let main = sources.folder().join("src/main.rs");
        let about = fs::metadata(&main).expect("it is there");
        let mut earlier = File::look(&main, &about, None);
        assert!(!earlier.settled, "it was written just now");
        let content = earlier.content;
        earlier.content = Content::Hash(0);
        assert_eq!(File::look(&main, &about, Some(&earlier)).content, content);
        earlier.settled = true;
        assert_eq!(File::look(&main, &about, Some(&earlier)).content, Content::Hash(0));
        earlier.stamp.changed.1 += 1;
        assert_eq!(File::look(&main, &about, Some(&earlier)).content, content);
    }

    #[test]
    fn a_large_file_is_not_read_but_watched() {
        let (_root, sources) = package();
        let large = fs::File::create(sources.folder().join("large.csv")).expect("the folder is writable");
        large.set_len(MOST_BYTES + 1).expect("the folder is writable");
        let file = &sources.scan(&Scan::default()).files[&sources.folder().join("large.csv")];
        assert_eq!(file.content, Content::Unread(file.stamp));
        assert_eq!(seen(&sources, || large.set_len(MOST_BYTES + 2).expect("it is ours")), ["large.csv"]);
        assert_eq!(seen(&sources, || {}), [""; 0]);
    }

    #[test]
    fn a_folder_that_is_gone_is_a_change_and_a_problem() {
        let (_root, sources) = package();
        save(&sources, "src/main.rs", "");
        assert_eq!(seen(&sources, || fs::remove_dir_all(sources.folder()).expect("it is there")), ["src/main.rs"]);
        let (folder, error) = sources.scan(&Scan::default()).unreadable.expect("it is gone");
        assert_eq!((&*folder, error.kind()), (sources.folder(), io::ErrorKind::NotFound));
    }

    #[test]
    fn a_new_folder_of_the_same_name_is_another_one() {
        let (_root, sources) = package();
        let src = sources.folder().join("src");
        let before = sources.scan(&Scan::default()).folders[&src];
        fs::rename(&src, sources.folder().join("old")).expect("it is there");
        fs::create_dir(&src).expect("the folder is writable");
        assert_ne!(sources.scan(&Scan::default()).folders[&src], before);
    }

    #[test]
    fn a_link_in_a_circle_ends() {
        let (_root, sources) = package();
        std::os::unix::fs::symlink(sources.folder(), sources.folder().join("src/again")).expect("the folder is writable");
        save(&sources, "src/main.rs", "");
        assert_eq!(sources.scan(&Scan::default()).files.len(), 1);
    }

    #[test]
    fn data_is_distinguished_from_program_text() {
        assert!(is_written_by_people(Path::new("src/main.rs")) && is_written_by_people(Path::new(".env")));
        assert!(!is_written_by_people(Path::new("habits.json")) && !is_written_by_people(Path::new("app.db-journal")));
    }
}
