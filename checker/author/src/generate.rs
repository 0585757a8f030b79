//! `author generate`: generates the starters in `steps/` from `solutions/`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use model::Problem;
use workshop::Workshop;
use workshop::starters::{Outline, is_private};
use workshop::{Files, Folder, folder};

/// What to do about a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Only report.
    Check,
    /// Write, unless an edit by hand would be lost.
    Write,
    /// Write in any case.
    Force,
}

/// What was, or would be, generated. Paths begin at the checkout's top.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Generated {
    /// Files that were missing.
    pub added: Vec<String>,
    /// Files that had another content.
    pub changed: Vec<String>,
    /// Files that no longer belong.
    pub removed: Vec<String>,
    /// Solutions of the course that are not there.
    pub missing: Vec<String>,
}

impl Generated {
    /// Whether every starter already matched its solution.
    pub fn is_current(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty()
    }

    /// The report for the author.
    pub fn text(&self, mode: Mode) -> String {
        let mut out = String::new();
        for (label, paths) in [("add", &self.added), ("change", &self.changed), ("remove", &self.removed)] {
            for path in paths {
                out += &format!("{label:>8}  {path}\n");
            }
        }
        for path in &self.missing {
            out += &format!(" missing  {path}: no starter without a solution\n");
        }
        out += match (self.is_current(), mode) {
            (true, _) => "Every starter matches its solution.\n",
            (false, Mode::Check) => "The starters do not match their solutions. Run `cargo run -p author -- generate`.\n",
            (false, _) => "The starters now match their solutions.\n",
        };
        out
    }
}

/// Compares every starter with its solution and, unless `mode` is [`Mode::Check`], writes what differs.
///
/// # Errors
///
/// A solution has a mistake, a folder cannot be read or written, or a file in `steps/` was edited by hand.
pub fn run(workshop: &Workshop, outlines: &[Outline], mode: Mode) -> Result<Generated, Problem> {
    let mut generated = Generated::default();
    let mut wanted = Files::new();
    let mut there = Files::new();
    for outline in outlines {
        if !workshop.solution(&outline.slug).is_dir() {
            generated.missing.push(format!("solutions/{}", outline.slug));
            continue;
        }
        wanted.extend(below_steps(outline, outline.starter(workshop)?));
        if workshop.step(&outline.slug).exists() {
            there.extend(below_steps(outline, Folder::read(&workshop.step(&outline.slug))?.files));
        }
    }
    let git = Git::ask(workshop.root());
    for (path, bytes) in &wanted {
        match there.get(path) {
            None => generated.added.push(path.clone()),
            Some(old) if old != bytes => generated.changed.push(path.clone()),
            Some(_) => {}
        }
    }
    let stale = there.keys().filter(|path| !wanted.contains_key(*path) && !is_private(path) && !git.ignores(path));
    generated.removed.extend(stale.cloned());

    if mode == Mode::Check {
        return Ok(generated);
    }
    let record = Record::load(workshop);
    if mode == Mode::Write {
        let replaced = generated.changed.iter().chain(&generated.removed);
        let edited: Vec<_> = replaced.filter(|path| git.is_edited(path) && !record.holds(path, &there[*path])).cloned().collect();
        refuse_if_any(edited)?;
    }
    let differing = generated.added.iter().chain(&generated.changed);
    let differing: Files = differing.map(|path| (path.clone(), wanted[path].clone())).collect();
    folder::write(workshop.root(), &differing)?;
    for path in &generated.removed {
        remove(workshop.root(), path)?;
    }
    Record::save(workshop, &wanted)?;
    Ok(generated)
}

fn below_steps(outline: &Outline, files: Files) -> impl Iterator<Item = (String, Vec<u8>)> {
    let folder = format!("steps/{}", outline.slug);
    files.into_iter().map(move |(path, bytes)| (format!("{folder}/{path}"), bytes))
}

fn refuse_if_any(edited: Vec<String>) -> Result<(), Problem> {
    let Some(first) = edited.first() else { return Ok(()) };
    let more = match edited.len() {
        1 => String::new(),
        count => format!(" (and {} more)", count - 1),
    };
    Err(Problem {
        details: edited.clone(),
        ..Problem::new(
            format!("{first}{more} was edited by hand, and generating would undo that."),
            "Move the edit to solutions/, or commit it, or add --force to give it up.",
        )
    })
}

/// Removes a file, and the folders that are empty without it.
fn remove(root: &Path, path: &str) -> Result<(), Problem> {
    let path = root.join(path);
    fs::remove_file(&path).map_err(|error| folder::unwritable(&path, &error))?;
    for folder in path.ancestors().skip(1).take_while(|folder| *folder != root) {
        if fs::remove_dir(folder).is_err() {
            break;
        }
    }
    Ok(())
}

/// What git knows about `steps/`.
struct Git {
    /// Paths that differ from the last commit; `None` if git does not know, and then every file counts as edited.
    edited: Option<BTreeSet<String>>,
    ignored: Vec<String>,
}

impl Git {
    fn ask(root: &Path) -> Git {
        let arguments = ["status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--ignored", "--", "steps"];
        let output = Command::new("git").arg("-C").arg(root).args(arguments).output();
        let Some(output) = output.ok().filter(|output| output.status.success()) else {
            return Git { edited: None, ignored: Vec::new() };
        };
        let mut git = Git { edited: Some(BTreeSet::new()), ignored: Vec::new() };
        for entry in String::from_utf8_lossy(&output.stdout).split_terminator('\0') {
            match (entry.get(..3), entry.get(3..), &mut git.edited) {
                (Some("!! "), Some(path), _) => git.ignored.push(path.to_owned()),
                (Some(_), Some(path), Some(edited)) => {
                    edited.insert(path.to_owned());
                }
                _ => {}
            }
        }
        git
    }

    fn is_edited(&self, path: &str) -> bool {
        self.edited.as_ref().is_none_or(|edited| edited.contains(path))
    }

    fn ignores(&self, path: &str) -> bool {
        self.ignored.iter().any(|ignored| path == ignored || (ignored.ends_with('/') && path.starts_with(ignored.as_str())))
    }
}

/// What was generated last, so that a second generation between two commits does not count as an edit.
struct Record {
    hashes: BTreeMap<String, u64>,
}

impl Record {
    fn path(workshop: &Workshop) -> PathBuf {
        workshop.root().join("target/checker/generated.txt")
    }

    /// The record; an empty one if there is none, or none that can be read.
    fn load(workshop: &Workshop) -> Record {
        let text = fs::read_to_string(Self::path(workshop)).unwrap_or_default();
        let entry = |line: &str| {
            let (hash, path) = line.split_once(' ')?;
            Some((path.to_owned(), u64::from_str_radix(hash, 16).ok()?))
        };
        Record { hashes: text.lines().filter_map(entry).collect() }
    }

    fn save(workshop: &Workshop, files: &Files) -> Result<(), Problem> {
        let lines = files.iter().map(|(path, bytes)| format!("{:x} {path}\n", hash(bytes)));
        let path = Self::path(workshop);
        let write = || {
            fs::create_dir_all(path.parent().unwrap_or(workshop.root()))?;
            fs::write(&path, lines.collect::<String>())
        };
        write().map_err(|error| folder::unwritable(&Self::path(workshop), &error))
    }

    fn holds(&self, path: &str, bytes: &[u8]) -> bool {
        self.hashes.get(path) == Some(&hash(bytes))
    }
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}
