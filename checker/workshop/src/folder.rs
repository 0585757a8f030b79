//! The files of a step's folder, in memory.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use model::Problem;

/// Files by their path relative to the folder, with `/` between the parts.
pub type Files = BTreeMap<String, Vec<u8>>;

/// What a folder holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Folder {
    /// The regular files.
    pub files: Files,
    /// Entries that were skipped, because following or copying them could lead out of the folder: links, pipes, sockets.
    pub skipped: Vec<String>,
}

/// Names that never belong to a step's sources: builds and editors leave them behind.
const IGNORED: [&str; 4] = ["target", ".git", ".DS_Store", "node_modules"];

impl Folder {
    /// Reads every file below `root` except build output; symbolic links are listed and never followed.
    ///
    /// # Errors
    ///
    /// The folder is missing, is itself a link, or something in it cannot be read.
    pub fn read(root: &Path) -> Result<Self, Problem> {
        let kind = fs::symlink_metadata(root).map_err(|error| unreadable(root, &error))?.file_type();
        if !kind.is_dir() {
            return Err(Problem::new(
                format!("{} is not a real folder.", root.display()),
                "Put a real folder there: a link could point outside the workshop.",
            ));
        }
        let mut folder = Folder::default();
        folder.read_into(root, "")?;
        Ok(folder)
    }

    fn read_into(&mut self, root: &Path, below: &str) -> Result<(), Problem> {
        let here = root.join(below);
        for entry in fs::read_dir(&here).map_err(|error| unreadable(&here, &error))? {
            let entry = entry.map_err(|error| unreadable(&here, &error))?;
            let name = entry.file_name().into_string().map_err(|name| {
                Problem::new(
                    format!("{} contains a file whose name is not UTF-8: {}", here.display(), name.display()),
                    "Rename that file.",
                )
            })?;
            if IGNORED.contains(&name.as_str()) {
                continue;
            }
            let path = if below.is_empty() { name } else { format!("{below}/{name}") };
            let kind = entry.file_type().map_err(|error| unreadable(&entry.path(), &error))?;
            if kind.is_dir() {
                self.read_into(root, &path)?;
            } else if kind.is_file() {
                let bytes = fs::read(entry.path()).map_err(|error| unreadable(&entry.path(), &error))?;
                self.files.insert(path, bytes);
            } else {
                self.skipped.push(path);
            }
        }
        Ok(())
    }
}

/// Writes `files` below `root`, creating folders as needed. Scripts, which begin with `#!/`, become executable.
///
/// # Errors
///
/// A folder or file cannot be written.
pub fn write(root: &Path, files: &Files) -> Result<(), Problem> {
    for (path, bytes) in files {
        let path = root.join(path);
        let folder = path.parent().unwrap_or(root);
        fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
        fs::write(&path, bytes).map_err(|error| unwritable(&path, &error))?;
        #[cfg(unix)]
        if bytes.starts_with(b"#!/") {
            use std::os::unix::fs::PermissionsExt;
            let executable = fs::Permissions::from_mode(0o755);
            fs::set_permissions(&path, executable).map_err(|error| unwritable(&path, &error))?;
        }
    }
    Ok(())
}

/// The text of a file, if it is text.
pub fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

/// The text with the line ends of Unix: editors and archives of other systems write `\r\n`.
pub fn with_unix_line_ends(text: &str) -> Cow<'_, str> {
    if text.contains("\r\n") { text.replace("\r\n", "\n").into() } else { text.into() }
}

/// Whether both hold the same files, apart from the line ends of text.
pub fn are_alike(one: &Files, other: &Files) -> bool {
    let alike = |(a, b): (&Vec<u8>, &Vec<u8>)| match (text(a), text(b)) {
        (Some(a), Some(b)) => with_unix_line_ends(a) == with_unix_line_ends(b),
        _ => a == b,
    };
    one.keys().eq(other.keys()) && one.values().zip(other.values()).all(alike)
}

/// The problem to report when something cannot be read.
pub fn unreadable(path: &Path, error: &std::io::Error) -> Problem {
    Problem::new(
        format!("{} cannot be read: {error}.", path.display()),
        "Check that it exists and that you may read it, then try again.",
    )
}

/// The problem to report when something cannot be written.
pub fn unwritable(path: &Path, error: &std::io::Error) -> Problem {
    Problem::new(
        format!("{} cannot be written: {error}.", path.display()),
        "Check that you may write there and that the disk is not full, then try again. Nothing was lost.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_comes_back_as_it_was_written_without_build_output() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let files =
            Files::from([("Cargo.toml".to_owned(), b"[package]\n".to_vec()), ("src/deep/logo.png".to_owned(), vec![0, 255])]);
        write(root.path(), &files).expect("a writable folder");
        write(root.path(), &Files::from([("target/debug/app".to_owned(), vec![1])])).expect("a writable folder");
        assert_eq!(Folder::read(root.path()).expect("a readable folder"), Folder { files, skipped: Vec::new() });
    }

    #[test]
    #[cfg(unix)]
    fn a_script_is_executable() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().expect("a temporary folder");
        let file = |path: &str, text: &str| (path.to_owned(), text.as_bytes().to_vec());
        write(root.path(), &Files::from([file("run", "#!/bin/sh\n"), file("lib.rs", "#![x]\n")])).expect("a writable folder");
        let mode = |path| fs::metadata(root.path().join(path)).expect("the file is there").permissions().mode() & 0o111;
        assert_eq!((mode("run"), mode("lib.rs")), (0o111, 0));
    }

    #[test]
    #[cfg(unix)]
    fn a_link_is_listed_and_not_followed() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let outside = tempfile::tempdir().expect("a temporary folder");
        fs::write(outside.path().join("secret"), "s").expect("a writable folder");
        std::os::unix::fs::symlink(outside.path(), root.path().join("link")).expect("a link");
        let folder = Folder::read(root.path()).expect("a readable folder");
        assert!(folder.files.is_empty());
        assert_eq!(folder.skipped, ["link"]);
        let problem = Folder::read(&root.path().join("link")).expect_err("a link is no folder");
        assert!(problem.title.contains("is not a real folder"), "{}", problem.title);
    }

    #[test]
    fn a_missing_folder_is_a_problem() {
        let problem = Folder::read(Path::new("/no/such/folder")).expect_err("no folder");
        assert!(problem.title.starts_with("/no/such/folder cannot be read"), "{}", problem.title);
    }
}
