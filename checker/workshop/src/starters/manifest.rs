//! `step.toml`: what the author of a solution declares about it.

use std::path::Path;

use serde::Deserialize;

use model::Problem;

/// Name of the manifest in a solution's folder; starters do not have it.
pub const FILE: &str = "step.toml";

/// The manifest of one solution.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Title of the step, such as `API basics`.
    pub title: String,
    /// Every file that is changed, added or removed relative to the previous solution; absent for step 1.
    pub changes: Option<Vec<String>>,
    /// Files of the previous solution that this one no longer has and its starter still has, because its open tasks replace them.
    #[serde(default)]
    pub keeps: Vec<String>,
    /// Ids of earlier steps' checks that the open tasks of this starter may break.
    #[serde(default)]
    pub opens: Vec<String>,
}

impl Manifest {
    /// Reads the manifest in a solution's folder.
    ///
    /// # Errors
    ///
    /// The file is missing, cannot be read, or is not a valid manifest.
    pub fn load(solution: &Path) -> Result<Self, Problem> {
        let path = solution.join(FILE);
        let text = std::fs::read_to_string(&path).map_err(|error| {
            Problem::new(
                format!("{} cannot be read: {error}", path.display()),
                "Every solution has a step.toml with `title`, `changes` and `opens`.",
            )
        })?;
        toml_edit::de::from_str(&text).map_err(|error| toml_problem(&path, &text, error.span(), error.message()))
    }
}

/// The problem to report for a TOML file that does not parse: its path, the line and the parser's message.
pub fn toml_problem(path: &Path, text: &str, at: Option<std::ops::Range<usize>>, message: &str) -> Problem {
    let line = at.map(|span| text.bytes().take(span.start).filter(|byte| *byte == b'\n').count() + 1);
    let place = line.map_or_else(String::new, |line| format!(", line {line}"));
    Problem::new(
        format!("{}{place}: {}", path.display(), message.lines().collect::<Vec<_>>().join("; ")),
        "Correct that line and try again.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Manifest, Problem> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join(FILE), text).expect("the manifest is written");
        Manifest::load(folder.path())
    }

    #[test]
    fn a_manifest_needs_only_a_title() {
        let manifest = load("title = \"API basics\"\n").expect("a right manifest");
        assert_eq!(manifest.title, "API basics");
        assert_eq!(manifest.changes, None);
        assert!(manifest.keeps.is_empty());
        assert!(manifest.opens.is_empty());
    }

    #[test]
    fn a_wrong_manifest_is_reported_with_its_line() {
        let problem = load("title = \"x\"\nopens = 5\n").expect_err("a wrong manifest");
        assert!(problem.title.contains("step.toml, line 2: "), "{}", problem.title);
        let problem = load("title = \"x\"\n\n[broken\n").expect_err("no TOML");
        assert!(problem.title.contains("line 3: "), "{}", problem.title);
        let problem = load("title = \"x\"\nchange = []\n").expect_err("an unknown key");
        assert!(problem.title.contains("unknown field `change`"), "{}", problem.title);
    }

    #[test]
    fn a_missing_manifest_is_a_problem() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let problem = Manifest::load(folder.path()).expect_err("no manifest");
        assert!(problem.title.contains("step.toml cannot be read"), "{}", problem.title);
    }
}
