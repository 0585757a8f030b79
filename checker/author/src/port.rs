//! `author port STEP`: a change of one solution, merged into every later one.

mod git;
mod marks;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;

use checker::commands::CommandError;
use git::{Git, Version};
use model::Problem;
use workshop::starters::{Outline, manifest, rename};
use workshop::{Files, Workshop, folder};

/// Files that are never ported: every solution writes its own.
const OWN_FILES: [&str; 2] = ["README.md", manifest::FILE];

/// What is ported.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The step whose solution changed.
    pub step: u8,
    /// The git revision since which it changed.
    pub since: &'a str,
    /// Only report, and write nothing.
    pub dry_run: bool,
}

/// What was, or would be, done to the later solutions.
#[derive(Debug)]
pub struct Ported {
    files: Vec<PortedFile>,
    dry_run: bool,
}

/// One file of one later solution. Its path begins at the checkout's top.
#[derive(Debug)]
struct PortedFile {
    path: String,
    action: Action,
}

/// What porting does to a file.
#[derive(Debug)]
enum Action {
    /// The solution gets the file.
    Add(Vec<u8>),
    /// The file gets this content, which has a conflict at each of these lines, counted from 1.
    Merge { content: Vec<u8>, conflicts: Vec<usize> },
    /// The file goes.
    Remove,
    /// The file stays as it is; the text says why.
    Leave(String),
}

/// A file of the changed solution, by its path in the solution's folder. `None` where it does not exist.
struct Change {
    path: String,
    before: Option<Vec<u8>>,
    after: Option<Vec<u8>>,
}

/// Merges what changed in one solution between a revision and the working tree into every later solution.
///
/// # Errors
///
/// There is no such revision or no later solution, git does not work, a file cannot be read or written, or a file that
/// would be written has uncommitted changes. In the last case nothing is written.
pub fn run(workshop: &Workshop, outlines: &[Outline], request: Request) -> Result<Ported, CommandError> {
    let (from, later) = from_and_later(workshop, outlines, request.step)?;
    let git = Git::at(workshop.root());
    let commit = git.commit(request.since)?.ok_or_else(|| {
        CommandError::usage(
            format!("git finds no commit `{}`.", request.since),
            format!("Name a commit, branch or tag: `git log solutions/{}` lists commits.", from.slug),
        )
    })?;

    let mut files = Vec::new();
    let (own, changes): (Vec<_>, Vec<_>) =
        changes(workshop, &git, &commit, from)?.into_iter().partition(|change| OWN_FILES.contains(&change.path.as_str()));
    for change in own {
        let action = Action::Leave("every solution has its own".to_owned());
        files.push(PortedFile { path: format!("solutions/{}/{}", from.slug, change.path), action });
    }
    for to in later {
        for change in &changes {
            let path = format!("solutions/{}/{}", to.slug, change.path);
            let action = port(&git, request.since, change, (from, to), read(workshop, &path)?)?;
            files.extend(action.map(|action| PortedFile { path, action }));
        }
    }

    refuse_uncommitted(&files, &git.changed("HEAD", "solutions")?)?;
    if !request.dry_run {
        write(workshop, &files)?;
    }
    Ok(Ported { files, dry_run: request.dry_run })
}

/// The solution that changed and those after it.
fn from_and_later<'a>(
    workshop: &Workshop,
    outlines: &'a [Outline],
    step: u8,
) -> Result<(&'a Outline, Vec<&'a Outline>), CommandError> {
    let exists = |outline: &&Outline| workshop.solution(&outline.slug).is_dir();
    let from = outlines.iter().find(|outline| outline.number == step);
    let from = from.filter(exists).ok_or_else(|| {
        CommandError::usage(format!("There is no solution of step {step}."), "Name the step whose solution you changed.")
    })?;
    let later: Vec<_> = outlines.iter().filter(|outline| outline.number > step).filter(exists).collect();
    if later.is_empty() {
        return Err(CommandError::usage(
            format!("No solution comes after that of step {step}."),
            "There is nothing to port; go on with `cargo run -p author -- generate`.",
        ));
    }
    Ok((from, later))
}

/// Every file of a solution that is not as it was in the commit.
fn changes(workshop: &Workshop, git: &Git, commit: &str, from: &Outline) -> Result<Vec<Change>, Problem> {
    let folder = format!("solutions/{}", from.slug);
    let mut changes = Vec::new();
    for full in git.changed(commit, &folder)? {
        let Some(path) = full.strip_prefix(&folder).and_then(|path| path.strip_prefix('/')) else { continue };
        let (before, after) = (git.file(commit, &full), read(workshop, &full)?);
        changes.push(Change { path: path.to_owned(), before, after });
    }
    Ok(changes)
}

