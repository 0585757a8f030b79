//! `checker carry STEP`: carries a learner's own sources of the step before into this one.

mod cargo_toml;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{CommandError, patch};
use model::Problem;
use report::terminal::wrap;
use report::{Ink, Style, escape};
use workshop::starters::{Outline, Side, rename};
use workshop::{Exclusive, MOVED, Workshop};
use workshop::{Files, Folder, folder};

/// The files that `carry` does not take from the learner: one is merged, the other belongs to the step.
const MANIFEST: &str = "Cargo.toml";
const README: &str = "README.md";

/// What `carry` did, and what is left to the learner.
#[derive(Debug)]
pub struct Carried {
    /// The step that was filled.
    pub step: u8,
    /// Its folder, from the checkout's top.
    pub folder: String,
    /// Where the folder as it was is kept.
    pub backup: Option<String>,
    /// An interrupted run was finished first.
    pub recovered: bool,
    /// The working directory of the terminal was moved to the backups.
    pub moved: bool,
    /// How many of the learner's files were taken.
    pub copied: usize,
    /// What was not copied: links and the like.
    pub skipped: Vec<String>,
    /// Files that the new step brings.
    pub added: Vec<String>,
    /// Dependencies that the new step brings.
    pub dependencies: Vec<String>,
    /// Entries of `Cargo.toml` that both the learner and the new step changed; the learner's stayed.
    pub kept: Vec<String>,
    /// Files that the step before had and this one has not.
    pub gone: Vec<String>,
    /// Places in the carried sources that the step before left open.
    pub open: usize,
    /// Changes the new step makes to a solved step before.
    pub remaining: Vec<Change>,
    /// Whether the step before was passed. Until then its solution stays closed, and the changes would show it.
    pub passed: bool,
}

/// A file with its text before and after.
#[derive(Debug)]
pub struct Change {
    path: String,
    before: String,
    after: String,
    /// The text before is the learner's own.
    own: bool,
}

/// Takes the learner's sources of the step before `step` into it; the folder as it was goes to the backups. `passed` says whether the
/// learner has passed the step before.
///
/// # Errors
///
/// There is no such step, or none before it; a folder or manifest cannot be read; the step already holds work of the
/// learner and `force` is not given; something cannot be written. Nothing is lost then.
pub fn run(workshop: &Workshop, outlines: &[Outline], step: u8, passed: bool, force: bool) -> Result<Carried, CommandError> {
    let (before, now) = neighbors(outlines, step)?;
    let exclusive = Exclusive::acquire(workshop)?;
    exclusive.recover(&before.slug)?;
    let recovered = exclusive.recover(&now.slug)?;

    let own = Folder::read(&workshop.step(&before.slug))?;
    let own_manifest = manifest(workshop, before, &own.files)?;
    let pristine = now.starter(workshop)?;
    if !force {
        refuse_to_replace_work(workshop, now, &pristine)?;
    }

    let named = |files: Files| rename_all(files, &before.package(), &now.package());
    let pristine_before = named(before.starter(workshop)?);
    let solved_before = named(before.side(workshop, Side::Asked)?);
    let mut files = named(own.files);
    let copied = files.len() - usize::from(files.remove(README).is_some());
    let open = files.iter().filter(|(path, _)| path.ends_with(".rs")).map(|(_, bytes)| open_places(bytes)).sum();

    let own_manifest = rename(&own_manifest, &before.package(), &now.package());
    let merged = cargo_toml::merge(
        cargo_toml::parse(Path::new(MANIFEST), &own_manifest)?,
        &parse_ours(&pristine_before, before)?,
        &parse_ours(&pristine, now)?,
    );
    files.insert(MANIFEST.to_owned(), merged.text.into_bytes());

    let mut added = Vec::new();
    let mut remaining = Vec::new();
    for (path, bytes) in &pristine {
        if path == MANIFEST {
            continue;
        }
        if path == README {
            files.insert(path.clone(), bytes.clone());
        } else if let Some(solved) = solved_before.get(path) {
            remaining.extend(change(path, solved, bytes, false));
        } else if let Some(mine) = files.get(path) {
            remaining.extend(change(path, mine, bytes, true));
        } else {
            files.insert(path.clone(), bytes.clone());
            added.push(path.clone());
        }
    }
    let kept_paths: BTreeSet<_> = pristine.keys().collect();
    let gone = solved_before.into_keys().filter(|path| !kept_paths.contains(path)).collect();

    let stands_in = workshop.stands_in(&now.slug);
    let backup = exclusive.replace(&now.slug, &files)?;
    Ok(Carried {
        step,
        folder: workshop.short(&workshop.step(&now.slug)),
        moved: stands_in && backup.is_some(),
        backup: backup.map(|path| workshop.short(&path)),
        recovered,
        copied,
        skipped: own.skipped,
        added,
        dependencies: merged.added,
        kept: merged.kept,
        gone,
        open,
        remaining,
        passed,
    })
}

