//! Builds that fail, each for another reason: whose turn it is, and what to do.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

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
    assert!(compiler.contains("steps/01-api-basics/Cargo.toml") && compiler.contains("git checkout"), "{compiler}");
}

#[test]
fn offline_a_dependency_that_is_not_downloaded_is_no_fault_of_the_learner() {
    let manifest = format!("{MANIFEST}[dependencies]\nno-such-crate-in-any-registry = \"1\"\n");
    let verdict = check(&step(&manifest, "fn main() {}"));
    expect_environment(&verdict, "not downloaded yet");
}

#[test]
fn a_dependency_that_does_not_exist_in_this_form_is_the_learners_turn() {
    let helper = "[package]\nname = \"helper\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    let manifest = format!("{MANIFEST}[dependencies]\nhelper = {{ path = \"helper\", features = [\"tea\"] }}\n");
    let trial = step(&manifest, "fn main() {}");
    let folder = trial.folder().join("steps/01-api-basics/helper");
    write(&folder.join("Cargo.toml"), helper);
    write(&folder.join("src/lib.rs"), "");
    expect_not_built(&check(&trial), "A dependency in a Cargo.toml does not exist in that form.");
}

#[test]
fn a_changed_package_of_the_learners_own_is_built_too() {
    let helper = "[package]\nname = \"helper\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    let manifest = format!("{MANIFEST}[dependencies]\nhelper = {{ path = \"helper\" }}\n");
    let trial = step(&manifest, "fn main() { println!(\"built from {}\", helper::WORD); }");
    let folder = trial.folder().join("steps/01-api-basics/helper");
    write(&folder.join("Cargo.toml"), helper);
    for word in ["A", "B"] {
        write(&folder.join("src/lib.rs"), &format!("pub const WORD: &str = \"{word}\";"));
        age(&trial.folder().join("steps"));
        assert_eq!(built_from(&trial), word);
    }
}

/// Runs the checker in a shell that has done something to itself before.
fn check_after(trial: &Trial, setup: &str) -> Verdict {
    run_after(trial, setup, checker(trial))
}

fn run_after(trial: &Trial, setup: &str, inner: Command) -> Verdict {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{setup} && exec \"$@\""), "sh"]).arg(inner.get_program()).args(inner.get_args());
    shell.current_dir(trial.folder()).stdin(Stdio::null()).env("CARGO_NET_OFFLINE", "true").env_remove("CARGO_TARGET_DIR");
    trial.run(shell)
}

#[test]
fn a_machine_that_lacks_what_every_run_needs_is_never_the_learners_fault() {
    let trial = step(MANIFEST, &saying("A"));
    for (setup, because) in [
        ("export TMPDIR=/nonexistent", "the folder for temporary files"),
        ("ulimit -n 64", "A process may open only 64 files"),
        ("ulimit -f 10000", "A process may write files of only"),
        ("ulimit -v 900000", "A process may have an address space of only"),
        ("ulimit -t 60", "60 seconds of processor time"),
        ("export RUSTC_WRAPPER=/nonexistent/sccache", "Cargo cannot run the compiler as it is told to."),
        ("export RUSTC=/nonexistent/rustc", "Cargo cannot run the compiler as it is told to."),
        ("export RUSTFLAGS=-Clinker=/nonexistent/ld", "The linker that cargo is told to use was not found."),
        ("export RUSTFLAGS=-Clink-arg=-fuse-ld=nonexistent", "The linker that cargo is told to use was not found."),
    ] {
        expect_environment(&check_after(&trial, setup), because);
        let found = run_after(&trial, setup, trial.checker(&["doctor"]));
        assert_eq!(found.code, Some(4), "{setup}: {}", found.text);
        assert!(found.text.contains("MISSING") && found.text.contains(because), "{setup}: {}", found.text);
    }
    // A limit that the user may raise is raised.
    check_after(&trial, "ulimit -S -n 64").expect_not_started("exit code 0");
}