/// What a change of the solution `from` means for the same file of the solution `to`, which holds `ours`. `None` if
/// nothing is to be done.
fn port(
    git: &Git,
    since: &str,
    change: &Change,
    (from, to): (&Outline, &Outline),
    ours: Option<Vec<u8>>,
) -> Result<Option<Action>, Problem> {
    let text_of_ours = ours.as_deref().and_then(folder::text).unwrap_or_default();
    let adapted = |bytes: &Vec<u8>| match folder::text(bytes) {
        Some(text) => {
            let text = marks::fitting(text, text_of_ours);
            rename(&text, &format!("solution-{}", from.slug), &format!("solution-{}", to.slug)).into_bytes()
        }
        None => bytes.clone(),
    };
    let (base, theirs) = (change.before.as_ref().map(adapted), change.after.as_ref().map(adapted));
    if base == theirs || ours == theirs {
        return Ok(None);
    }
    let name = format!("solutions/{}", from.slug);
    Ok(Some(match (base, theirs, ours) {
        (None, Some(theirs), None) => Action::Add(theirs),
        (Some(_), Some(_), None) => Action::Leave("this solution does not have it".to_owned()),
        (base, Some(content), ours) if ours == base => Action::Merge { content, conflicts: Vec::new() },
        (base, None, ours) if ours == base => Action::Remove,
        (_, None, _) => Action::Leave(format!("{name} no longer has it, but it differs here")),
        (None, Some(_), Some(_)) => {
            Action::Leave(format!("it is new in {name}, and this solution has another file of that name"))
        }
        (Some(base), Some(theirs), Some(ours)) => {
            let ours = Version { label: &format!("solutions/{}", to.slug), content: &ours };
            let base = Version { label: &format!("{name} at {since}"), content: &base };
            return merge(git, ours, base, Version { label: &name, content: &theirs });
        }
    }))
}

/// The three-way merge of a file that differs on all sides. `None` if it changes nothing.
fn merge(git: &Git, ours: Version, base: Version, theirs: Version) -> Result<Option<Action>, Problem> {
    if [ours, base, theirs].into_iter().any(|version| folder::text(version.content).is_none()) {
        return Ok(Some(Action::Leave("it is not text, and it differs here".to_owned())));
    }
    let content = git.merge(ours, base, theirs)?;
    let conflicts = conflicts(&content, ours.label);
    Ok((content != ours.content).then_some(Action::Merge { content, conflicts }))
}

/// The lines at which conflicts begin, counted from 1.
fn conflicts(merged: &[u8], label: &str) -> Vec<usize> {
    let marker = format!("<<<<<<< {label}");
    let lines = folder::text(merged).unwrap_or_default().lines().enumerate();
    lines.filter(|(_, line)| *line == marker).map(|(index, _)| index + 1).collect()
}

/// The content of a file of the checkout; `None` if there is no such file.
fn read(workshop: &Workshop, path: &str) -> Result<Option<Vec<u8>>, Problem> {
    let path = workshop.root().join(path);
    match fs::read(&path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(folder::unreadable(&path, &error)),
    }
}

/// Refuses to write where git could not give back what was there.
fn refuse_uncommitted(files: &[PortedFile], uncommitted: &BTreeSet<String>) -> Result<(), Problem> {
    let written = files.iter().filter(|file| !matches!(file.action, Action::Leave(_)));
    let paths: Vec<_> = written.map(|file| &file.path).filter(|path| uncommitted.contains(*path)).cloned().collect();
    let Some(first) = paths.first() else { return Ok(()) };
    let more = match paths.len() {
        1 => String::new(),
        count => format!(" (and {} more)", count - 1),
    };
    Err(Problem {
        details: paths.clone(),
        ..Problem::new(
            format!("{first}{more} has uncommitted changes, and porting would write to it."),
            "Commit or undo these changes, then port again. Nothing was written.",
        )
    })
}

fn write(workshop: &Workshop, files: &[PortedFile]) -> Result<(), Problem> {
    let mut written = Files::new();
    for file in files {
        match &file.action {
            Action::Add(content) | Action::Merge { content, .. } => {
                written.insert(file.path.clone(), content.clone());
            }
            Action::Remove => {
                let path = workshop.root().join(&file.path);
                fs::remove_file(&path).map_err(|error| folder::unwritable(&path, &error))?;
            }
            Action::Leave(_) => {}
        }
    }
    folder::write(workshop.root(), &written)
}

impl Ported {
    /// Whether a person has to resolve something.
    pub fn has_conflicts(&self) -> bool {
        self.files.iter().any(|file| matches!(&file.action, Action::Merge { conflicts, .. } if !conflicts.is_empty()))
    }

    /// The report for the author.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for PortedFile { path, action } in &self.files {
            out += &match action {
                Action::Add(_) => format!("     add  {path}\n"),
                Action::Merge { conflicts, .. } if conflicts.is_empty() => format!("   merge  {path}\n"),
                Action::Merge { conflicts, .. } => {
                    conflicts.iter().map(|line| format!("conflict  {path}, line {line}\n")).collect()
                }
                Action::Remove => format!("  remove  {path}\n"),
                Action::Leave(why) => format!("   leave  {path}: {why}\n"),
            };
        }
        let nothing = self.files.iter().all(|file| matches!(file.action, Action::Leave(_)));
        out += match (nothing, self.dry_run, self.has_conflicts()) {
            (true, _, _) => "There is nothing to port.\n",
            (false, true, _) => "This was a dry run: nothing was written.\n",
            (false, false, true) => {
                "Resolve the conflicts. Then run `cargo run -p author -- generate` and `cargo run -p author -- verify`.\n"
            }
            (false, false, false) => "Now run `cargo run -p author -- generate` and `cargo run -p author -- verify`.\n",
        };
        out
    }
}
