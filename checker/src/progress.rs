//! The progress of the learner: a small text file at the root of the workspace.
//!
//! ```text
//! # Progress in the workshop, kept by `cargo run -p checker`. Delete this file to begin again.
//! current 2
//! passed 1
//! hints 1.create 2
//! ```
//!
//! A line that begins with an unknown word belongs to a newer checker and is kept as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use model::Problem;
use sandbox::lock;

/// The file, in the root of the workspace.
const FILE: &str = ".checker-progress";
/// Its first line.
const HEADING: &str = "# Progress in the workshop, kept by `cargo run -p checker`. Delete this file to begin again.";
/// A file larger than this was not written by a checker.
const LARGEST: u64 = 1024 * 1024;
/// How long to wait for another checker that is writing at this moment.
const PATIENCE: Duration = Duration::from_secs(5);
/// The last step of the workshop.
const STEPS: u8 = 10;

/// The progress of the learner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The step that is graded when none is named.
    pub current: u8,
    /// Steps that were passed.
    pub passed: BTreeSet<u8>,
    /// How many hints of a check were shown, by its id.
    pub hints: BTreeMap<String, u8>,
    /// Lines of a newer checker.
    unknown: Vec<String>,
}

impl Default for Progress {
    fn default() -> Self {
        Progress { current: 1, passed: BTreeSet::new(), hints: BTreeMap::new(), unknown: Vec::new() }
    }
}

impl Progress {
    /// What the file below `root` says; without a file, the beginning.
    ///
    /// A damaged file is set aside under another name, what could be read of it stays, and the problem says so. A file that cannot
    /// be read at all is a problem too. Neither is a reason to stop.
    pub fn load(root: &Path) -> (Progress, Option<Problem>) {
        match read(&root.join(FILE)) {
            Ok((progress, false)) => (progress, None),
            Ok((progress, true)) => match Progress::update(root, |_| {}) {
                Ok((progress, notice)) => (progress, notice),
                Err(problem) => (progress, Some(problem)),
            },
            Err(error) => (Progress::default(), Some(unusable(root, "read", &error))),
        }
    }

    /// Changes the file: what it says now is read, changed by `change`, and written, while other checkers wait their turn.
    ///
    /// Returns what the file says then, and a notice if a damaged file had to be set aside or nobody can wait for a turn here.
    pub fn update(root: &Path, change: impl FnOnce(&mut Progress)) -> Result<(Progress, Option<Problem>), Problem> {
        let problem = |error: io::Error| unusable(root, "written", &error);
        let path = root.join(FILE);
        // The lock is a file of its own, because the other one is replaced. It stays: removing it would let two checkers lock two files.
        let lock =
            File::options().create(true).truncate(false).write(true).open(root.join(format!("{FILE}.lock"))).map_err(problem)?;
        let has_locks = lock::exclusive(&lock, PATIENCE).map_err(problem)?;
        let (mut progress, damaged) = read(&path).map_err(problem)?;
        let aside = match damaged {
            true => Some(set_aside(&path).map_err(problem)?),
            false => None,
        };
        let before = progress.clone();
        change(&mut progress);
        if damaged || progress != before || !path.exists() {
            replace(&path, &progress.text()).map_err(problem)?;
        }
        let without_locks = (!has_locks).then(|| {
            Problem::new(
                format!("The file system of {} has no locks.", root.display()),
                "Run only one checker at a time in this folder, or clone the workshop to a local disk.",
            )
        });
        let damage = aside.map(|aside| {
            let name = aside.file_name().unwrap_or_default().to_string_lossy().into_owned();
            Problem::new(
                format!("The progress file was damaged; it is now {name}, and what could be read of it was kept."),
                "If a step you passed is missing from `cargo run -p checker -- list`, check it once more.",
            )
        });
        Ok((progress, damage.or(without_locks)))
    }

