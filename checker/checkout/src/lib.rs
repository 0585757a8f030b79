//! Where things are in a checkout of the workshop.

use std::path::{Path, PathBuf};

use model::Problem;

/// The folder of this package's sources at compile time.
const BUILT_IN: Option<&str> = option_env!("CARGO_MANIFEST_DIR");

/// One checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workshop {
    root: PathBuf,
}

impl Workshop {
    /// The checkout around the current folder, else the one this program was built in.
    ///
    /// # Errors
    ///
    /// There is neither.
    pub fn find() -> Result<Self, Problem> {
        let here = std::env::current_dir().ok();
        let built_in = BUILT_IN.and_then(|folder| Path::new(folder).ancestors().nth(2));
        Self::find_from(here.as_deref(), built_in).ok_or_else(|| {
            Problem::new(
                "This folder is not in a checkout of the workshop.",
                "Change into the folder that you cloned: it contains `steps` and `checker`.",
            )
        })
    }

    fn find_from(here: Option<&Path>, built_in: Option<&Path>) -> Option<Self> {
        let around = here.into_iter().flat_map(Path::ancestors).find(|folder| is_workshop(folder));
        let root = around.or_else(|| built_in.filter(|folder| is_workshop(folder)))?;
        Some(Self::at(root))
    }

    /// The checkout in this folder.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Workshop { root: root.into() }
    }

    /// The folder that holds everything.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of all steps.
    pub fn steps(&self) -> PathBuf {
        self.root.join("steps")
    }

    /// The folder of the step that the learner edits.
    pub fn step(&self, slug: &str) -> PathBuf {
        self.steps().join(slug)
    }

    /// The folder of all solutions.
    pub fn solutions(&self) -> PathBuf {
        self.root.join("solutions")
    }

    /// The folder of a step's solution.
    pub fn solution(&self, slug: &str) -> PathBuf {
        self.solutions().join(slug)
    }

    /// The step's chapter in the book.
    pub fn chapter(&self, slug: &str) -> PathBuf {
        self.root.join("docs/src").join(format!("{slug}.md"))
    }

    /// The folder with the backups of replaced work.
    pub fn backups(&self) -> PathBuf {
        self.root.join(".checker-backups")
    }

    /// Whether the current folder of the terminal is in the step's folder.
    pub fn stands_in(&self, slug: &str) -> bool {
        std::env::current_dir().is_ok_and(|here| here.starts_with(self.step(slug)))
    }

    /// `path` relative to the root of the checkout, where possible.
    pub fn short(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }
}

fn is_workshop(folder: &Path) -> bool {
    folder.join("Cargo.toml").is_file() && folder.join("steps").is_dir() && folder.join("checker").is_dir()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn checkout() -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a temporary folder");
        for folder in ["steps/01-api-basics/src", "checker"] {
            fs::create_dir_all(root.path().join(folder)).expect("a writable folder");
        }
        fs::write(root.path().join("Cargo.toml"), "[workspace]\n").expect("a writable folder");
        root
    }

    #[test]
    fn the_checkout_is_found_from_any_folder_in_it() {
        let root = checkout();
        let deep = root.path().join("steps/01-api-basics/src");
        assert_eq!(Workshop::find_from(Some(&deep), None), Some(Workshop::at(root.path())));
        assert_eq!(Workshop::find_from(Some(root.path()), None), Some(Workshop::at(root.path())));
    }

    #[test]
    fn elsewhere_the_checkout_that_the_program_was_built_in_is_used_while_it_exists() {
        let (root, elsewhere) = (checkout(), tempfile::tempdir().expect("a temporary folder"));
        let find = |built_in| Workshop::find_from(Some(elsewhere.path()), Some(built_in));
        assert_eq!(find(root.path()), Some(Workshop::at(root.path())));
        assert_eq!(find(&root.path().join("gone")), None);
    }
}
