//! The file `.env` in the workshop's folder, from which many frameworks read their environment.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use model::Problem;

/// The first line of a file that is ours, up to the name of the one which was there before.
const HEAD: &str = "# Written by `checker up`, which removes it at its end.";
/// What follows where there was a file before.
const BEFORE: &str = " Before it there was ";

/// A file `.env` of ours, in place of the one that was there before.
pub struct Dotenv {
    path: PathBuf,
    text: String,
    former: Option<PathBuf>,
}

impl Dotenv {
    /// Writes the file, readable only by its owner. An existing file is kept under another name.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn write(root: &Path, variables: &[(&str, String)]) -> Result<Self, Problem> {
        let path = root.join(".env");
        Self::replace(&path, variables).map_err(|error| {
            let title = format!("{} cannot be written: {error}.", path.display());
            Problem::new(title, "Make the folder writable, or leave out --write-env and export the variables yourself.")
                .because_of(&error)
        })
    }

    fn replace(path: &Path, variables: &[(&str, String)]) -> io::Result<Self> {
        let former = match fs::read_to_string(path) {
            Ok(text) if text.starts_with(HEAD) => {
                former_of(&text).map(|name| path.with_file_name(name)).filter(|file| file.exists())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            _ => {
                let backup = free_name(path);
                fs::rename(path, &backup)?;
                Some(backup)
            }
        };
        let before = former.as_ref().and_then(|former| former.file_name());
        let before = before.map(|name| format!("{BEFORE}{}", name.display())).unwrap_or_default();
        let mut text = format!("{HEAD}{before}\n");
        text.extend(variables.iter().map(|(name, value)| format!("{name}={value}\n")));

        let part = path.with_file_name(format!(".env.part-{}", std::process::id()));
        let written = fs::File::options().write(true).create_new(true).mode(0o600).open(&part);
        written.and_then(|mut file| file.write_all(text.as_bytes())).and_then(|()| fs::rename(&part, path))?;
        Ok(Dotenv { path: path.to_owned(), text, former })
    }

    /// Restores the former file, unless the current one was changed meanwhile.
    pub fn put_back(self) {
        if fs::read_to_string(&self.path).is_ok_and(|text| text == self.text) {
            let _ = match &self.former {
                Some(former) => fs::rename(former, &self.path),
                None => fs::remove_file(&self.path),
            };
        }
    }
}

/// The name of the former file in the first line of ours.
fn former_of(text: &str) -> Option<&str> {
    text.lines().next()?.strip_prefix(HEAD)?.strip_prefix(BEFORE)
}

fn free_name(path: &Path) -> PathBuf {
    let names = (1..).map(|number| if number == 1 { ".env.backup".to_owned() } else { format!(".env.backup-{number}") });
    names.map(|name| path.with_file_name(name)).find(|path| !path.exists()).expect("the numbers do not end")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const VARIABLES: &[(&str, &str)] = &[("DATABASE_URL", "postgresql://a"), ("REDIS_URL", "redis://b")];

    fn write(root: &Path) -> Dotenv {
        let variables: Vec<_> = VARIABLES.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Dotenv::write(root, &variables).expect("a writable folder")
    }

    fn names(root: &Path) -> Vec<String> {
        let entries = fs::read_dir(root).expect("a folder").flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.file_name().display().to_string()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_file_is_private_and_removed_at_the_end() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let dotenv = write(root.path());
        let file = root.path().join(".env");
        assert_eq!(
            fs::read_to_string(&file).expect("a file"),
            format!("{HEAD}\nDATABASE_URL=postgresql://a\nREDIS_URL=redis://b\n")
        );
        assert_eq!(fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o600);
        dotenv.put_back();
        assert!(names(root.path()).is_empty());
    }

    #[test]
    fn a_file_of_the_learners_comes_back() {
        let root = tempfile::tempdir().expect("a temporary folder");
        fs::write(root.path().join(".env"), "MINE=1\n").expect("a writable folder");
        fs::write(root.path().join(".env.backup"), "OLD=1\n").expect("a writable folder");
        let dotenv = write(root.path());
        assert_eq!(names(root.path()), [".env", ".env.backup", ".env.backup-2"]);
        dotenv.put_back();
        assert_eq!(names(root.path()), [".env", ".env.backup"]);
        assert_eq!(fs::read_to_string(root.path().join(".env")).expect("a file"), "MINE=1\n");
    }

    #[test]
    fn what_a_killed_checker_left_is_no_file_of_the_learners() {
        let root = tempfile::tempdir().expect("a temporary folder");
        fs::write(root.path().join(".env"), "MINE=1\n").expect("a writable folder");
        drop(write(root.path()));
        write(root.path()).put_back();
        assert_eq!(names(root.path()), [".env"]);
        assert_eq!(fs::read_to_string(root.path().join(".env")).expect("a file"), "MINE=1\n");
    }

    #[test]
    fn what_was_changed_meanwhile_stays() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let dotenv = write(root.path());
        fs::write(root.path().join(".env"), "MINE=2\n").expect("a writable folder");
        dotenv.put_back();
        assert_eq!(fs::read_to_string(root.path().join(".env")).expect("a file"), "MINE=2\n");
    }
}
