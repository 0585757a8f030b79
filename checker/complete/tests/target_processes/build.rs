//! Builds that fail, each for another reason: whose turn it is, and what to do.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::trial::{Trial, Verdict};

const MANIFEST: &str = "[package]\nname = \"step-01-api-basics\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";

/// A workshop whose first step has this manifest and this program.
fn step(manifest: &str, program: &str) -> Trial {
    let trial = Trial::new();
    let folder = trial.folder().join("steps/01-api-basics");
    write(&folder.join("Cargo.toml"), manifest);
    write(&folder.join("src/main.rs"), program);
    trial
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a writable folder");
    fs::write(path, text).expect("a writable folder");
}

fn checker(trial: &Trial) -> Command {
    let mut checker = trial.checker(&["check", "1", "--format", "json"]);
    checker.env("CARGO_NET_OFFLINE", "true");
    checker
}

fn check(trial: &Trial) -> Verdict {
    trial.run(checker(trial))
}

fn expect_not_built(verdict: &Verdict, because: &str) {
    assert_eq!(verdict.code, Some(2), "{}", verdict.text);
    assert_eq!(verdict.report["verdict"], "not-built");
    let compiler = verdict.report["compiler"].as_str().unwrap_or_default();
    assert!(compiler.contains(because), "{compiler}");
}

fn expect_environment(verdict: &Verdict, because: &str) {
    assert_eq!(verdict.code, Some(4), "{}", verdict.text);
    assert!(verdict.title().contains(because), "{}", verdict.text);
    assert!(!verdict.remedy().is_empty());
}

#[test]
fn a_program_that_compiles_is_run_in_its_own_folder() {
    let says_where = "fn main() { println!(\"{}\", std::env::current_dir().unwrap().display()); }";
    let trial = step(MANIFEST, says_where);
    let verdict = check(&trial);
    verdict.expect_not_started("exit code 0");
    let said = verdict.report["problem"]["details"][0].as_str().unwrap_or_default();
    assert!(said.ends_with("steps/01-api-basics"), "{said}");
    assert!(verdict.report["build_ms"].as_f64().is_some_and(|time| time > 0.0));
}

#[test]
fn a_program_that_does_not_compile_gets_the_compilers_errors_alone() {
    let trial = step(MANIFEST, "fn unused() {}\nfn main() { let port: u16 = \"8000\"; let _ = missing; }");
    let verdict = check(&trial);
    expect_not_built(&verdict, "mismatched types");
    let compiler = verdict.report["compiler"].as_str().unwrap_or_default();
    assert!(compiler.starts_with("error"), "{compiler}");
    assert!(compiler.contains("cannot find value `missing`"));
    for noise in ["warning", "aborting", "could not compile", "Compiling", "For more information", "\u{1b}"] {
        assert!(!compiler.contains(noise), "{compiler}");
    }
}

#[test]
fn the_compilers_errors_are_in_color_where_color_is_wanted() {
    let trial = step(MANIFEST, "fn main() { missing }");
    let verdict = trial.run(trial.checker(&["check", "1", "--color", "always"]));
    assert_eq!(verdict.code, Some(2));
    assert!(verdict.text.contains("\u{1b}["), "{}", verdict.text);
}

#[test]
fn a_manifest_that_does_not_parse_is_the_learners_turn() {
    let trial = step("[package]\nname = \"step-01-api-basics\"\nversion = \n", "fn main() {}");
    let verdict = check(&trial);
    expect_not_built(&verdict, "A Cargo.toml cannot be read.");
    let compiler = verdict.report["compiler"].as_str().unwrap_or_default();
    assert!(compiler.contains("steps/01-api-basics/Cargo.toml") && compiler.contains("reset"), "{compiler}");
}

#[test]
fn a_dependency_that_does_not_exist_is_the_learners_turn() {
    let manifest = format!("{MANIFEST}[dependencies]\nno-such-crate-in-any-registry = \"1\"\n");
    let verdict = check(&step(&manifest, "fn main() {}"));
    expect_not_built(&verdict, "dependency");
}

#[test]
fn a_package_that_does_not_exist_is_reported() {
    let trial = step(MANIFEST, "fn main() {}");
    let verdict = trial.run(trial.checker(&["check", "1", "--format", "json", "--package", "nowhere"]));
    assert!(matches!(verdict.code, Some(2 | 64)), "{:?} {}", verdict.code, verdict.text);
}

