//! `checker reset STEP`: puts the starter of a step back, with a backup of what was there.

use model::Problem;
use report::{Ink, Style};
use workshop::starters::Outline;
use workshop::{Exclusive, MOVED, Workshop};
use workshop::{Folder, folder};

/// What `reset` did.
#[derive(Debug, PartialEq, Eq)]
pub struct Reset {
    step: u8,
    folder: String,
    /// An interrupted run was finished first.
    recovered: bool,
    done: Done,
}

/// Whether there was anything to do.
#[derive(Debug, PartialEq, Eq)]
enum Done {
    /// The folder already held the starter.
    Nothing,
    /// The folder was replaced. Its former content, if any, is in the backup.
    Replaced {
        backup: Option<String>,
        /// The working directory of the terminal was moved to the backups.
        moved: bool,
    },
}

/// Puts the starter of a step back; the folder as it was goes to the backups.
///
/// # Errors
///
/// The solution cannot be read, or something cannot be written. Nothing is lost then.
pub fn run(workshop: &Workshop, outline: &Outline) -> Result<Reset, Problem> {
    let exclusive = Exclusive::acquire(workshop)?;
    let recovered = exclusive.recover(&outline.slug)?;
    let pristine = outline.starter(workshop)?;
    let path = workshop.step(&outline.slug);
    let is_pristine =
        Folder::read(&path).is_ok_and(|there| folder::are_alike(&there.files, &pristine) && there.skipped.is_empty());
    let done = match is_pristine {
        true => Done::Nothing,
        false => {
            let stands_in = workshop.stands_in(&outline.slug);
            let backup = exclusive.replace(&outline.slug, &pristine)?;
            Done::Replaced { moved: stands_in && backup.is_some(), backup: backup.map(|path| workshop.short(&path)) }
        }
    };
    Ok(Reset { step: outline.number, folder: workshop.short(&path), recovered, done })
}

impl Reset {
    /// The result as the learner reads it.
    pub fn text(&self, style: &Style) -> String {
        let folder = &self.folder;
        let mut out = Vec::new();
        if self.recovered {
            out.push(format!("An earlier run was interrupted while it replaced {folder}; that is finished now."));
        }
        match &self.done {
            Done::Nothing => out.push(format!("Nothing to do: {folder} is unchanged since you got it.")),
            Done::Replaced { backup, moved } => {
                out.push(style.paint(Ink::Good, &format!("Step {} is back to its starter: {folder}.", self.step)));
                if let Some(backup) = backup {
                    out.push(format!("Your work is kept in {backup}."));
                }
                if *moved {
                    out.push(MOVED.to_owned());
                }
            }
        }
        out.join("\n") + "\n"
    }
}
