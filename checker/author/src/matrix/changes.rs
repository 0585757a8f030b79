//! Which steps a change of the source affects.

use std::path::Path;

use tokio::process::Command;

use course::COURSE;
use harness::step::Step;
use model::Problem;

/// Folders that hold nothing which a run of the matrix depends on. The starters are generated from the solutions.
const UNRELATED: &[&str] = &[".ci", ".github", "docs", "steps"];

/// The steps whose wrong servers a changed file may affect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Affected {
    None,
    /// This step alone.
    Only(u8),
    /// This step and all later ones.
    From(u8),
    All,
}

impl Affected {
    /// What a change of this file affects; `path` starts at the root of the workshop.
    ///
    /// A solution runs behind the wrong servers of its own step alone. A step's checks and wrong servers may depend on those of
    /// earlier steps, and later steps run its checks again. What no rule knows affects everything.
    fn by(path: &str) -> Affected {
        let parts: Vec<&str> = path.split('/').collect();
        let is_test = parts.iter().position(|part| *part == "tests").is_some_and(|at| !parts[..at].contains(&"src"));
        if is_test || UNRELATED.contains(&parts[0]) {
            return Affected::None;
        }
        if let ["solutions", package, ..] = *parts {
            let number = package.split_once('-').and_then(|(number, _)| number.parse().ok());
            return number.map_or(Affected::All, Affected::Only);
        }
        if path.ends_with(".md") {
            return Affected::None;
        }
        let step = |part: &&str| part.strip_prefix("step_")?.trim_end_matches(".rs").parse().ok();
        parts.iter().find_map(step).map_or(Affected::All, Affected::From)
    }

    fn contains(self, step: u8) -> bool {
        match self {
            Affected::None => false,
            Affected::Only(number) => step == number,
            Affected::From(first) => step >= first,
            Affected::All => true,
        }
    }
}

/// The steps affected by what has changed since the merge base of `revision` and `HEAD`. Uncommitted changes count.
///
/// # Errors
///
/// There is no git, or it does not know the revision.
pub async fn affected_steps(root: &Path, revision: &str) -> Result<Vec<&'static Step>, Problem> {
    let options = ["diff", "--name-only", "--no-renames", "--relative", "-z", "--merge-base", "--end-of-options"];
    let mut paths = git_paths(root, &[&options[..], &[revision]].concat()).await?;
    paths.extend(git_paths(root, &["ls-files", "--others", "--exclude-standard", "-z"]).await?);
    let affected: Vec<Affected> = paths.iter().map(|path| Affected::by(path)).collect();
    Ok(COURSE.steps.iter().filter(|step| affected.iter().any(|one| one.contains(step.number))).collect())
}

