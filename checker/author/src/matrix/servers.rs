//! The wrong servers: each is a solution behind a sabotage of the saboteur's catalogue.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use tokio::process::Command;

use course::COURSE;
use harness::step::Step;
use model::Problem;
use sandbox::diagnosis;

/// The saboteur's package.
const SABOTEUR: &str = "saboteur";
/// The sabotage that changes nothing.
const CONTROL: &str = "none";
/// How many lines of cargo's error output are shown.
const SHOWN: usize = 30;

/// A wrong server as `saboteur list` describes it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct WrongServer {
    /// Its name.
    pub name: String,
    /// The step whose contract it breaks.
    pub step: u8,
    /// What is wrong, in one sentence.
    pub breaks: String,
    /// The checks that have to fail.
    pub trips: Vec<String>,
}

impl WrongServer {
    /// The control: the step's solution behind a proxy that changes nothing.
    pub fn control(step: u8) -> Self {
        WrongServer { name: CONTROL.into(), step, breaks: "Nothing.".into(), trips: Vec::new() }
    }

    /// Whether this is the control.
    pub fn is_control(&self) -> bool {
        self.name == CONTROL
    }

    /// A number that depends on the name alone.
    pub fn hash(&self) -> usize {
        self.name.bytes().fold(0, |hash: usize, byte| hash.wrapping_mul(31).wrapping_add(usize::from(byte)))
    }

    /// Whether it declares that this check fails.
    pub fn declares(&self, id: &str) -> bool {
        self.trips.iter().any(|trip| trip == id)
    }
}

/// What was built for the matrix.
pub struct Programs {
    saboteur: PathBuf,
    solutions: Vec<(u8, PathBuf)>,
}

impl Programs {
    /// Builds the saboteur and every step's solution.
    ///
    /// # Errors
    ///
    /// They do not compile; the details are the compiler's.
    pub async fn build(root: &Path) -> Result<Self, Problem> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(["build", "--quiet", "--bins", "--message-format=json-render-diagnostics", "-p", SABOTEUR]);
        for step in COURSE.steps {
            command.arg("-p").arg(step.solution());
        }
        let output = command.current_dir(root).kill_on_drop(true).output().await.map_err(|error| {
            Problem::new(format!("cargo could not be started: {error}."), "Install Rust as docs/src/setup.md says.")
        })?;
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr);
            let errors: Vec<String> = errors.lines().map(str::to_owned).collect();
            return Err(diagnosis::of_machine(errors.iter()).unwrap_or_else(|| Problem {
                details: errors.into_iter().take(SHOWN).collect(),
                ..Problem::new("The saboteur or a solution does not build.", "Fix what the compiler reports.")
            }));
        }
        let artifacts = String::from_utf8_lossy(&output.stdout);
        let find = |name: &str| {
            let remedy = "Give the package a binary of the same name.";
            executable(&artifacts, name).ok_or_else(|| Problem::new(format!("cargo built no binary {name}."), remedy))
        };
        let solutions = COURSE.steps.iter().map(|step: &Step| Ok((step.number, find(&step.solution())?)));
        Ok(Programs { solutions: solutions.collect::<Result<_, Problem>>()?, saboteur: find(SABOTEUR)? })
    }

    /// Every wrong server that the saboteur lists.
    ///
    /// # Errors
    ///
    /// The saboteur's output does not have the expected form.
    pub async fn catalogue(&self) -> Result<Vec<WrongServer>, Problem> {
        let remedy = "Compare checker/saboteur/src/main.rs with checker/author/src/matrix/servers.rs.";
        let wrong = |error: String| Problem::new(format!("The saboteur's list is not as expected: {error}."), remedy);
        let output = Command::new(&self.saboteur).args(["list", "--format", "json"]).output().await;
        serde_json::from_slice(&output.map_err(|error| wrong(error.to_string()))?.stdout)
            .map_err(|error| wrong(error.to_string()))
    }

    /// The shell command that starts a wrong server.
    pub fn command(&self, server: &WrongServer) -> String {
        let solution = self.solutions.iter().find(|(number, _)| *number == server.step).map_or(Path::new(""), |(_, path)| path);
        format!("exec {} run {} -- {}", quoted(&self.saboteur), server.name, quoted(solution))
    }
}

/// The binary of this name among those that cargo reports to have built.
fn executable(artifacts: &str, name: &str) -> Option<PathBuf> {
    let messages = artifacts.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut built = messages.filter(|message| message["reason"] == "compiler-artifact" && message["target"]["name"] == name);
    built.find_map(|message| message["executable"].as_str().map(PathBuf::from))
}

/// A path, quoted as one word of a shell command.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_whatever_it_holds() {
        assert_eq!(quoted(Path::new("/a b/it's")), r"'/a b/it'\''s'");
    }

    #[test]
    fn the_program_is_found_among_the_artifacts() {
        let artifacts = concat!(
            r#"{"reason":"compiler-artifact","target":{"name":"saboteur"},"executable":null}"#,
            "\n",
            r#"{"reason":"compiler-artifact","target":{"name":"saboteur"},"executable":"/t/saboteur"}"#,
            "\n{\"reason\":\"build-finished\"}\n",
        );
        assert_eq!(executable(artifacts, "saboteur"), Some(PathBuf::from("/t/saboteur")));
        assert_eq!(executable(artifacts, "misfit"), None);
    }
}