    fn parse(text: &str) -> (Progress, bool) {
        let mut progress = Progress::default();
        let mut damaged = text.contains('\0');
        for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
            let words: Vec<_> = line.split_whitespace().collect();
            let step = |word: &str| word.parse().ok().filter(|step| (1..=STEPS).contains(step));
            let known = match words[..] {
                ["current", number] => step(number).map(|step| progress.current = step).is_some(),
                ["passed", number] => step(number).map(|step| progress.passed.insert(step)).is_some(),
                ["hints", id, count] => count.parse().map(|count| progress.hints.insert(id.to_owned(), count)).is_ok(),
                ["current" | "passed" | "hints", ..] => false,
                [word, ..] if word.chars().all(|c| c.is_ascii_lowercase() || c == '-') => {
                    progress.unknown.push(line.to_owned());
                    true
                }
                _ => false,
            };
            damaged |= !known;
        }
        (progress, damaged)
    }

    fn text(&self) -> String {
        let mut text = format!("{HEADING}\ncurrent {}\n", self.current);
        for step in &self.passed {
            text += &format!("passed {step}\n");
        }
        for (id, count) in &self.hints {
            text += &format!("hints {id} {count}\n");
        }
        for line in &self.unknown {
            text += &format!("{line}\n");
        }
        text
    }
}

/// The progress in the file, and whether the file is damaged. A missing file is empty progress and not damaged.
fn read(path: &Path) -> io::Result<(Progress, bool)> {
    match fs::metadata(path) {
        Ok(about) if about.is_file() && about.len() > LARGEST => return Ok((Progress::default(), true)),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Progress::default(), false)),
        Err(error) => return Err(error),
    }
    let bytes = fs::read(path)?;
    let text = String::from_utf8_lossy(&bytes);
    let (progress, damaged) = Progress::parse(&text);
    Ok((progress, damaged || bytes.is_empty() || std::str::from_utf8(&bytes).is_err()))
}

/// Renames a damaged file to the first name that is free.
fn set_aside(path: &Path) -> io::Result<PathBuf> {
    for number in 1..1000 {
        let aside = path.with_file_name(format!("{FILE}.damaged-{number}"));
        if !aside.try_exists()? {
            fs::rename(path, &aside)?;
            return Ok(aside);
        }
    }
    Err(io::Error::other("a thousand damaged files were set aside already"))
}

