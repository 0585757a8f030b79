//! A starter made from its solution, in memory: marks resolved, names mapped, the list of checks filled in.

pub mod manifest;
pub mod marks;

use std::fs;
use std::path::Path;

pub use manifest::Manifest;
pub use marks::Side;

use model::Problem;

use crate::Workshop;
use crate::folder::{self, Files, Folder};

/// The line of a README where the table of checks belongs.
pub const CHECKS_LINE: &str = "<!-- checks -->";

/// One row of the table of checks in a README.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckRow {
    /// `STEP.slug`.
    pub id: String,
    /// The claim, one sentence.
    pub claim: String,
    /// Whether the check is extra, never blocking.
    pub stretch: bool,
}

/// The data about a step that its starter needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// 1 to 10.
    pub number: u8,
    /// Name of the step's folders, such as `01-api-basics`.
    pub slug: String,
    /// The checks that the step introduces.
    pub checks: Vec<CheckRow>,
}

impl Outline {
    /// The package that the learner edits.
    pub fn package(&self) -> String {
        format!("step-{}", self.slug)
    }

    /// The files that a learner starts with.
    ///
    /// # Errors
    ///
    /// Those of [`from_solution`].
    pub fn starter(&self, workshop: &Workshop) -> Result<Files, Problem> {
        self.side(workshop, Side::Starter)
    }

    /// The files of a learner who has solved the step as the solution does.
    ///
    /// # Errors
    ///
    /// Those of [`from_solution`].
    pub fn finished(&self, workshop: &Workshop) -> Result<Files, Problem> {
        self.side(workshop, Side::Finished)
    }

    /// One side of the step's solution.
    ///
    /// # Errors
    ///
    /// Those of [`from_solution`].
    pub fn side(&self, workshop: &Workshop, side: Side) -> Result<Files, Problem> {
        from_solution(&workshop.solution(&self.slug), &self.slug, side, &self.checks)
    }
}

/// One side of a solution's files, under the names that they have in `steps/`.
///
/// `slug` is the name of the step's folder, such as `01-api-basics`. A learner starts with the starter; the finished side
/// is the result of solving the step as the solution does.
///
/// # Errors
///
/// A file cannot be read, a mark is wrong (the title names file and line), or the README has no place for the checks.
pub fn from_solution(solution: &Path, slug: &str, side: Side, checks: &[CheckRow]) -> Result<Files, Problem> {
    let folder = Folder::read(solution)?;
    if let Some(link) = folder.skipped.first() {
        return Err(Problem::new(
            format!("{} is neither a file nor a folder.", solution.join(link).display()),
            "A solution consists of regular files: replace the link by the file.",
        ));
    }
    let before = before_of(solution, slug)?;
    let mut files = Files::new();
    for (path, bytes) in folder.files {
        if path == manifest::FILE || is_private(&path) {
            continue;
        }
        let bytes = match folder::text(&bytes) {
            Some(text) => convert(solution, &path, text, slug, before.as_deref(), side, checks)?.into_bytes(),
            None => bytes,
        };
        files.insert(path, bytes);
    }
    if side == Side::Starter {
        keep(solution, slug, before.as_deref(), &mut files)?;
    }
    if !files.contains_key("README.md") || !files.contains_key("Cargo.toml") {
        return Err(Problem::new(
            format!("{} lacks a README.md or a Cargo.toml.", solution.display()),
            "Add the missing file: the starter needs both.",
        ));
    }
    Ok(files)
}

/// Adds the files of the previous solution that the starter keeps, as the manifest declares.
fn keep(solution: &Path, slug: &str, before: Option<&str>, files: &mut Files) -> Result<(), Problem> {
    let keeps = Manifest::load(solution)?.keeps;
    if keeps.is_empty() {
        return Ok(());
    }
    let before = before.ok_or_else(|| {
        Problem::new(
            format!("{} keeps files of the previous solution, and there is none.", solution.join(manifest::FILE).display()),
            "Remove `keeps` from that file.",
        )
    })?;
    let folder = solution.with_file_name(before);
    for path in keeps {
        let file = folder.join(&path);
        let bytes = fs::read(&file).map_err(|error| folder::unreadable(&file, &error))?;
        let bytes = match folder::text(&bytes) {
            Some(text) => {
                let earlier = before_of(&folder, before)?;
                let text = convert(&folder, &path, text, before, earlier.as_deref(), Side::Asked, &[])?;
                rename(&text, &format!("step-{before}"), &format!("step-{slug}")).into_bytes()
            }
            None => bytes,
        };
        files.insert(path, bytes);
    }
    Ok(())
}

