//! Finds the programs of services on this machine: on `PATH`, and where distributions and installers put them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

/// How long a program may take to print its version.
const ANSWER: Duration = Duration::from_secs(10);

/// The programs of one service, in one folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programs {
    /// The folder.
    pub folder: PathBuf,
    /// The name of the server's program there.
    pub server: &'static str,
    /// The server's version, such as `15.18`.
    pub version: String,
}

/// The programs to look for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// The possible names of the server's program.
    pub servers: &'static [&'static str],
    /// Another program that must be in the same folder.
    pub beside: Option<&'static str>,
    /// Folders to look in after those on `PATH`. A `*` stands for any part of a name; the highest version comes first.
    pub places: &'static [&'static str],
    /// The lowest supported major version.
    pub least: u32,
}

impl Programs {
    /// The path of the server's program.
    pub fn server(&self) -> PathBuf {
        self.folder.join(self.server)
    }
}

/// Every usable set of programs, in the order in which to try them.
pub async fn find(wanted: &Wanted, path: &[PathBuf]) -> Vec<Programs> {
    let mut found: Vec<Programs> = Vec::new();
    let folders = path.iter().cloned().chain(wanted.places.iter().flat_map(|place| expand(place)));
    for folder in folders {
        for server in wanted.servers {
            let beside = wanted.beside.is_none_or(|name| folder.join(name).is_file());
            // Through a link such as /usr/local/bin/postgres, the same programs may be found twice.
            let Some(program) = folder.join(server).canonicalize().ok().filter(|program| beside && program.is_file()) else {
                continue;
            };
            let known = |programs: &Programs| programs.server().canonicalize().is_ok_and(|known| known == program);
            if found.iter().any(known) {
                continue;
            }
            if let Some(version) = version(&program).await.filter(|version| major(version) >= wanted.least) {
                found.push(Programs { folder: folder.clone(), server, version });
            }
        }
    }
    found
}

/// The absolute folders on `PATH`. Relative ones depend on the current folder, so they are left out.
pub fn path() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).filter(|folder| folder.is_absolute()).collect()
}

/// The version that a program prints with `--version`.
async fn version(program: &Path) -> Option<String> {
    let mut command = Command::new(program);
    command.arg("--version").stdin(std::process::Stdio::null()).kill_on_drop(true);
    let output = timeout(ANSWER, command.output()).await.ok()?.ok()?;
    parse_version(&String::from_utf8_lossy(&output.stdout))
}

/// The version in `postgres (PostgreSQL) 15.18 (Debian …)` or `Redis server v=7.0.15 sha=…`.
fn parse_version(text: &str) -> Option<String> {
    let mut words = text.split_ascii_whitespace().map(|word| word.strip_prefix("v=").unwrap_or(word));
    let word = words.find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let end = word.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(word.len());
    Some(word[..end].to_owned())
}

fn major(version: &str) -> u32 {
    version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or_default()
}

/// The folders that a place with at most one `*` stands for, the highest number first.
fn expand(place: &str) -> Vec<PathBuf> {
    let Some((before, after)) = place.split_once('*') else {
        return vec![PathBuf::from(place)];
    };
    let (parent, prefix) = before.rsplit_once('/').unwrap_or((".", before));
    let (suffix, rest) = after.split_once('/').unwrap_or((after, ""));
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.starts_with(prefix) && name.ends_with(suffix))
        .collect();
    let number = |name: &String| name.trim_matches(|c: char| !c.is_ascii_digit()).parse::<f64>().unwrap_or_default();
    names.sort_by(|a, b| number(b).total_cmp(&number(a)));
    names.into_iter().map(|name| Path::new(parent).join(name).join(rest)).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    const WANTED: Wanted = Wanted { servers: &["served", "served-fork"], beside: Some("makedb"), places: &[], least: 13 };

    fn install(folder: &Path, programs: &[&str], version: &str) {
        fs::create_dir_all(folder).expect("a writable folder");
        for program in programs {
            let path = folder.join(program);
            fs::write(&path, format!("#!/bin/sh\necho 'served (Served) {version} (Distribution 1)'\n"))
                .expect("a writable folder");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("our own file");
        }
    }

    #[tokio::test]
    async fn complete_and_recent_programs_are_found_once_and_in_order() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let at = |name: &str| root.path().join(name);
        install(&at("old"), &["served", "makedb"], "9.6.24");
        install(&at("half"), &["served"], "17.1");
        install(&at("whole"), &["served", "makedb"], "15.18");
        install(&at("fork"), &["served-fork", "makedb"], "16.2");
        install(&at("broken"), &["makedb"], "1");
        fs::write(at("broken/served"), "no program").expect("a writable folder");
        fs::create_dir(at("links")).expect("a writable folder");
        for program in ["served", "makedb"] {
            symlink(at("whole").join(program), at("links").join(program)).expect("a writable folder");
        }
        let path = ["absent", "old", "half", "broken", "links", "whole", "fork"].map(at);
        let found = find(&WANTED, &path).await;
        let told: Vec<_> = found.iter().map(|found| (found.server(), found.version.as_str())).collect();
        assert_eq!(told, [(at("links/served"), "15.18"), (at("fork/served-fork"), "16.2")]);
    }

    #[test]
    fn versions_are_parsed_from_the_output_of_programs() {
        for (said, version) in [
            ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", Some("15.18")),
            ("postgres (PostgreSQL) 18beta1", Some("18")),
            ("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64", Some("7.0.15")),
            ("Valkey server v=8.1.1 sha=00000000:0", Some("8.1.1")),
            ("no such version", None),
        ] {
            assert_eq!(parse_version(said).as_deref(), version, "{said}");
        }
    }

    #[test]
    fn a_star_stands_for_every_version_the_highest_first() {
        let root = tempfile::tempdir().expect("a temporary folder");
        for name in ["pg@9.6", "pg@17", "pg@9", "pg@15", "other"] {
            fs::create_dir(root.path().join(name)).expect("a writable folder");
        }
        let place = format!("{}/pg@*/bin", root.path().display());
        let expected = ["pg@17", "pg@15", "pg@9.6", "pg@9"].map(|name| root.path().join(name).join("bin"));
        assert_eq!(expand(&place), expected);
        assert_eq!(expand("/usr/local/bin"), [PathBuf::from("/usr/local/bin")]);
        assert!(expand("/nowhere/at/*/all").is_empty());
    }
}
