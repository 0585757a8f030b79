//! The evidence of a run: `target/checker/STEP/latest/`, replaced as a whole by the next run.
//!
//! Only the checker writes there, and what it writes is bounded; everything else in a server's reach stays out of it.

mod har;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use model::{Problem, RunReport};

/// The folder of the newest run, in the folder of its step.
const LATEST: &str = "latest";
/// Folders that are being written begin with this; one that is left over came from a checker that was killed.
const UNFINISHED: &str = ".unfinished-";
/// How long to wait for another checker that is writing at this moment.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of the server's log that are kept; the end says the most.
const LOG: usize = 4 * 1024 * 1024;
/// A report larger than this was not written by a checker.
const READABLE: u64 = 64 * 1024 * 1024;

/// The folder in which runs of a step are kept; `slug` is such as `01-api-basics`.
pub fn folder(root: &Path, slug: &str) -> PathBuf {
    sandbox::output_folder(root).join(slug)
}

/// Keeps the evidence of a run, and returns the folder it is in.
///
/// The folder is complete whenever it is there: it is written aside and then swapped in. Two checkers take turns.
pub fn save(root: &Path, slug: &str, run: &RunReport) -> Result<PathBuf, Problem> {
    save_in(&folder(root, slug), run)
}

/// The step of the newest run, by its number, and when it ended.
pub fn newest(root: &Path) -> Option<(u8, SystemTime)> {
    newest_in(&sandbox::output_folder(root))
}

fn newest_in(folder: &Path) -> Option<(u8, SystemTime)> {
    let runs = fs::read_dir(folder).ok()?.flatten().filter_map(|entry| {
        let number = entry.file_name().to_str()?.split_once('-')?.0.parse().ok()?;
        let written = fs::metadata(entry.path().join(LATEST).join("report.json")).ok()?.modified().ok()?;
        Some((number, written))
    });
    runs.max_by_key(|(_, written)| *written)
}

/// The report of the newest run of a step; nothing when there was none or it cannot be read.
pub fn last_report(root: &Path, slug: &str) -> Option<RunReport> {
    read(&folder(root, slug).join(LATEST).join("report.json"))
}

fn save_in(folder: &Path, run: &RunReport) -> Result<PathBuf, Problem> {
    let unwritable = |error: io::Error| {
        Problem::new(
            format!("The evidence of this run could not be kept in {}: {error}.", folder.display()),
            "The verdict stands. Make that folder writable, or set CARGO_TARGET_DIR to one that is.",
        )
        .because_of(&error)
    };
    fs::create_dir_all(folder).map_err(unwritable)?;
    let lock = File::options().create(true).truncate(false).write(true).open(folder.join(".lock")).map_err(unwritable)?;
    // On a file system without locks, two checkers in one folder may undo each other's work; the progress file reports that.
    sandbox::lock::exclusive(&lock, PATIENCE).map_err(unwritable)?;
    write_and_swap(folder, run).map_err(unwritable)
}

/// Writes the folder aside and swaps it in; the caller holds the lock.
fn write_and_swap(folder: &Path, run: &RunReport) -> io::Result<PathBuf> {
    for entry in fs::read_dir(folder)?.flatten() {
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            remove(&entry.path())?;
        }
    }
    let pid = std::process::id();
    let (new, old) = (folder.join(format!("{UNFINISHED}new-{pid}")), folder.join(format!("{UNFINISHED}old-{pid}")));
    fs::create_dir(&new)?;
    fs::write(new.join("report.json"), report::json(run))?;
    fs::write(new.join("exchanges.har"), har::har(run))?;
    fs::write(new.join("server.log"), log(&run.server_log))?;
    for (file, text) in traffic(run) {
        fs::write(new.join(file), text)?;
    }
    let latest = folder.join(LATEST);
    swap_in(&new, &latest, &old)?;
    for left in [new, old] {
        // The new evidence is in place: what cannot be removed now is removed by the next run.
        let _ = remove(&left);
    }
    Ok(latest)
}

/// Puts the folder `new` in the place of `latest`, if possible in one step, else with `latest` gone for a moment.
fn swap_in(new: &Path, latest: &Path, old: &Path) -> io::Result<()> {
    if rustix::fs::renameat_with(rustix::fs::CWD, new, rustix::fs::CWD, latest, rustix::fs::RenameFlags::EXCHANGE).is_ok() {
        return Ok(());
    }
    // There is no `latest` yet, or the file system cannot exchange two names.
    match fs::rename(latest, old) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => fs::rename(new, latest),
    }
}

fn remove(path: &Path) -> io::Result<()> {
    if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}

/// The end of the server's log, safe to print to a terminal.
fn log(lines: &[String]) -> String {
    let mut size = 0;
    let kept = lines.iter().rev().take_while(|line| {
        size += line.len() + 1;
        size <= LOG
    });
    let first = lines.len() - kept.count();
    let mut out = String::new();
    if first > 0 {
        out += &format!("({first} earlier lines were not kept)\n");
    }
    for line in &lines[first..] {
        out += &report::terminal::log_line(line);
        out.push('\n');
    }
    out
}