/// The name of the previous solution's folder next to this one, if there is one.
fn before_of(solution: &Path, slug: &str) -> Result<Option<String>, Problem> {
    let number = |slug: &str| slug.split_once('-').and_then(|(number, _)| number.parse::<u8>().ok());
    let all = solution.with_file_name("");
    let slugs = fs::read_dir(&all).map_err(|error| folder::unreadable(&all, &error))?.flatten();
    let mut slugs = slugs.filter_map(|entry| entry.file_name().into_string().ok());
    Ok(slugs.find(|before| number(before).is_some_and(|before| number(slug) == before.checked_add(1))))
}

fn convert(
    solution: &Path,
    path: &str,
    text: &str,
    slug: &str,
    before: Option<&str>,
    side: Side,
    checks: &[CheckRow],
) -> Result<String, Problem> {
    // A file that is missing or not text has no regions.
    let before = before.and_then(|before| {
        let text = fs::read_to_string(solution.with_file_name(before).join(path)).ok()?;
        Some(rename(&text, &format!("solution-{before}"), &format!("step-{slug}")))
    });
    let text = marks::side(path, text, before.as_deref(), side).map_err(|error| {
        Problem::new(
            format!("{}, line {}: {}.", solution.join(path).display(), error.line, error.what),
            "Correct the mark; docs/src/contributing.md explains them.",
        )
    })?;
    let text = rename(&text, &format!("solution-{slug}"), &format!("step-{slug}"));
    if path == "README.md" {
        return fill_checks(&text, checks).ok_or_else(|| {
            Problem::new(
                format!("{} does not have exactly one line `{CHECKS_LINE}`.", solution.join(path).display()),
                "Put that line exactly once, where the table of checks belongs.",
            )
        });
    }
    Ok(text)
}

/// Whether a file contains private settings, which a starter must not contain.
pub fn is_private(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name == ".env" || (name.starts_with(".env.") && name != ".env.example")
}

/// `text` with one package name replaced by another, also where Rust writes it with underscores.
pub fn rename(text: &str, from: &str, to: &str) -> String {
    text.replace(from, to).replace(&from.replace('-', "_"), &to.replace('-', "_"))
}

/// The README with the table of checks filled in; `None` unless there is exactly one place for it.
fn fill_checks(readme: &str, checks: &[CheckRow]) -> Option<String> {
    let is_place = |line: &&str| line.trim() == CHECKS_LINE;
    if readme.lines().filter(is_place).count() != 1 {
        return None;
    }
    let mut out = String::new();
    for line in readme.split_inclusive('\n') {
        if is_place(&line) {
            out.push_str(&table(checks));
        } else {
            out.push_str(line);
        }
    }
    Some(out)
}