fn neighbors(outlines: &[Outline], step: u8) -> Result<(&Outline, &Outline), Problem> {
    let find = |number| outlines.iter().find(|outline| outline.number == number);
    let now = find(step)
        .ok_or_else(|| Problem::new(format!("There is no step {step}."), "`cargo run -p checker -- list` shows every step."))?;
    let before = step.checked_sub(1).and_then(find).ok_or_else(|| {
        Problem::new(
            format!("Step {step} is the first one, so there is nothing to carry into it."),
            "Edit its files as they are; `carry` is for the steps after it.",
        )
    })?;
    Ok((before, now))
}

/// The text of the manifest among a step's files, known to be TOML.
fn manifest(workshop: &Workshop, outline: &Outline, files: &Files) -> Result<String, Problem> {
    let path = PathBuf::from(workshop.short(&workshop.step(&outline.slug).join(MANIFEST)));
    let text = files.get(MANIFEST).and_then(|bytes| folder::text(bytes)).ok_or_else(|| {
        Problem::new(
            format!("{} is missing, or it is not text.", path.display()),
            format!("Put it back, or begin again with `cargo run -p checker -- reset {}`.", outline.number),
        )
    })?;
    cargo_toml::parse(&path, text)?;
    Ok(text.to_owned())
}

fn parse_ours(files: &Files, outline: &Outline) -> Result<toml_edit::DocumentMut, Problem> {
    let path = PathBuf::from(format!("solutions/{}/{MANIFEST}", outline.slug));
    cargo_toml::parse(&path, files.get(MANIFEST).and_then(|bytes| folder::text(bytes)).unwrap_or_default())
}

/// Refuses if the step's folder differs from the starter, since it may hold work then.
fn refuse_to_replace_work(workshop: &Workshop, outline: &Outline, pristine: &Files) -> Result<(), CommandError> {
    let path = workshop.step(&outline.slug);
    if !path.exists() {
        return Ok(());
    }
    let there = Folder::read(&path)?;
    if folder::are_alike(&there.files, pristine) && there.skipped.is_empty() {
        return Ok(());
    }
    manifest(workshop, outline, &there.files)?;
    Err(CommandError::usage(
        format!("{} already holds work of yours: it was changed since you got it.", workshop.short(&path)),
        format!("`cargo run -p checker -- carry {} --force` replaces it and keeps a backup in .checker-backups.", outline.number),
    ))
}

fn rename_all(files: Files, from: &str, to: &str) -> Files {
    let renamed = |bytes: Vec<u8>| match folder::text(&bytes) {
        Some(text) => rename(text, from, to).into_bytes(),
        None => bytes,
    };
    files.into_iter().map(|(path, bytes)| (path, renamed(bytes))).collect()
}