#[test]
fn a_network_without_a_loopback_is_never_the_learners_fault() {
    if !Command::new("unshare").args(["--net", "true"]).output().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: this machine lets nobody have a network of their own");
        return;
    }
    let trial = step(MANIFEST, &saying("A"));
    let inner = checker(&trial);
    let mut outer = Command::new("unshare");
    outer.arg("--net").arg(inner.get_program()).args(inner.get_args());
    outer.current_dir(trial.folder()).stdin(Stdio::null()).env("CARGO_NET_OFFLINE", "true").env_remove("CARGO_TARGET_DIR");
    expect_environment(&trial.run(outer), "No program can be reached at 127.0.0.1");
}

#[test]
fn after_a_build_that_failed_hint_shows_its_first_error() {
    let trial = step(MANIFEST, "fn main() { let port: u16 = \"8000\"; }");
    expect_not_built(&check(&trial), "mismatched types");
    let hint = trial.run(trial.checker(&["hint"]));
    assert_eq!(hint.code, Some(0), "{}", hint.text);
    for part in
        ["did not compile", "error[E0308]: mismatched types", "steps/01-api-basics/src/main.rs:1", "rustc --explain E0308"]
    {
        assert!(hint.text.contains(part), "{part}: {}", hint.text);
    }
}

#[test]
fn after_a_server_that_did_not_start_hint_says_why() {
    let trial = step(MANIFEST, &saying("A"));
    check(&trial).expect_not_started("exit code 0");
    let hint = trial.run(trial.checker(&["hint"]));
    assert!(hint.code == Some(0) && hint.text.contains("exit code 0") && hint.text.contains("await the server"), "{}", hint.text);
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

/// A server that says what it was built from before it exits.
fn saying(word: &str) -> String {
    format!("fn main() {{ println!(\"built from {word}\"); }}")
}

/// Checks the step, and returns what its server was built from.
fn built_from(trial: &Trial) -> String {
    let verdict = check(trial);
    verdict.expect_not_started("exit code 0");
    let details = &verdict.report["problem"]["details"][0];
    details.as_str().and_then(|line| line.strip_prefix("built from ")).unwrap_or_default().to_owned()
}

/// Gives every file below `folder` a modification time of a week ago.
fn age(folder: &Path) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            age(&path);
        } else {
            let week_ago = SystemTime::now() - Duration::from_secs(7 * 24 * 60 * 60);
            let file = fs::File::options().append(true).open(path).expect("it is ours");
            file.set_modified(week_ago).expect("it is ours");
        }
    }
}

#[test]
fn a_folder_that_is_put_in_place_with_old_times_is_what_is_graded() {
    let trial = step(MANIFEST, &saying("A"));
    let (steps, place) = (trial.folder().join("steps"), trial.folder().join("steps/01-api-basics"));
    let aside = trial.folder().join("aside");
    write(&aside.join("B/Cargo.toml"), MANIFEST);
    write(&aside.join("B/src/main.rs"), &saying("B"));
    age(&aside);
    age(&steps);
    assert_eq!(built_from(&trial), "A");
    for (old, new) in [("A", "B"), ("B", "A"), ("A", "B")] {
        fs::rename(&place, aside.join(old)).and_then(|()| fs::rename(aside.join(new), &place)).expect("both are there");
        assert_eq!(built_from(&trial), new);
        assert_eq!(built_from(&trial), new, "and once more, with nothing to build");
    }
}

#[test]
fn what_cargo_was_made_to_build_by_hand_in_between_is_not_graded() {
    let trial = step(MANIFEST, &saying("A"));
    let main = trial.folder().join("steps/01-api-basics/src/main.rs");
    age(&trial.folder().join("steps"));
    assert_eq!(built_from(&trial), "A");
    write(&main, &saying("B"));
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--offline"]).current_dir(trial.folder()).env_remove("CARGO_TARGET_DIR").stderr(Stdio::null());
    assert!(cargo.status().expect("cargo runs").success());
    write(&main, &saying("A"));
    age(&trial.folder().join("steps"));
    assert_eq!(built_from(&trial), "A");
}

#[test]
fn two_checkouts_with_one_build_folder_do_not_grade_each_other() {
    let shared = tempfile::tempdir().expect("a folder");
    let trials = ["A", "B"].map(|word| {
        let trial = step(MANIFEST, &saying(word));
        age(&trial.folder().join("steps"));
        (trial, word)
    });
    for _ in 0..2 {
        for (trial, word) in &trials {
            let mut checker = checker(trial);
            checker.env("CARGO_TARGET_DIR", shared.path());
            let verdict = trial.run(checker);
            assert_eq!(verdict.report["problem"]["details"][0], format!("built from {word}"), "{}", verdict.text);
        }
    }
}