#[test]
fn a_package_without_a_program_is_reported() {
    let trial = step(MANIFEST, "");
    let source = trial.folder().join("steps/01-api-basics/src");
    fs::rename(source.join("main.rs"), source.join("lib.rs")).expect("a writable folder");
    expect_not_built(&check(&trial), "no binary to run");
}

#[test]
fn a_damaged_lock_file_is_reported() {
    let trial = step(MANIFEST, "fn main() {}");
    write(&trial.folder().join("Cargo.lock"), "<<<<<<< HEAD\n");
    expect_not_built(&check(&trial), "Cargo.lock is damaged.");
}

#[test]
fn a_machine_without_cargo_is_reported() {
    let trial = step(MANIFEST, "fn main() {}");
    let mut checker = checker(&trial);
    checker.env_remove("CARGO").env("PATH", "/nonexistent");
    expect_environment(&trial.run(checker), "no cargo");
}

#[test]
fn a_target_folder_that_cannot_be_written_is_reported() {
    let trial = step(MANIFEST, "fn main() {}");
    let mut checker = checker(&trial);
    checker.env("CARGO_TARGET_DIR", "/dev/null/target");
    expect_environment(&trial.run(checker), "cannot write");
}

/// Puts a file system of size `$1` over folder `$2`, in a view of the files that only what follows has.
const SMALL_DISK: &str = r#"mount -t tmpfs -o size="$1" none "$2" || exit 1; shift 2; exec "$@""#;

#[test]
fn a_full_disk_is_reported_whether_the_compiler_or_the_linker_meets_it() {
    if !Command::new("unshare").args(["--mount", "true"]).output().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: this machine lets nobody have a file system of their own");
        return;
    }
    for size in ["64k", "1m"] {
        let trial = step(MANIFEST, "fn main() {}");
        let target = trial.folder().join("target");
        fs::create_dir(&target).expect("a writable folder");
        let checker = checker(&trial);
        let mut command = Command::new("unshare");
        command.args(["--mount", "/bin/sh", "-c", SMALL_DISK, "sh", size]).arg(&target);
        command.arg(checker.get_program()).args(checker.get_args());
        command
            .current_dir(trial.folder())
            .env("CARGO_NET_OFFLINE", "true")
            .env("CARGO_TARGET_DIR", &target)
            .stdin(Stdio::null());
        expect_environment(&trial.run(command), "The disk is full");
    }
}

#[test]
fn waiting_for_another_cargo_is_not_build_time() {
    const SECONDS: f64 = 3.0;
    let trial = step(MANIFEST, "fn main() {}");
    let marker = &trial.marker;
    let script = format!(
        "fn main() {{ std::process::Command::new(\"sh\").args([\"-c\", \"sleep {SECONDS}; true\", \"{marker}\"]).status().unwrap(); }}"
    );
    write(&trial.folder().join("steps/00-slow/Cargo.toml"), &MANIFEST.replace("01-api-basics", "00-slow"));
    write(&trial.folder().join("steps/00-slow/build.rs"), &script);
    write(&trial.folder().join("steps/00-slow/src/main.rs"), "fn main() {}");
    let mut other = Command::new(env!("CARGO"))
        .args(["build", "--offline", "--quiet", "-p", "step-00-slow"])
        .current_dir(trial.folder())
        .env_remove("CARGO_TARGET_DIR")
        .stderr(Stdio::null())
        .spawn()
        .expect("cargo runs");
    trial.wait_for(|process| process.args.iter().any(|arg| arg.contains("sleep")));
    let verdict = check(&trial);
    other.wait().expect("our own child");
    verdict.expect_not_started("exit code 0");
    let (build, all) = (verdict.report["build_ms"].as_f64(), verdict.report["duration_ms"].as_f64());
    let waited = all.zip(build).map(|(all, build)| all - build);
    assert!(waited.is_some_and(|waited| waited > SECONDS * 500.0), "{build:?} of {all:?} ms");
}

#[test]
fn a_build_ends_with_the_checker() {
    let trial = step(MANIFEST, "fn main() {}");
    let marker = &trial.marker;
    let script = format!(
        "fn main() {{ std::process::Command::new(\"sh\").args([\"-c\", \"sleep 100; true\", \"{marker}\"]).status().unwrap(); }}"
    );
    write(&trial.folder().join("steps/01-api-basics/build.rs"), &script);
    let mut checker = checker(&trial).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the checker starts");
    trial.wait_for(|process| process.args.iter().any(|arg| arg.contains("sleep")));
    checker.kill().expect("it runs");
    checker.wait().expect("our own child");
    trial.expect_nothing_left();
}
