//! `generate` and `verify`: starters follow their solutions, and no edit is lost.

use std::fs;
use std::process::Command;

use scratch::{ONE, Scratch, TWO};

#[path = "../../complete/tests/starters/scratch.rs"]
#[allow(dead_code, reason = "the learner's commands need more of it")]
mod scratch;

const PROGRAM: &str = env!("CARGO_BIN_EXE_author");

fn git(scratch: &Scratch, arguments: &[&str]) {
    let who = ["-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"];
    let status = Command::new("git").args(who).args(arguments).current_dir(scratch.path(".")).output().expect("git starts");
    assert!(status.status.success(), "{status:?}");
}

#[test]
fn generating_twice_changes_nothing() {
    let scratch = Scratch::new();
    let out = scratch.run(&["generate"]).passed();
    assert!(out.ends_with("Every starter matches its solution.\n"), "{out}");
    scratch.run(&["generate", "--check"]).passed();
}

#[test]
fn a_changed_solution_changes_its_starter_and_check_only_reports() {
    let scratch = Scratch::new();
    scratch.run(&["generate"]).passed();
    scratch.write(&format!("solutions/{ONE}/src/new.rs"), "new\n");
    fs::remove_file(scratch.path(&format!("solutions/{TWO}/src/error.rs"))).expect("the file was there");
    let ran = scratch.run(&["generate", "--check"]);
    assert_eq!(ran.code, 1, "{ran:#?}");
    assert!(!scratch.exists(&format!("steps/{ONE}/src/new.rs")) && scratch.exists(&format!("steps/{TWO}/src/error.rs")));
    scratch.run(&["generate"]).passed();
    assert!(scratch.exists(&format!("steps/{ONE}/src/new.rs")) && !scratch.exists(&format!("steps/{TWO}/src/error.rs")));
}

#[test]
fn the_readme_lists_the_course_s_checks() {
    let readme = Scratch::new().read(&format!("steps/{ONE}/README.md"));
    assert!(readme.contains("| `1.create` | POST /habits responds 201") && readme.contains("| stretch |"), "{readme}");
}

#[test]
fn an_edit_by_hand_is_not_undone_without_force() {
    for with_git in [true, false] {
        let scratch = Scratch::new();
        if with_git {
            git(&scratch, &["init", "-q"]);
            git(&scratch, &["add", "."]);
            git(&scratch, &["commit", "-qm", "all"]);
        }
        let habits = format!("steps/{ONE}/src/habits.rs");
        scratch.write(&habits, "edited by hand\n");
        let ran = scratch.run(&["generate"]);
        assert_eq!(ran.code, 4, "{ran:#?}");
        assert!(ran.err.contains("steps/01-api-basics/src/habits.rs was edited by hand"), "{}", ran.err);
        assert_eq!(scratch.read(&habits), "edited by hand\n");
        scratch.run(&["generate", "--force"]).passed();
        assert!(scratch.read(&habits).contains("TODO(create)"));
    }
}

#[test]
fn an_edit_that_is_committed_may_be_replaced_and_so_may_the_last_generation() {
    let scratch = Scratch::new();
    let habits = format!("steps/{ONE}/src/habits.rs");
    scratch.write(&habits, "edited by hand\n");
    git(&scratch, &["init", "-q"]);
    git(&scratch, &["add", "."]);
    git(&scratch, &["commit", "-qm", "all"]);
    scratch.run(&["generate"]).passed();
    for text in ["one\n", "two\n"] {
        scratch.write(&format!("solutions/{ONE}/src/habits.rs"), text);
        scratch.run(&["generate"]).passed();
        assert_eq!(scratch.read(&habits), text);
    }
}

#[test]
fn build_output_settings_and_what_git_ignores_are_left_alone() {
    let scratch = Scratch::new();
    scratch.write(".gitignore", "*.log\n");
    git(&scratch, &["init", "-q"]);
    let kept = ["target/debug/app", ".env", "run.log"];
    for path in kept {
        scratch.write(&format!("steps/{ONE}/{path}"), "mine\n");
    }
    scratch.run(&["generate", "--check"]).passed();
    scratch.run(&["generate", "--force"]).passed();
    for path in kept {
        assert_eq!(scratch.read(&format!("steps/{ONE}/{path}")), "mine\n");
    }
}

#[test]
fn settings_and_manifests_of_a_solution_are_not_copied() {
    let scratch = Scratch::new();
    scratch.write(&format!("solutions/{ONE}/.env"), "SECRET=1\n");
    scratch.write(&format!("solutions/{ONE}/.env.example"), "SECRET=\n");
    scratch.run(&["generate"]).passed();
    assert!(!scratch.exists(&format!("steps/{ONE}/.env")) && !scratch.exists(&format!("steps/{ONE}/step.toml")));
    assert!(scratch.exists(&format!("steps/{ONE}/.env.example")));
}

#[test]
fn a_wrong_mark_is_named_with_its_file_and_line() {
    let scratch = Scratch::new();
    scratch.write(&format!("solutions/{ONE}/src/habits.rs"), "a();\n// ANCHOR: open\n");
    scratch.run(&["generate"]).refused(4, "solutions/01-api-basics/src/habits.rs, line 2: the region `open` is never closed");
}

#[test]
fn the_lint_names_what_is_wrong_and_fails() {
    let scratch = Scratch::new();
    scratch.write(&format!("steps/{ONE}/src/habits.rs"), "#![allow(dead_code)]\n");
    let ran = scratch.run(&["verify", "--quick"]);
    assert_eq!(ran.code, 1, "{ran:#?}");
    for part in [
        "FAIL  regenerating the starters changes nothing",
        "steps/01-api-basics/src/habits.rs differs",
        "FAIL  no starter silences a warning",
        "  ok  every check has a claim and one to three hints",
    ] {
        assert!(ran.out.contains(part), "{part:?} is missing in\n{}", ran.out);
    }
}
