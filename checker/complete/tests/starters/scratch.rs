//! A small workshop with two steps in a temporary folder, and a program run in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use checker_complete::commands::outlines;
use course::COURSE;
use workshop::{Workshop, folder};

/// Folder names of the steps, as the course has them.
pub const ONE: &str = "01-api-basics";
pub const TWO: &str = "02-framework";

const HABITS_1: &str = "\
use crate::app;

// ANCHOR: create
pub fn create() -> u16 {
    201
}
// ANCHOR_END: create
//~ // TODO(create): answer 201.
//~ pub fn create() -> u16 {
//~     501
//~ }
";

const HABITS_2: &str = "\
use crate::app;
use crate::error;

// ANCHOR: create
pub fn create() -> Result<u16, error::Error> {
    Ok(201)
}
// ANCHOR_END: create
";

const ERROR_2: &str = "\
// ANCHOR: error
pub struct Error;
// ANCHOR_END: error
//~ // TODO(error): say what went wrong.
//~ pub struct Error;
";

/// The workshop; its folder is gone when this is dropped.
pub struct Scratch {
    root: tempfile::TempDir,
}

/// What a run of the checker came to.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Scratch {
    /// A workshop with both starters generated.
    pub fn new() -> Self {
        let root = tempfile::tempdir().expect("a temporary folder");
        let scratch = Scratch { root };
        scratch.write("Cargo.toml", "[workspace]\n");
        for folder in ["checker", "steps"] {
            fs::create_dir(scratch.path(folder)).expect("a writable folder");
        }
        for (slug, title) in [(ONE, "One"), (TWO, "Two")] {
            let crate_name = slug.replace('-', "_");
            let folder = format!("solutions/{slug}");
            scratch.write(&format!("{folder}/step.toml"), &format!("title = \"{title}\"\nopens = []\n"));
            scratch.write(&format!("{folder}/README.md"), &format!("# {title}\n\n<!-- checks -->\n"));
            scratch.write(&format!("{folder}/src/main.rs"), &format!("use solution_{crate_name}::app;\n"));
        }
        let package = |slug: &str| format!("[package]\nname = \"solution-{slug}\"\n\n[dependencies]\naxum.workspace = true\n");
        scratch.write(&format!("solutions/{ONE}/Cargo.toml"), &package(ONE));
        scratch.write(&format!("solutions/{TWO}/Cargo.toml"), &(package(TWO) + "tracing.workspace = true\n"));
        scratch.write(&format!("solutions/{ONE}/src/habits.rs"), HABITS_1);
        scratch.write(&format!("solutions/{TWO}/src/habits.rs"), HABITS_2);
        scratch.write(&format!("solutions/{TWO}/src/error.rs"), ERROR_2);
        let workshop = Workshop::at(scratch.root.path());
        for outline in &outlines(COURSE)[..2] {
            let files = outline.starter(&workshop).expect("a right solution");
            folder::write(&workshop.step(&outline.slug), &files).expect("a writable folder");
        }
        scratch
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a writable folder");
        fs::write(path, text).expect("a writable folder");
    }

    #[track_caller]
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).expect("a readable file")
    }

    pub fn exists(&self, path: &str) -> bool {
        self.path(path).exists()
    }

    /// The names in the folder of backups that do not begin with a dot, sorted.
    pub fn backups(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path(".checker-backups")).into_iter().flatten().flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.retain(|name| !name.starts_with('.'));
        names.sort();
        names
    }

    /// The checker with these arguments, not started yet.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(crate::PROGRAM);
        command.args(arguments).current_dir(self.root.path()).stdin(Stdio::null()).env("GIT_CEILING_DIRECTORIES", "/");
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        ran(self.command(arguments))
    }

    pub fn run_in(&self, folder: &str, arguments: &[&str]) -> Ran {
        let mut command = self.command(arguments);
        command.current_dir(self.path(folder));
        ran(command)
    }
}

fn ran(mut command: Command) -> Ran {
    let Output { status, stdout, stderr } = command.output().expect("the checker starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Ran { code: status.code().expect("an exit code"), out: text(stdout), err: text(stderr) }
}

impl Ran {
    /// The output of a run that went well.
    #[track_caller]
    pub fn passed(self) -> String {
        assert_eq!(self.code, 0, "{self:#?}");
        self.out
    }

    /// The message of a run that was refused: one sentence that says `what`, and a remedy.
    #[track_caller]
    pub fn refused(self, code: i32, what: &str) -> String {
        assert_eq!(self.code, code, "{self:#?}");
        assert!(self.err.contains(what), "{} does not say {what:?}", self.err);
        assert_eq!(self.err.lines().count(), 2, "a sentence and a remedy: {}", self.err);
        assert!(self.out.is_empty(), "{}", self.out);
        self.err
    }
}

/// Whether the account that runs the tests is held back by permissions; `root` is not.
#[cfg(unix)]
pub fn permissions_count(folder: &Path) -> bool {
    fs::write(folder.join("probe"), "").is_err()
}
