//! The template of the data folder of private PostgreSQL servers: created once by `initdb`, then copied for each server.

use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, chown};
use std::path::Path;

use super::scram::quick_verifier;
use fixtures::find::{Programs, Work, run_to_end};

/// The superuser of a private server.
pub const USER: &str = "workshop";
/// The version of how templates are created, so that a template of an older checker is not used.
const FORM: u32 = 2;
/// The options of every `initdb`: text in UTF-8, small write-ahead log files, and no waiting for the disk.
const OPTIONS: &[&str] = &["--encoding=UTF8", "--wal-segsize=1", "--no-sync", "--auth=password"];
/// Locales that know letter case beyond ASCII and, where possible, order by code point. The first that the system has is
/// used.
const LOCALES: &[&[&str]] = &[
    &["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"], // PostgreSQL 17 and later, on any system
    &["--locale=C.UTF-8"],
    &["--locale=C", "--lc-ctype=en_US.UTF-8"],
    &["--locale=C"],
];

/// The size of a template, by which lost files are detected.
#[derive(Debug, Default, PartialEq, Eq)]
struct Contents {
    files: u64,
    bytes: u64,
}

/// Fills `folder` with a copy of the template, which is created first if necessary. Returns the superuser's password.
///
/// # Errors
///
/// The template cannot be created or copied; the text says why.
pub async fn copy(programs: &Programs, work: &Work, folder: &Path, progress: &mut dyn FnMut(&str)) -> Result<String, String> {
    let name = name(programs);
    // Also held during the copy, so that no other checker removes the template meanwhile.
    let _lock = work.lock(&format!("{name}.lock")).await.map_err(|error| error.to_string())?;
    let template = work.join(&name);
    if let Ok(password) = try_copy(&template, work, folder).await {
        return Ok(password);
    }
    progress("Preparing PostgreSQL for the first time");
    let _ = fs::remove_dir_all(folder);
    make(programs, work, &name).await?;
    try_copy(&template, work, folder).await.map_err(|error| error.to_string())
}

/// The name of the template for these programs.
fn name(programs: &Programs) -> String {
    let mut hasher = DefaultHasher::new();
    (FORM, programs.server().canonicalize().ok()).hash(&mut hasher);
    format!("postgresql-{}-{:08x}", programs.version, hasher.finish() as u32)
}

async fn try_copy(template: &Path, work: &Work, folder: &Path) -> io::Result<String> {
    let password = fs::read_to_string(template.join("password"))?;
    let expected = fs::read_to_string(template.join("contents"))?;
    let (from, to, account) = (template.join("data"), folder.to_owned(), work.account());
    let copying = tokio::task::spawn_blocking(move || {
        let mut contents = Contents::default();
        walk(&from, &mut |path, file| {
            let copy = to.join(path.strip_prefix(&from).map_err(io::Error::other)?);
            match file {
                Some(size) => {
                    fs::copy(path, &copy)?;
                    contents.add(size);
                }
                None => DirBuilder::new().mode(0o700).create(&copy)?,
            }
            account.map_or(Ok(()), |account| chown(&copy, Some(account.uid), Some(account.gid)))
        })?;
        io::Result::Ok(contents)
    });
    match copying.await.map_err(io::Error::other)?? {
        contents if contents.to_string() == expected => Ok(password),
        _ => Err(io::Error::other("files of the template are missing")),
    }
}

