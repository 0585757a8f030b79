//! The git commands that porting uses.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use model::Problem;
use workshop::folder;

/// git in one checkout. Paths begin at the checkout's top.
pub struct Git<'a> {
    root: &'a Path,
}

/// One side of a merge.
#[derive(Clone, Copy)]
pub struct Version<'a> {
    /// Its name beside a conflict marker.
    pub label: &'a str,
    /// The text.
    pub content: &'a [u8],
}

impl<'a> Git<'a> {
    /// git in this checkout.
    pub fn at(root: &'a Path) -> Self {
        Git { root }
    }

    /// The hash of the commit that a revision names; `None` if there is none.
    ///
    /// # Errors
    ///
    /// git does not work here.
    pub fn commit(&self, revision: &str) -> Result<Option<String>, Problem> {
        let commit = format!("{revision}^{{commit}}");
        let arguments = ["rev-parse", "--verify", "--quiet", "--end-of-options", &commit];
        let output = self.output(&arguments)?;
        match output.status.code() {
            Some(0) => Ok(Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())),
            Some(1) => Ok(None),
            _ => Err(failed(&arguments, &output)),
        }
    }

    /// The files of a folder that are not as they were in a commit, new ones included, without what git ignores.
    ///
    /// # Errors
    ///
    /// git does not work here.
    pub fn changed(&self, commit: &str, folder: &str) -> Result<BTreeSet<String>, Problem> {
        let mut paths = self.paths(&["diff", "--name-only", "--no-renames", "--relative", "-z", commit, "--", folder])?;
        paths.extend(self.paths(&["ls-files", "--others", "--exclude-standard", "-z", "--", folder])?);
        Ok(paths)
    }

    /// The content of a file in a commit; `None` if the commit does not have the file.
    pub fn file(&self, commit: &str, path: &str) -> Option<Vec<u8>> {
        let output = self.output(&["cat-file", "blob", &format!("{commit}:./{path}")]).ok()?;
        output.status.success().then_some(output.stdout)
    }

    /// `ours` with what turned `base` into `theirs`. Conflict markers stand where the two sides changed the same lines.
    ///
    /// # Errors
    ///
    /// git does not work here, or the files that it reads cannot be written.
    pub fn merge(&self, ours: Version, base: Version, theirs: Version) -> Result<Vec<u8>, Problem> {
        // `git merge-file` reads files only.
        let scratch = self.root.join("target/checker/port");
        let files = [("ours", ours), ("base", base), ("theirs", theirs)];
        folder::write(&scratch, &files.map(|(name, version)| (name.to_owned(), version.content.to_vec())).into())?;
        let mut arguments = vec!["merge-file", "-p"];
        for (_, version) in files {
            arguments.extend(["-L", version.label]);
        }
        let paths = files.map(|(name, _)| format!("target/checker/port/{name}"));
        arguments.extend(paths.iter().map(String::as_str));
        let merged = self.output(&arguments)?;
        // What stays behind is build output.
        let _ = fs::remove_dir_all(&scratch);
        // The exit code is the number of conflicts, 127 at most; larger ones are errors.
        match merged.status.code() {
            Some(0..=127) => Ok(merged.stdout),
            _ => Err(failed(&arguments, &merged)),
        }
    }

    fn paths(&self, arguments: &[&str]) -> Result<BTreeSet<String>, Problem> {
        let output = self.output(arguments)?;
        if !output.status.success() {
            return Err(failed(arguments, &output));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        Ok(text.split_terminator('\0').map(str::to_owned).collect())
    }

    fn output(&self, arguments: &[&str]) -> Result<Output, Problem> {
        Command::new("git").arg("-C").arg(self.root).args(arguments).output().map_err(|error| {
            Problem::new(format!("git does not start: {error}."), "Install git; the history of the solutions is needed here.")
        })
    }
}

fn failed(arguments: &[&str], output: &Output) -> Problem {
    Problem {
        details: String::from_utf8_lossy(&output.stderr).lines().map(str::to_owned).collect(),
        ..Problem::new(format!("`git {}` failed.", arguments.join(" ")), "See what git says:")
    }
}