#[test]
fn a_file_of_the_package_that_is_included_or_elsewhere_counts() {
    let program = "#[path = \"../../../shared.rs\"] mod shared;\nfn main() { println!(\"built from {}{}\", shared::WORD, include_str!(\"word\")); }";
    let trial = step(MANIFEST, program);
    let (shared, word) = (trial.folder().join("shared.rs"), trial.folder().join("steps/01-api-basics/src/word"));
    let set = |letter: &str, other: &str| {
        write(&shared, &format!("pub const WORD: &str = \"{letter}\";"));
        write(&word, other);
        age(&trial.folder().join("steps"));
        fs::File::options().append(true).open(&shared).and_then(|file| file.set_modified(SystemTime::UNIX_EPOCH)).expect("ours");
    };
    for (letter, other) in [("A", "1"), ("B", "1"), ("B", "2")] {
        set(letter, other);
        assert_eq!(built_from(&trial), format!("{letter}{other}"));
    }
}

#[test]
fn sources_that_cannot_be_touched_are_built_all_the_same() {
    let trial = step(MANIFEST, &saying("A"));
    let steps = trial.folder().join("steps");
    age(&steps);
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--offline"]).current_dir(trial.folder()).env_remove("CARGO_TARGET_DIR").stderr(Stdio::null());
    assert!(cargo.status().expect("cargo runs").success());
    write(&steps.join("01-api-basics/src/main.rs"), &saying("B"));
    age(&steps);
    // Even root cannot write to a file that is mounted read-only.
    let script = r#"mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" || exit 1; shift; exec "$@""#;
    let inner = checker(&trial);
    let mut outer = Command::new("unshare");
    outer.args(["--mount", "sh", "-c", script, "sh"]).arg(&steps).arg(inner.get_program()).args(inner.get_args());
    outer.current_dir(trial.folder()).stdin(Stdio::null()).env("CARGO_NET_OFFLINE", "true").env_remove("CARGO_TARGET_DIR");
    if !Command::new("unshare").args(["--mount", "true"]).output().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: this machine lets nobody have a file system of their own");
        return;
    }
    let verdict = trial.run(outer);
    assert_eq!(verdict.report["problem"]["details"][0], "built from B", "{}", verdict.text);
}

#[test]
fn a_program_that_is_moved_over_the_built_one_during_a_run_is_not_started() {
    // Each start says its number to a file; the first start waits until its program has been replaced, then dies.
    let trial = step(MANIFEST, "");
    let program = r##"use std::io::{Read, Write};
fn main() {
    let address = format!("{}:{}", std::env::var("HOST").unwrap(), std::env::var("PORT").unwrap());
    let beside = std::path::Path::new("../../starts");
    let mut starts = std::fs::File::options().create(true).append(true).open(beside).unwrap();
    writeln!(starts, "built").unwrap();
    let built = std::path::Path::new("../../target/debug/step-01-api-basics");
    let other = std::path::Path::new("../../target/debug/other");
    std::fs::write(other, "#!/bin/sh\necho other >>../../starts\nexit 1\n").unwrap();
    std::fs::set_permissions(other, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::rename(other, built).unwrap();
    for stream in std::net::TcpListener::bind(address).unwrap().incoming() {
        let mut stream = stream.unwrap();
        let mut buffer = [0; 4096];
        let size = stream.read(&mut buffer).unwrap();
        if buffer[..size].starts_with(b"POST") { std::process::exit(1) }
        stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").unwrap();
    }
}"##;
    write(&trial.folder().join("steps/01-api-basics/src/main.rs"), program);
    assert_eq!(check(&trial).code, Some(1));
    let starts = fs::read_to_string(trial.folder().join("starts")).expect("it was started");
    assert!(starts.lines().count() > 1, "it was started again after it had died");
    assert!(starts.lines().all(|line| line == "built"), "{starts}");
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
