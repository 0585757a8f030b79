//! Installs a service with the system's package manager: only with consent, and with exactly the command that was shown.

use std::io::IsTerminal;
use std::process::Stdio;

use tokio::process::Command;

use super::{Kind, programs};

/// The number of lines shown of a package manager's error message.
const SHOWN: usize = 5;

/// The shell command that installs a service here, if there is a known package manager that the user may run.
pub fn command(kind: &Kind) -> Option<String> {
    let path = programs::path();
    let has = |program: &str| path.iter().any(|folder| folder.join(program).is_file());
    compose(kind, rustix::process::geteuid().is_root(), &has)
}

fn compose(kind: &Kind, root: bool, has: &dyn Fn(&str) -> bool) -> Option<String> {
    if has("brew") && !root {
        return Some(format!("brew install {}", kind.brew));
    }
    let sudo = match root {
        true => "",
        false if has("sudo") => "sudo ",
        false => return None,
    };
    if has("apt-get") {
        let (update, install) = ("apt-get update", "apt-get install -y --no-install-recommends");
        return Some(format!("{sudo}{update} && {sudo}{install} {}", kind.apt));
    }
    has("dnf").then(|| format!("{sudo}dnf install -y {}", kind.dnf))
}

/// Runs such a command.
///
/// # Errors
///
/// It fails; the text is one or more sentences.
pub async fn install(command: &str) -> Result<(), String> {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", command]).env("DEBIAN_FRONTEND", "noninteractive").stdout(Stdio::null());
    if std::io::stdin().is_terminal() {
        // sudo asks for the password there.
        let status = shell.status().await.map_err(|error| error.to_string())?;
        return if status.success() { Ok(()) } else { Err(format!("`{command}` failed ({status}).")) };
    }
    let output = shell.stdin(Stdio::null()).stderr(Stdio::piped()).output().await.map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = complaint.lines().collect();
    Err(format!("`{command}` failed:\n{}", lines[lines.len().saturating_sub(SHOWN)..].join("\n")))
}

#[cfg(test)]
mod tests {
    use super::super::Service;
    use super::*;
    use crate::postgres::Postgres;
    use crate::redis::Redis;

    fn told(kind: &Kind, root: bool, tools: &[&str]) -> Option<String> {
        compose(kind, root, &|program| tools.contains(&program))
    }

    #[test]
    fn each_package_manager_has_its_command() {
        let (postgres, redis) = (&Postgres::KIND, &Redis::KIND);
        let apt = "apt-get update && apt-get install -y --no-install-recommends postgresql";
        assert_eq!(told(postgres, true, &["apt-get"]).as_deref(), Some(apt));
        let apt = "sudo apt-get update && sudo apt-get install -y --no-install-recommends redis-server";
        assert_eq!(told(redis, false, &["apt-get", "sudo"]).as_deref(), Some(apt));
        assert_eq!(told(postgres, false, &["dnf", "sudo"]).as_deref(), Some("sudo dnf install -y postgresql-server"));
        assert_eq!(told(redis, false, &["brew"]).as_deref(), Some("brew install redis"));
    }

    #[test]
    fn without_permission_to_install_there_is_no_command() {
        assert_eq!(told(&Postgres::KIND, false, &["apt-get"]), None);
        assert_eq!(told(&Postgres::KIND, true, &["brew"]), None);
        assert_eq!(told(&Postgres::KIND, true, &["pacman"]), None);
    }
}