/// What the server and its backing services sent to one another, by file, check and request; every line is safe to print to a
/// terminal.
fn traffic(run: &RunReport) -> BTreeMap<&str, String> {
    let mut files: BTreeMap<&str, String> = BTreeMap::new();
    for check in &run.checks {
        for traffic in check.traffic.iter().filter(|traffic| !traffic.lines.is_empty()) {
            let out = files.entry(&traffic.file).or_default();
            *out += &format!("-- {}\n", check.id);
            for line in &traffic.lines {
                let sign = if line.starts_with(' ') { "" } else { "--   " };
                *out += &format!("{sign}{}\n", report::terminal::escape_line(line));
            }
            out.push('\n');
        }
    }
    files
}

fn read(path: &Path) -> Option<RunReport> {
    if fs::metadata(path).ok()?.len() > READABLE {
        return None;
    }
    report::read_json(&fs::read(path).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::StepVerdict;

    use report::samples;

    #[test]
    fn a_run_can_be_read_back() {
        let root = tempfile::tempdir().expect("a folder");
        let folder = root.path().join("01-api-basics");
        let latest = save_in(&folder, &samples::failed()).expect("the folder is writable");
        assert_eq!(latest, folder.join("latest"));
        let saved = read(&latest.join("report.json")).expect("it was just written");
        assert!(matches!(saved.verdict, StepVerdict::Failed));
        assert_eq!(saved.first_failure().map(|check| check.id.as_str()), Some("1.patch-partial"));
        let mut names: Vec<_> = fs::read_dir(&latest).expect("a folder").flatten().map(|entry| entry.file_name()).collect();
        names.sort();
        assert_eq!(names, ["exchanges.har", "report.json", "server.log"]);
    }

    #[test]
    fn the_newest_run_is_found_whichever_step_it_was_of() {
        let root = tempfile::tempdir().expect("a folder");
        assert_eq!(newest_in(root.path()), None);
        for slug in ["02-framework", "03-databases", "01-api-basics"] {
            let latest = save_in(&root.path().join(slug), &samples::failed()).expect("the folder is writable");
            let age = Duration::from_secs(if slug.starts_with("03") { 10 } else { 100 });
            let report = File::options().append(true).open(latest.join("report.json")).expect("it was just written");
            report.set_modified(SystemTime::now() - age).expect("it is ours");
        }
        fs::create_dir(root.path().join("builds")).expect("the folder is writable");
        assert_eq!(newest_in(root.path()).map(|(number, _)| number), Some(3));
    }

    #[test]
    fn a_damaged_report_is_no_report() {
        let root = tempfile::tempdir().expect("a folder");
        let path = root.path().join("report.json");
        assert!(read(&path).is_none());
        let whole = report::json(&samples::failed());
        for damaged in ["", "[]", "{\"checks\": 3}", "\0\0", &whole[..whole.len() / 2]] {
            fs::write(&path, damaged).expect("the folder is writable");
            assert!(read(&path).is_none(), "{damaged:.20}");
        }
    }

    #[test]
    fn many_checkers_at_once_leave_one_whole_folder() {
        let root = tempfile::tempdir().expect("a folder");
        let folder = root.path().join("checker");
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..10 {
                        save_in(&folder, &samples::failed()).expect("they take turns");
                    }
                });
            }
        });
        let mut left: Vec<_> = fs::read_dir(&folder).expect("a folder").flatten().map(|entry| entry.file_name()).collect();
        left.sort();
        assert_eq!(left, [".lock", "latest"]);
        assert!(read(&folder.join("latest/report.json")).is_some());
    }

    #[test]
    fn what_a_killed_checker_left_is_cleared_away() {
        let root = tempfile::tempdir().expect("a folder");
        fs::create_dir(root.path().join(".unfinished-new-1")).expect("the folder is writable");
        fs::write(root.path().join(".unfinished-new-1/report.json"), "{").expect("the folder is writable");
        save_in(root.path(), &samples::failed()).expect("the folder is writable");
        assert!(!root.path().join(".unfinished-new-1").exists());
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_a_problem_with_a_remedy() {
        let root = tempfile::tempdir().expect("a folder");
        fs::write(root.path().join("checker"), "a file where a folder should be").expect("the folder is writable");
        let folder = root.path().join("checker/01-api-basics");
        let problem = save_in(&folder, &samples::failed()).expect_err("there is a file in the way");
        assert!(problem.remedy.contains("CARGO_TARGET_DIR"), "{problem:?}");
    }

    #[test]
    fn a_flood_of_log_lines_keeps_its_end() {
        let lines: Vec<_> = (0..100_000).map(|number| format!("{number:0>100}")).collect();
        let log = log(&lines);
        assert!(log.len() <= LOG + 100);
        assert!(log.starts_with('(') && log.ends_with("99999\n"));
    }
}
