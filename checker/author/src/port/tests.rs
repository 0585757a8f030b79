use std::fs;
use std::process::Command;

use super::*;

/// Three solutions in a git repository of their own, all committed.
struct Scratch {
    root: tempfile::TempDir,
    outlines: Vec<Outline>,
}

const ONE: &str = "solutions/01-one";
const TWO: &str = "solutions/02-two";
const THREE: &str = "solutions/03-three";

/// The file `src/lib.rs` of the first solution. The later ones lack its marks, and differ in `name` and the last line.
const LIB: &str = "\
use solution_01_one::name;

// ANCHOR: create
/// Creates a hobby.
fn create() -> u16 {
    201
}
// ANCHOR_END: create
//~ // TODO(create): answer 201.

fn list() -> u16 {
    200
}
";

impl Scratch {
    fn new() -> Self {
        let outline = |number, slug: &str| Outline { number, slug: slug.to_owned(), checks: Vec::new() };
        let outlines = vec![outline(1, "01-one"), outline(2, "02-two"), outline(3, "03-three")];
        let scratch = Scratch { root: tempfile::tempdir().expect("a temporary folder"), outlines };
        scratch.git(&["init", "-q"]);
        scratch.write(".gitignore", "/target/\n.env\n");
        let is_mark = |line: &str| line.contains("ANCHOR") || line.contains("//~");
        let unmarked: String = LIB.split_inclusive('\n').filter(|line| !is_mark(line)).collect();
        scratch.write(&format!("{ONE}/src/lib.rs"), LIB);
        scratch.write(&format!("{TWO}/src/lib.rs"), &unmarked.replace("_01_one", "_02_two").replace("200", "206"));
        scratch.write(&format!("{THREE}/src/lib.rs"), &unmarked.replace("_01_one", "_03_three").replace("200", "207"));
        for solution in [ONE, TWO, THREE] {
            scratch.write(&format!("{solution}/src/day.rs"), "day\n");
            scratch.write(&format!("{solution}/README.md"), "# A step\n");
        }
        scratch.commit();
        scratch
    }

    fn git(&self, arguments: &[&str]) {
        let who = ["-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"];
        let output = Command::new("git").args(who).args(arguments).current_dir(self.root.path()).output().expect("git starts");
        assert!(output.status.success(), "{output:?}");
    }

    fn commit(&self) {
        self.git(&["add", "."]);
        self.git(&["commit", "-qm", "all"]);
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.root.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a writable folder");
        fs::write(path, text).expect("a writable folder");
    }

    fn remove(&self, path: &str) {
        fs::remove_file(self.root.path().join(path)).expect("the file was there");
    }

    /// The content of a file; empty if there is no such file.
    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root.path().join(path)).unwrap_or_default()
    }

    /// Replaces `from`, which the file holds, by `to`.
    #[track_caller]
    fn edit(&self, path: &str, from: &str, to: &str) {
        let text = self.read(path);
        assert!(text.contains(from), "{from:?} is not in {text}");
        self.write(path, &text.replace(from, to));
    }

    /// Every file of the solutions, to compare.
    fn solutions(&self) -> Files {
        workshop::Folder::read(&self.root.path().join("solutions")).expect("a readable folder").files
    }

    fn run(&self, request: Request) -> Result<Ported, CommandError> {
        super::run(&Workshop::at(self.root.path()), &self.outlines, request)
    }

    /// The report of porting what changed in the first solution since the last commit.
    #[track_caller]
    fn port(&self) -> String {
        self.run(FIRST).expect("it is ported").text()
    }

    #[track_caller]
    fn refused(&self, request: Request, what: &str) {
        let trouble = self.run(request).expect_err("it is refused");
        assert!(trouble.problem.title.contains(what), "{}", trouble.problem.title);
    }
}

const FIRST: Request = Request { step: 1, since: "HEAD", dry_run: false };

