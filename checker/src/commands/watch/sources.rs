//! Which files a verdict depends on, and which of them have changed.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// More files than this are no workshop step; the rest is left out.
const MOST_FILES: usize = 20_000;
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
    files: BTreeMap<PathBuf, Stamp>,
    /// Every folder that holds watched files, with its file number: a new folder of the same name has another.
    pub folders: BTreeMap<PathBuf, u64>,
    /// A folder that could not be read, and why.
    pub unreadable: Option<(PathBuf, io::Error)>,
}

/// What changes when a file is saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
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

    /// Looks at every file.
    pub fn scan(&self) -> Scan {
        let mut scan = Scan::default();
        match fs::metadata(&self.folder) {
            Ok(about) => scan.folder(self, &self.folder, &about),
            Err(error) => scan.problem(&self.folder, error),
        }
        scan
    }
}

impl Scan {
    fn folder(&mut self, sources: &Sources, folder: &Path, about: &Metadata) {
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
                Ok(about) if is_folder => self.folder(sources, &path, &about),
                Ok(about) if about.is_file() => {
                    let stamp = Stamp { modified: about.modified().ok(), size: about.len(), number: about.ino() };
                    self.files.insert(path, stamp);
                }
                Ok(_) => {}
                Err(_) => {} // Gone since the folder was read, or a link to nothing.
            }
        }
    }

    fn problem(&mut self, folder: &Path, error: io::Error) {
        self.unreadable.get_or_insert_with(|| (folder.to_owned(), error));
    }

    /// The files that differ between this moment and a later one.
    pub fn changes(&self, later: &Scan) -> Vec<PathBuf> {
        let new_or_other = later.files.iter().filter(|(path, stamp)| self.files.get(*path) != Some(stamp));
        let gone = self.files.keys().filter(|path| !later.files.contains_key(*path));
        new_or_other.map(|(path, _)| path).chain(gone).cloned().collect()
    }
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
        let before = sources.scan();
        change();
        let changes = before.changes(&sources.scan());
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

    #[test]
    fn a_file_that_was_replaced_by_one_as_long_and_as_old_is_seen() {
        let (_root, sources) = package();
        save(&sources, "src/a.rs", "one");
        save(&sources, "src/b.swp", "two");
        let (a, b) = (sources.folder().join("src/a.rs"), sources.folder().join("src/b.swp"));
        let time = fs::metadata(&a).and_then(|about| about.modified()).expect("it is there");
        fs::File::options().write(true).open(&b).and_then(|file| file.set_modified(time)).expect("it is there");
        assert_eq!(seen(&sources, || fs::rename(&b, &a).expect("both are there")), ["src/a.rs"]);
    }

    #[test]
    fn a_folder_that_is_gone_is_a_change_and_a_problem() {
        let (_root, sources) = package();
        save(&sources, "src/main.rs", "");
        assert_eq!(seen(&sources, || fs::remove_dir_all(sources.folder()).expect("it is there")), ["src/main.rs"]);
        let (folder, error) = sources.scan().unreadable.expect("it is gone");
        assert_eq!((&*folder, error.kind()), (sources.folder(), io::ErrorKind::NotFound));
    }

    #[test]
    fn a_new_folder_of_the_same_name_is_another_one() {
        let (_root, sources) = package();
        let src = sources.folder().join("src");
        let before = sources.scan().folders[&src];
        fs::rename(&src, sources.folder().join("old")).expect("it is there");
        fs::create_dir(&src).expect("the folder is writable");
        assert_ne!(sources.scan().folders[&src], before);
    }

    #[test]
    fn a_link_in_a_circle_ends() {
        let (_root, sources) = package();
        std::os::unix::fs::symlink(sources.folder(), sources.folder().join("src/again")).expect("the folder is writable");
        save(&sources, "src/main.rs", "");
        assert_eq!(sources.scan().files.len(), 1);
    }

    #[test]
    fn data_is_told_from_program_text() {
        assert!(is_written_by_people(Path::new("src/main.rs")) && is_written_by_people(Path::new(".env")));
        assert!(!is_written_by_people(Path::new("habits.json")) && !is_written_by_people(Path::new("app.db-journal")));
    }
}