/// Writes the file so that, whatever happens, either the old or the new text is there.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_file_name(format!("{FILE}.new"));
    let mut file = File::create(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

fn unusable(root: &Path, what: &str, error: &io::Error) -> Problem {
    Problem::new(
        format!("Your progress could not be {what}: {}: {error}.", root.join(FILE).display()),
        "Make that file and its folder readable and writable for you; until then, name the step, as in `cargo run -p checker -- check 1`.",
    )
    .because_of(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().expect("a folder")
    }

    fn names(root: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(root)
            .expect("a folder")
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_learner_begins_at_step_1_without_a_file() {
        let root = folder();
        assert_eq!(Progress::load(root.path()), (Progress::default(), None));
        assert!(names(root.path()).is_empty(), "looking leaves nothing behind");
    }

    #[test]
    fn what_was_written_is_read_back() {
        let root = folder();
        let (written, notice) = Progress::update(root.path(), |progress| {
            progress.passed.insert(1);
            progress.current = 2;
            progress.hints.insert("1.create".to_owned(), 2);
        })
        .expect("the folder is writable");
        assert_eq!(notice, None);
        assert_eq!(Progress::load(root.path()), (written, None));
        insta::assert_snapshot!(fs::read_to_string(root.path().join(FILE)).expect("a file"), @r"
        # Progress in the workshop, kept by `cargo run -p checker`. Delete this file to begin again.
        current 2
        passed 1
        hints 1.create 2
        ");
    }

    #[test]
    fn lines_of_a_newer_checker_are_kept() {
        let root = folder();
        fs::write(root.path().join(FILE), "# heading\ncurrent 3\nlive https://habits.example  x\n").expect("writable");
        Progress::update(root.path(), |progress| progress.current = 4).expect("the folder is writable");
        let text = fs::read_to_string(root.path().join(FILE)).expect("a file");
        assert!(text.contains("current 4\n") && text.ends_with("live https://habits.example  x\n"), "{text}");
    }

    #[test]
    fn a_damaged_file_is_set_aside_and_what_can_be_read_is_kept() {
        let root = folder();
        let damaged: [&[u8]; 8] = [
            b"passed 1\n<<<<<<< HEAD\ncurrent 2\n",
            b"passed 1\ncurrent 2\npassed x\n",
            b"passed 1\ncurrent 2\nhints 1.create\n",
            b"passed 1\ncurrent 2\npassed 11\n",
            b"passed 1\ncurrent 2\n\xff\xfe\n",
            b"passed 1\ncurrent 2\n\0\0\0",
            b"passed 1\ncurrent 2\ncurrent 0",
            b"passed 1\ncurrent 2\nhints 1.create 999",
        ];
        for (number, bytes) in damaged.into_iter().enumerate() {
            fs::write(root.path().join(FILE), bytes).expect("writable");
            let (progress, notice) = Progress::load(root.path());
            let aside = format!("{FILE}.damaged-{}", number + 1);
            assert!(notice.is_some_and(|notice| notice.title.contains(&aside)), "{bytes:?}");
            assert_eq!((progress.current, progress.passed.contains(&1)), (2, true), "{bytes:?}");
            assert_eq!(fs::read(root.path().join(aside)).expect("a file"), bytes, "nothing is lost");
            assert_eq!(Progress::load(root.path()), (progress, None), "the notice comes once");
        }
    }

    #[test]
    fn an_empty_or_huge_file_is_damaged() {
        let root = folder();
        for bytes in [vec![], vec![b'x'; 2 << 20]] {
            fs::write(root.path().join(FILE), bytes).expect("writable");
            let (progress, notice) = Progress::load(root.path());
            assert_eq!(progress, Progress::default());
            assert!(notice.is_some());
        }
    }

    #[test]
    fn no_pass_is_lost_when_many_checkers_write_at_once() {
        let root = folder();
        std::thread::scope(|scope| {
            for step in 1..=STEPS {
                let root = root.path();
                scope.spawn(move || {
                    for count in 1..=10 {
                        let (_, notice) = Progress::update(root, |progress| {
                            progress.passed.insert(step);
                            progress.hints.insert(format!("{step}.create"), count);
                        })
                        .expect("they take turns");
                        assert_eq!(notice, None);
                        assert_eq!(Progress::load(root).1, None, "a reader never sees half a file");
                    }
                });
            }
        });
        let (progress, notice) = Progress::load(root.path());
        assert_eq!(notice, None);
        assert_eq!(progress.passed, (1..=STEPS).collect());
        assert!(progress.hints.len() == usize::from(STEPS) && progress.hints.values().all(|count| *count == 10));
        assert_eq!(names(root.path()), [FILE.to_owned(), format!("{FILE}.lock")]);
    }

    #[test]
    fn a_file_left_by_a_killed_checker_is_no_obstacle() {
        let root = folder();
        fs::write(root.path().join(format!("{FILE}.new")), "passed").expect("writable");
        let (progress, _) = Progress::update(root.path(), |progress| progress.current = 2).expect("the folder is writable");
        assert_eq!(Progress::load(root.path()), (progress, None));
    }

    #[test]
    fn a_folder_in_the_way_is_a_problem_with_a_remedy() {
        let root = folder();
        fs::create_dir(root.path().join(FILE)).expect("writable");
        let (progress, problem) = Progress::load(root.path());
        assert_eq!(progress, Progress::default());
        assert!(problem.is_some_and(|problem| problem.title.contains(FILE) && !problem.remedy.is_empty()));
        assert!(Progress::update(root.path(), |progress| progress.current = 2).is_err());
        assert!(root.path().join(FILE).is_dir(), "it is not ours to remove");
    }

    #[test]
    fn a_missing_folder_is_a_problem() {
        let root = folder();
        let problem = Progress::update(&root.path().join("nowhere"), |_| {}).expect_err("there is no such folder");
        assert!(problem.title.contains("could not be written") && problem.remedy.contains("writable"), "{problem:?}");
    }

    #[test]
    fn on_a_full_disk_the_remedy_is_to_free_some_space() {
        let problem = unusable(Path::new("/w"), "written", &io::ErrorKind::StorageFull.into());
        assert!(problem.remedy.contains("free some space"), "{problem:?}");
    }
}