/// Creates the template under a temporary name, and renames it once it is complete.
async fn make(programs: &Programs, work: &Work, name: &str) -> Result<(), String> {
    let begun = format!("{name}.part-");
    for left in work.entries().map_err(|error| error.to_string())? {
        if left == name || left.starts_with(&begun) {
            fs::remove_dir_all(work.join(&left)).map_err(|error| error.to_string())?;
        }
    }
    // A unique name: an initdb of a killed checker may still be running, and removes its folder when it fails.
    let part = work.join(&format!("{begun}{}", fastrand::u32(..)));
    let (data, verifier) = (part.join("data"), part.join("verifier"));
    let prepare = || {
        work.create_passage(&part)?;
        let password: String = std::iter::repeat_with(fastrand::alphanumeric).take(24).collect();
        write_secret(&part.join("password"), &password)?;
        write_secret(&verifier, &quick_verifier(&password))?;
        work.give(&verifier)
    };
    prepare().map_err(|error| error.to_string())?;

    let mut tried = Ok(());
    for locale in LOCALES {
        // A failed attempt may have left files of the other account.
        let _ = fs::remove_dir_all(&data);
        DirBuilder::new().mode(0o700).create(&data).and_then(|()| work.give(&data)).map_err(|error| error.to_string())?;
        let mut args: Vec<OsString> = OPTIONS.iter().chain(*locale).map(Into::into).collect();
        args.extend([format!("--username={USER}").into(), assigned("--pwfile=", &verifier), assigned("--pgdata=", &data)]);
        tried = run_to_end(programs.folder.join("initdb"), args, part.clone(), work).await;
        if tried.is_ok() {
            break;
        }
    }
    tried.map_err(|error| format!("initdb {error}"))?;

    let settle = || {
        let mut contents = Contents::default();
        if work.account().is_some() {
            // From the outside in, so that the other account can no longer change anything that is about to be copied.
            let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
            walk(&part, &mut |path, _| chown(path, Some(user), Some(group)))?;
        }
        walk(&data, &mut |_, file| {
            file.into_iter().for_each(|size| contents.add(size));
            Ok(())
        })?;
        fs::write(part.join("contents"), contents.to_string())?;
        fs::rename(&part, work.join(name))
    };
    settle().map_err(|error| error.to_string())
}

/// Writes a file that only its owner may read.
fn write_secret(path: &Path, secret: &str) -> io::Result<()> {
    let mut file = fs::File::options().write(true).create_new(true).mode(0o600).open(path)?;
    io::Write::write_all(&mut file, secret.as_bytes())
}

/// An option and its path as one argument.
fn assigned(option: &str, path: &Path) -> OsString {
    let mut argument = OsString::from(option);
    argument.push(path);
    argument
}

/// Visits a folder, then everything in it: files with their size, folders without. A link is an error, because a data
/// folder has none.
fn walk(folder: &Path, visit: &mut dyn FnMut(&Path, Option<u64>) -> io::Result<()>) -> io::Result<()> {
    visit(folder, None)?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if kind.is_dir() {
            walk(&path, visit)?;
        } else if kind.is_file() {
            visit(&path, Some(entry.metadata()?.len()))?;
        } else {
            return Err(io::Error::other(format!("{} is neither file nor folder", path.display())));
        }
    }
    Ok(())
}

impl Contents {
    fn add(&mut self, size: u64) {
        self.files += 1;
        self.bytes += size;
    }
}

impl std::fmt::Display for Contents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} files, {} bytes", self.files, self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_visits_folders_before_their_contents_and_rejects_links() {
        let root = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir_all(root.path().join("a/b")).expect("a writable folder");
        fs::write(root.path().join("a/b/c"), "four").expect("a writable folder");
        let mut seen = Vec::new();
        let mut look = |path: &Path, file: Option<u64>| {
            seen.push((path.strip_prefix(root.path()).expect("in it").display().to_string(), file));
            Ok(())
        };
        walk(root.path(), &mut look).expect("it can be read");
        let expected = [("", None), ("a", None), ("a/b", None), ("a/b/c", Some(4))];
        assert_eq!(seen, expected.map(|(path, file)| (path.to_owned(), file)));

        std::os::unix::fs::symlink("/etc/passwd", root.path().join("link")).expect("a writable folder");
        assert!(walk(root.path(), &mut |_, _| Ok(())).is_err());
    }
}