fn change(path: &str, before: &[u8], after: &[u8], own: bool) -> Option<Change> {
    let (before, after) = (folder::text(before)?, folder::text(after)?);
    let (before, after) = (folder::with_unix_line_ends(before), folder::with_unix_line_ends(after));
    let change = || Change { path: path.to_owned(), before: before.clone().into(), after: after.clone().into(), own };
    (before != after).then(change)
}

fn open_places(bytes: &[u8]) -> usize {
    let is_open = |line: &&str| line.trim_start().starts_with("// TODO(");
    folder::text(bytes).map_or(0, |text| text.lines().filter(is_open).count())
}

impl Carried {
    /// The result as the learner reads it.
    pub fn text(&self, style: &Style) -> String {
        let (step, before) = (self.step, self.step - 1);
        let mut out = Vec::new();
        if self.recovered {
            out.push(format!("An earlier run was interrupted while it replaced {}; that is finished now.", self.folder));
        }
        out.push(style.paint(Ink::Good, &format!("Your step {before} is now in {}.", self.folder)));
        out.push(format!("  {} of your files copied, the package renamed", self.copied));
        let mut list = |label: &str, entries: &[String]| {
            if !entries.is_empty() {
                out.push(hanging(&format!("{label}: {}", escape(&entries.join(", "))), style.width));
            }
        };
        list("new files", &self.added);
        list("new dependencies", &self.dependencies);
        list("not copied, because they are links or not plain files", &self.skipped);
        list(&format!("step {step} no longer has"), &self.gone);
        list("both you and step {step} changed these entries of Cargo.toml; yours stayed", &self.kept);
        if let Some(backup) = &self.backup {
            out.push(format!("  the former content of {} is kept in {backup}", self.folder));
        }
        if self.open > 0 {
            out.push(format!("  {} places in it are still marked TODO from step {before}", self.open));
        }
        out.push(String::new());
        out.extend(self.what_remains().lines().flat_map(|line| wrap(line, style.width)));
        for change in self.remaining.iter().filter(|change| self.passed || change.own) {
            let before = match change.own {
                true => format!("{} (yours)", change.path),
                false => format!("{} (step {before}, solved)", change.path),
            };
            let after = format!("{} (step {step}, to begin with)", change.path);
            let patch = patch::unified(style, (&before, &change.before), (&after, &change.after));
            out.push(format!("\n{}", patch.trim_end()));
        }
        if self.moved {
            out.push(format!("\n{MOVED}"));
        }
        out.push(format!("\nThen examine it: {}", style.paint(Ink::Code, &format!("cargo run -p checker -- check {step}"))));
        out.join("\n") + "\n"
    }

    /// What the changes that follow are, in lines of any length.
    fn what_remains(&self) -> String {
        if self.remaining.is_empty() {
            return "Nothing is left to add by hand.".to_owned();
        }
        let modules = self.added.iter().filter(|path| path.starts_with("src/") && path.ends_with(".rs"));
        let modules: Vec<_> = modules.map(String::as_str).collect();
        if !self.passed {
            let paths: Vec<_> = self.remaining.iter().map(|change| change.path.as_str()).collect();
            return format!(
                "Left to add by hand: what step {step} changes in {}.\n\
                 Step {before} is not passed yet, and these changes would show its solution. Pass it with \
                 `cargo run -p checker -- check {before}`, then run `cargo run -p checker -- carry {step} --force` to see them.",
                paths.join(", "),
                step = self.step,
                before = self.step - 1,
            );
        }
        let mut text = format!(
            "Left to add by hand: the changes below lead from a solved step {} to the starter of step {}.\n\
             Your code may look different; put each piece where it belongs.",
            self.step - 1,
            self.step
        );
        if !modules.is_empty() {
            text += &format!("\nNew modules need a `mod` line of yours: {}.", modules.join(", "));
        }
        text
    }
}

/// A paragraph whose first line is indented by two columns and whose others by four.
fn hanging(text: &str, width: usize) -> String {
    format!("  {}", wrap(text, width.saturating_sub(4)).join("\n    "))
}