fn table(checks: &[CheckRow]) -> String {
    let mut table = String::from("| id | what it proves | kind |\n| --- | --- | --- |\n");
    for check in checks {
        let kind = if check.stretch { "stretch" } else { "core" };
        table.push_str(&format!("| `{}` | {} | {kind} |\n", check.id, check.claim.replace('|', "\\|")));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn solution() -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a temporary folder");
        let files = Files::from(
            [
                ("step.toml", "title = \"T\"\n"),
                ("Cargo.toml", "[package]\nname = \"solution-01-api-basics\"\n"),
                ("README.md", "# One\n\n<!-- checks -->\n\nRun `cargo run -p solution-01-api-basics`.\n"),
                ("src/lib.rs", "// ANCHOR: a\nreal();\n// ANCHOR_END: a\n//~ stub();\n"),
                ("src/main.rs", "use solution_01_api_basics::app;\n"),
                ("target/x", "built"),
            ]
            .map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec())),
        );
        folder::write(root.path(), &files).expect("a writable folder");
        std::fs::write(root.path().join("logo.png"), [0, b's', 255]).expect("a writable folder");
        root
    }

    fn rows() -> Vec<CheckRow> {
        let row = |id: &str, claim: &str, stretch| CheckRow { id: id.to_owned(), claim: claim.to_owned(), stretch };
        vec![row("1.create", "POST creates", false), row("1.location", "A | b", true)]
    }

    fn text<'a>(files: &'a Files, path: &str) -> &'a str {
        folder::text(&files[path]).expect("text")
    }

    #[test]
    fn a_starter_has_stubs_step_names_and_the_table_of_checks() {
        let solution = solution();
        let files = from_solution(solution.path(), "01-api-basics", Side::Starter, &rows()).expect("a right solution");
        let paths: Vec<_> = files.keys().map(String::as_str).collect();
        assert_eq!(paths, ["Cargo.toml", "README.md", "logo.png", "src/lib.rs", "src/main.rs"]);
        assert_eq!(text(&files, "Cargo.toml"), "[package]\nname = \"step-01-api-basics\"\n");
        assert_eq!(text(&files, "src/lib.rs"), "stub();\n");
        assert_eq!(text(&files, "src/main.rs"), "use step_01_api_basics::app;\n");
        assert_eq!(files["logo.png"], [0, b's', 255]);
        let readme = "# One\n\n| id | what it proves | kind |\n| --- | --- | --- |\n\
                      | `1.create` | POST creates | core |\n| `1.location` | A \\| b | stretch |\n\n\
                      Run `cargo run -p step-01-api-basics`.\n";
        assert_eq!(text(&files, "README.md"), readme);
    }

    #[test]
    fn the_finished_side_has_the_code() {
        let solution = solution();
        let files = from_solution(solution.path(), "01-api-basics", Side::Finished, &rows()).expect("a right solution");
        assert_eq!(text(&files, "src/lib.rs"), "real();\n");
        assert_eq!(text(&files, "src/main.rs"), "use step_01_api_basics::app;\n");
    }

    #[test]
    fn a_starter_keeps_what_its_tasks_replace() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let file = |path: &str, text: &str| (path.to_owned(), text.as_bytes().to_vec());
        let files = Files::from([
            file("01-a/src/store.rs", "// ANCHOR: s\nuse solution_01_a::x;\n// ANCHOR_END: s\n//~ stub();\n"),
            file("02-b/step.toml", "title = \"B\"\nkeeps = [\"src/store.rs\"]\n"),
            file("02-b/Cargo.toml", ""),
            file("02-b/README.md", "<!-- checks -->\n"),
        ]);
        folder::write(root.path(), &files).expect("a writable folder");
        let side = |side| from_solution(&root.path().join("02-b"), "02-b", side, &[]).expect("a right solution");
        assert_eq!(text(&side(Side::Starter), "src/store.rs"), "use step_02_b::x;\n");
        assert!(!side(Side::Finished).contains_key("src/store.rs"));

        fs::remove_file(root.path().join("01-a/src/store.rs")).expect("the file was there");
        let problem = from_solution(&root.path().join("02-b"), "02-b", Side::Starter, &[]).expect_err("nothing to keep");
        assert!(problem.title.contains("01-a/src/store.rs cannot be read"), "{}", problem.title);
    }

    #[test]
    fn a_wrong_mark_is_reported_with_file_and_line() {
        let solution = solution();
        std::fs::write(solution.path().join("src/lib.rs"), "a();\n//~ b();\n").expect("a writable folder");
        let problem = from_solution(solution.path(), "01-api-basics", Side::Starter, &[]).expect_err("a wrong mark");
        assert!(problem.title.contains("src/lib.rs, line 2: a stub line"), "{}", problem.title);
    }

    #[test]
    fn a_readme_has_one_place_for_the_checks() {
        let solution = solution();
        for readme in ["# One\n", "<!-- checks -->\n<!-- checks -->\n"] {
            std::fs::write(solution.path().join("README.md"), readme).expect("a writable folder");
            let problem = from_solution(solution.path(), "01-api-basics", Side::Starter, &[]).expect_err("a wrong README");
            assert!(problem.title.contains("exactly one line"), "{}", problem.title);
        }
    }

    #[test]
    #[cfg(unix)]
    fn a_link_in_a_solution_is_rejected() {
        let solution = solution();
        std::os::unix::fs::symlink("lib.rs", solution.path().join("src/link.rs")).expect("a link");
        let problem = from_solution(solution.path(), "01-api-basics", Side::Starter, &[]).expect_err("a link");
        assert!(problem.title.contains("src/link.rs is neither"), "{}", problem.title);
    }
}
