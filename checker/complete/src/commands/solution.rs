//! `checker solution STEP`: how the reference solution differs from what the learner wrote.

use super::patch;
use model::Problem;
use report::{Ink, Style};
use workshop::Workshop;
use workshop::starters::Outline;
use workshop::{Folder, folder};

/// The changes from the learner's files to the solution's, as text.
///
/// # Errors
///
/// A folder cannot be read.
pub fn run(workshop: &Workshop, outline: &Outline, style: &Style) -> Result<String, Problem> {
    let number = outline.number;
    let own = Folder::read(&workshop.step(&outline.slug))?.files;
    let finished = outline.finished(workshop)?;
    let mut out = Vec::new();
    for (path, theirs) in &finished {
        let Some(theirs) = folder::text(theirs) else { continue };
        let mine = own.get(path).map(|bytes| folder::with_unix_line_ends(folder::text(bytes).unwrap_or_default()));
        let name = match mine {
            Some(_) => format!("{path} (yours)"),
            None => format!("{path} (you have none)"),
        };
        let patch = patch::unified(style, (&name, &mine.unwrap_or_default()), (&format!("{path} (solution)"), theirs));
        if !patch.is_empty() {
            out.push(patch);
        }
    }
    let source = format!("The whole solution is in solutions/{}.\n", outline.slug);
    if out.is_empty() {
        return Ok(format!("Your files are the same as the solution of step {number}.\n"));
    }
    let head = style.paint(Ink::Strong, &format!("From your step {number} to the solution:"));
    Ok(format!("{head}\n\n{}\n{source}", out.join("\n")))
}