/// The paths that a git command prints, each ended by a NUL.
async fn git_paths(root: &Path, arguments: &[&str]) -> Result<Vec<String>, Problem> {
    let output = Command::new("git").args(arguments).current_dir(root).kill_on_drop(true).output().await;
    let output = output.map_err(|error| Problem::new(format!("git could not be started: {error}."), "Install git."))?;
    if !output.status.success() {
        return Err(Problem {
            details: String::from_utf8_lossy(&output.stderr).lines().map(str::to_owned).collect(),
            ..Problem::new("git could not list the changed files.", "Name a commit, a branch or a tag of this repository.")
        });
    }
    let paths = String::from_utf8_lossy(&output.stdout);
    Ok(paths.split_terminator('\0').map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;
    use workshop::Workshop;

    #[test]
    fn each_path_affects_the_steps_that_depend_on_it() {
        let expected = [
            ("solutions/03-databases/src/habits.rs", Affected::Only(3)),
            ("solutions/03-databases/migrations/0001_habits.sql", Affected::Only(3)),
            ("solutions/03-databases/README.md", Affected::Only(3)),
            ("solutions/03-databases/tests/habits.rs", Affected::None),
            ("checker/saboteur/src/catalogue/step_03/names.rs", Affected::From(3)),
            ("checker/course/src/step_03/mod.rs", Affected::From(3)),
            ("checker/saboteur/src/catalogue/step_01/mod.rs", Affected::From(1)),
            ("checker/course/src/step_10/deployed.rs", Affected::From(10)),
            ("checker/saboteur/src/proxy.rs", Affected::All),
            ("checker/src/grade.rs", Affected::All),
            ("checker/taps/src/lib.rs", Affected::All),
            ("checker/src/starters/tests/mod.rs", Affected::All),
            ("checker/tests/complete.rs", Affected::None),
            ("checker/complete/tests/grading.rs", Affected::None),
            ("checker/saboteur/tests/saboteur/main.rs", Affected::None),
            ("Cargo.lock", Affected::All),
            ("steps/03-databases/src/habits.rs", Affected::None),
            ("docs/src/step_03.svg", Affected::None),
            ("README.md", Affected::None),
        ];
        for (path, affected) in expected {
            assert_eq!(Affected::by(path), affected, "{path}");
        }
    }

    #[test]
    fn the_first_step_affected_is_the_first_that_runs() {
        let numbers = |affected: Affected| (1..=5).filter(|step| affected.contains(*step)).collect::<Vec<_>>();
        assert_eq!(numbers(Affected::None), [0; 0]);
        assert_eq!(numbers(Affected::Only(3)), [3]);
        assert_eq!(numbers(Affected::From(3)), [3, 4, 5]);
        assert_eq!(numbers(Affected::All), [1, 2, 3, 4, 5]);
    }

    /// What makes it right that a change affects no earlier step.
    #[test]
    fn no_step_depends_on_a_later_one() {
        let mut files = Vec::new();
        sources(&Workshop::find().expect("a checkout").root().join("checker"), &mut files);
        let mut looked_at = 0;
        for file in files {
            let path = file.display().to_string();
            let Affected::From(step) = Affected::by(&path[path.find("/checker/").expect("it is below") + 1..]) else { continue };
            let text = fs::read_to_string(&file).expect("a source file");
            let names = text.match_indices("step_").filter_map(|(at, name)| text.get(at + name.len()..at + name.len() + 2));
            let later = names.filter_map(|number| number.parse::<u8>().ok()).find(|number| *number > step);
            assert_eq!(later, None, "{path} names a later step");
            looked_at += 1;
        }
        assert!(looked_at > 2 * COURSE.steps.len(), "only {looked_at} files");
    }

    fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            match entry.path() {
                path if path.is_dir() => sources(&path, files),
                path if path.extension().is_some_and(|extension| extension == "rs") => files.push(path),
                _ => {}
            }
        }
    }

    async fn git(root: &Path, arguments: &[&str]) {
        git_paths(root, &[&["-c", "user.name=a", "-c", "user.email=a@example.org"], arguments].concat())
            .await
            .expect("git works");
    }

    #[tokio::test]
    async fn committed_changed_deleted_and_new_files_count() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let root = root.path();
        let write = |path: &str, text: &str| {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a writable folder");
            fs::write(path, text).expect("a writable folder");
        };
        let numbers = async |revision: &str| -> Vec<u8> {
            affected_steps(root, revision).await.expect("git works").iter().map(|step| step.number).collect()
        };
        git(root, &["init", "--quiet"]).await;
        for slug in ["01-one", "02-two", "03-three", "04-four"] {
            write(&format!("solutions/{slug}/src/main.rs"), slug);
        }
        git(root, &["add", "."]).await;
        git(root, &["commit", "--quiet", "-m", "All"]).await;
        assert_eq!(numbers("HEAD").await, [0; 0]);

        write("solutions/01-one/src/main.rs", "changed");
        fs::remove_file(root.join("solutions/02-two/src/main.rs")).expect("it is there");
        write("solutions/03-three/src/new file.rs", "new");
        assert_eq!(numbers("HEAD").await, [1, 2, 3]);

        git(root, &["add", "."]).await;
        git(root, &["commit", "--quiet", "-m", "More"]).await;
        assert_eq!(numbers("HEAD").await, [0; 0]);
        assert_eq!(numbers("HEAD~1").await, [1, 2, 3]);
        assert!(affected_steps(root, "no-such-branch").await.is_err());
    }
}
