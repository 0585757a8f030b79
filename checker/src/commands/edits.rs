//! Where the learner has edited files since the last run.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use crate::evidence;
use checkout::Workshop;

/// The folder of the step with the newest edit since the last run, unless that step is `graded`.
pub fn elsewhere(workshop: &Workshop, graded: &str) -> Option<String> {
    let (_, last_run) = evidence::newest(workshop.root())?;
    edited_elsewhere(&workshop.steps(), graded, last_run)
}

fn edited_elsewhere(steps: &Path, graded: &str, since: SystemTime) -> Option<String> {
    let is_step = |name: &String| name.split('-').next().is_some_and(|number| number.len() == 2 && number.parse::<u8>().is_ok());
    let names = fs::read_dir(steps).ok()?.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let edited = names.filter(is_step).filter_map(|name| Some((newest_in(&steps.join(&name))?, name)));
    let (time, name) = edited.max()?;
    (time > since && name != graded).then_some(name)
}

/// When a file of this folder was changed last, build output and hidden files left out.
fn newest_in(folder: &Path) -> Option<SystemTime> {
    let entries = fs::read_dir(folder).ok()?.flatten().filter(|entry| {
        let name = entry.file_name();
        name != "target" && !name.to_string_lossy().starts_with('.')
    });
    entries
        .filter_map(|entry| match entry.file_type().ok()?.is_dir() {
            true => newest_in(&entry.path()),
            false => entry.metadata().ok()?.modified().ok(),
        })
        .max()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn edits_in_another_step_are_seen_unless_the_graded_one_was_edited_later() {
        let root = tempfile::tempdir().expect("a folder");
        let write = |path: &str, age: u64| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a writable folder");
            fs::write(&path, "").expect("a writable folder");
            let file = fs::File::options().append(true).open(path).expect("it is there");
            file.set_modified(SystemTime::now() - Duration::from_secs(age)).expect("it is ours");
        };
        let last_run = SystemTime::now() - Duration::from_secs(60);
        let found = || edited_elsewhere(root.path(), "02-framework", last_run);
        write("01-api-basics/src/main.rs", 100);
        write("02-framework/src/main.rs", 90);
        assert_eq!(found(), None, "nothing was edited since");
        write("notes/todo.md", 1);
        write("01-api-basics/target/debug/app", 1);
        assert_eq!(found(), None, "no edit of a step");
        write("01-api-basics/src/habits.rs", 10);
        assert_eq!(found(), Some("01-api-basics".to_owned()));
        write("02-framework/src/main.rs", 5);
        assert_eq!(found(), None, "the graded step was edited later");
    }
}