#[test]
fn a_fix_reaches_every_later_solution_and_leaves_what_is_different_there() {
    let scratch = Scratch::new();
    // The line beside a mark, which the later solutions do not have.
    scratch.edit(&format!("{ONE}/src/lib.rs"), "hobby", "habit");
    scratch.edit(&format!("{ONE}/src/lib.rs"), "one::name;", "one::{age, name};");
    insta::assert_snapshot!(scratch.port(), @r"
       merge  solutions/02-two/src/lib.rs
       merge  solutions/03-three/src/lib.rs
    Now run `cargo run -p author -- generate` and `cargo run -p author -- verify`.
    ");
    assert_eq!(
        scratch.read(&format!("{TWO}/src/lib.rs")),
        "use solution_02_two::{age, name};\n\n/// Creates a habit.\nfn create() -> u16 {\n    201\n}\n\nfn list() -> u16 {\n    206\n}\n"
    );
    let third = scratch.read(&format!("{THREE}/src/lib.rs"));
    assert!(third.contains("03_three::{age, name}") && third.contains("a habit.") && third.contains("207"), "{third}");
}

#[test]
fn porting_again_changes_nothing() {
    let scratch = Scratch::new();
    scratch.edit(&format!("{ONE}/src/lib.rs"), "hobby", "habit");
    scratch.write(&format!("{ONE}/src/new.rs"), "new\n");
    scratch.port();
    assert_eq!(scratch.port(), "There is nothing to port.\n");
}

#[test]
fn a_conflict_is_marked_in_the_file_and_reported_with_its_line() {
    let scratch = Scratch::new();
    scratch.edit(&format!("{ONE}/src/lib.rs"), "200", "204");
    let ported = scratch.run(FIRST).expect("it is ported");
    assert!(ported.has_conflicts());
    insta::assert_snapshot!(ported.text(), @r"
    conflict  solutions/02-two/src/lib.rs, line 9
    conflict  solutions/03-three/src/lib.rs, line 9
    Resolve the conflicts. Then run `cargo run -p author -- generate` and `cargo run -p author -- verify`.
    ");
    let expected = "fn list() -> u16 {\n<<<<<<< solutions/02-two\n    206\n=======\n    204\n>>>>>>> solutions/01-one\n}\n";
    let merged = scratch.read(&format!("{TWO}/src/lib.rs"));
    assert!(merged.ends_with(expected), "{merged}");
}

#[test]
fn a_new_file_is_added_without_the_marks_of_its_tasks_where_there_is_none() {
    let scratch = Scratch::new();
    scratch.write(&format!("{THREE}/src/new.rs"), "another\n");
    scratch.commit();
    scratch.write(&format!("{ONE}/src/new.rs"), "// ANCHOR: a\nuse solution_01_one::a;\n// ANCHOR_END: a\n//~!\n");
    insta::assert_snapshot!(scratch.port(), @r"
         add  solutions/02-two/src/new.rs
       leave  solutions/03-three/src/new.rs: it is new in solutions/01-one, and this solution has another file of that name
    Now run `cargo run -p author -- generate` and `cargo run -p author -- verify`.
    ");
    assert_eq!(scratch.read(&format!("{TWO}/src/new.rs")), "use solution_02_two::a;\n");
    assert_eq!(scratch.read(&format!("{THREE}/src/new.rs")), "another\n");
}

#[test]
fn a_deleted_file_goes_where_it_was_the_same() {
    let scratch = Scratch::new();
    scratch.write(&format!("{THREE}/src/day.rs"), "another day\n");
    scratch.commit();
    scratch.remove(&format!("{ONE}/src/day.rs"));
    insta::assert_snapshot!(scratch.port(), @r"
      remove  solutions/02-two/src/day.rs
       leave  solutions/03-three/src/day.rs: solutions/01-one no longer has it, but it differs here
    Now run `cargo run -p author -- generate` and `cargo run -p author -- verify`.
    ");
    assert_eq!(scratch.read(&format!("{TWO}/src/day.rs")), "");
    assert_eq!(scratch.read(&format!("{THREE}/src/day.rs")), "another day\n");
}

#[test]
fn a_file_that_a_later_solution_lacks_stays_away() {
    let scratch = Scratch::new();
    scratch.remove(&format!("{TWO}/src/day.rs"));
    scratch.commit();
    scratch.edit(&format!("{ONE}/src/day.rs"), "day", "night");
    insta::assert_snapshot!(scratch.port(), @r"
       leave  solutions/02-two/src/day.rs: this solution does not have it
       merge  solutions/03-three/src/day.rs
    Now run `cargo run -p author -- generate` and `cargo run -p author -- verify`.
    ");
    assert_eq!(scratch.read(&format!("{TWO}/src/day.rs")), "");
}

#[test]
fn a_dry_run_reports_the_same_and_writes_nothing() {
    let scratch = Scratch::new();
    scratch.edit(&format!("{ONE}/src/lib.rs"), "hobby", "habit");
    scratch.write(&format!("{ONE}/src/new.rs"), "new\n");
    scratch.remove(&format!("{ONE}/src/day.rs"));
    let before = scratch.solutions();
    let ported = scratch.run(Request { dry_run: true, ..FIRST }).expect("a report");
    insta::assert_snapshot!(ported.text(), @r"
      remove  solutions/02-two/src/day.rs
       merge  solutions/02-two/src/lib.rs
         add  solutions/02-two/src/new.rs
      remove  solutions/03-three/src/day.rs
       merge  solutions/03-three/src/lib.rs
         add  solutions/03-three/src/new.rs
    This was a dry run: nothing was written.
    ");
    assert_eq!(scratch.solutions(), before);
}

#[test]
fn uncommitted_changes_are_not_written_over() {
    let scratch = Scratch::new();
    scratch.edit(&format!("{ONE}/src/day.rs"), "day", "night");
    scratch.edit(&format!("{THREE}/src/day.rs"), "day", "day of rest");
    let before = scratch.solutions();
    scratch.refused(FIRST, "solutions/03-three/src/day.rs has uncommitted changes");
    assert_eq!(scratch.solutions(), before);
}

#[test]
fn uncommitted_changes_elsewhere_do_not_matter() {
    let scratch = Scratch::new();
    scratch.edit(&format!("{ONE}/src/day.rs"), "day", "night");
    scratch.edit(&format!("{THREE}/src/lib.rs"), "207", "208");
    scratch.port();
    assert_eq!(scratch.read(&format!("{THREE}/src/day.rs")), "night\n");
}

#[test]
fn a_change_that_is_committed_is_ported_since_an_earlier_revision() {
    let scratch = Scratch::new();
    scratch.edit(&format!("{ONE}/src/day.rs"), "day", "night");
    scratch.commit();
    assert_eq!(scratch.port(), "There is nothing to port.\n");
    scratch.run(Request { since: "HEAD~1", ..FIRST }).expect("it is ported");
    assert_eq!(scratch.read(&format!("{TWO}/src/day.rs")), "night\n");
}

#[test]
fn stubs_belong_to_one_step() {
    let scratch = Scratch::new();
    scratch.edit(&format!("{ONE}/src/lib.rs"), "answer 201.", "answer with 201.");
    assert_eq!(scratch.port(), "There is nothing to port.\n");
}

#[test]
fn a_readme_and_a_manifest_are_a_solution_s_own() {
    let scratch = Scratch::new();
    scratch.edit(&format!("{ONE}/README.md"), "A step", "The first step");
    scratch.write(&format!("{ONE}/step.toml"), "title = \"One\"\n");
    insta::assert_snapshot!(scratch.port(), @r"
       leave  solutions/01-one/README.md: every solution has its own
       leave  solutions/01-one/step.toml: every solution has its own
    There is nothing to port.
    ");
}

#[test]
fn a_file_that_is_not_text_is_replaced_where_it_was_the_same() {
    let scratch = Scratch::new();
    let logo = |solution: &str| scratch.root.path().join(solution).join("logo.png");
    for (solution, bytes) in [(ONE, [0, 1]), (TWO, [0, 1]), (THREE, [0, 3])] {
        fs::write(logo(solution), bytes).expect("a writable folder");
    }
    scratch.commit();
    fs::write(logo(ONE), [0, 2]).expect("a writable folder");
    insta::assert_snapshot!(scratch.port(), @r"
       merge  solutions/02-two/logo.png
       leave  solutions/03-three/logo.png: it is not text, and it differs here
    Now run `cargo run -p author -- generate` and `cargo run -p author -- verify`.
    ");
    assert_eq!(fs::read(logo(TWO)).expect("the logo"), [0, 2]);
}

#[test]
fn what_git_ignores_is_not_ported() {
    let scratch = Scratch::new();
    scratch.write(&format!("{ONE}/.env"), "SECRET=1\n");
    assert_eq!(scratch.port(), "There is nothing to port.\n");
}

#[test]
fn what_does_not_exist_is_refused() {
    let scratch = Scratch::new();
    scratch.refused(Request { since: "nothing", ..FIRST }, "git finds no commit `nothing`");
    scratch.refused(Request { since: "--all", ..FIRST }, "git finds no commit `--all`");
    scratch.refused(Request { step: 4, ..FIRST }, "no solution of step 4");
    scratch.refused(Request { step: 3, ..FIRST }, "No solution comes after that of step 3");
}

#[test]
fn without_a_repository_git_says_why() {
    let scratch = Scratch::new();
    fs::remove_dir_all(scratch.root.path().join(".git")).expect("a writable folder");
    let trouble = scratch.run(FIRST).expect_err("no repository");
    assert!(!trouble.problem.details.is_empty(), "{:?}", trouble.problem);
}
