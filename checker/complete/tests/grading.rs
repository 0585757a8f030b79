//! Grading from end to end, against servers in another language: the checker as people and scripts run it.
//!
//! The servers need `python3`; where there is none these tests say so and end.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A workshop without sources, for progress and evidence of its own.
struct Scratch(tempfile::TempDir);

impl Scratch {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(folder.path().join("steps")).expect("the folder is writable");
        std::fs::create_dir(folder.path().join("checker")).expect("the folder is writable");
        std::fs::write(folder.path().join("Cargo.toml"), "[workspace]\n").expect("the folder is writable");
        Scratch(folder)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_checker-complete"));
        command.args(arguments).current_dir(self.0.path()).env_remove("CARGO_TARGET_DIR").env("NO_COLOR", "1");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the checker runs")
    }

    fn file(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }
}

fn server(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/servers").join(name);
    format!("python3 {}", path.display())
}

/// A right server for step 1 that is changed in one line.
fn broken_server(scratch: &Scratch, from: &str, to: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/servers/right_step_01.py");
    let source = std::fs::read_to_string(path).expect("the server is there");
    assert!(source.contains(from), "the server no longer says {from}");
    let broken = scratch.file("broken.py");
    std::fs::write(&broken, source.replace(from, to)).expect("the folder is writable");
    format!("python3 {}", broken.display())
}

fn has_python() -> bool {
    let found = Command::new("python3").arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        println!("python3 was not found, so nothing was tested");
    }
    found
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stdout)))
}

fn failed(report: &Value) -> Vec<&str> {
    let checks = report["checks"].as_array().expect("checks");
    checks.iter().filter(|check| check["verdict"] == "fail").filter_map(|check| check["id"].as_str()).collect()
}

#[test]
fn right_servers_in_another_language_pass_with_every_extra() {
    if !has_python() {
        return;
    }
    let scratch = Scratch::new();
    for (step, name) in [("1", "right_step_01.py"), ("2", "right_step_02.py")] {
        let output = scratch.run(&["check", step, "--stretch", "--command", &server(name), "--format", "json"]);
        let report = json(&output);
        assert_eq!(failed(&report), Vec::<&str>::new());
        assert_eq!((&report["verdict"], output.status.code()), (&Value::from("passed"), Some(0)));
        let verdicts = report["checks"].as_array().expect("checks").iter().map(|check| &check["verdict"]);
        assert!(verdicts.into_iter().all(|verdict| verdict == "pass"), "nothing is skipped");
    }
    let progress = std::fs::read_to_string(scratch.file(".checker-progress")).expect("passing is remembered");
    assert!(progress.contains("passed"), "{progress}");
    for file in ["report.json", "exchanges.har", "server.log"] {
        assert!(scratch.file("target/checker/02-framework/latest").join(file).is_file(), "{file} is kept");
    }
}

#[test]
fn a_server_wrong_in_one_clause_fails_at_the_check_of_that_clause() {
    if !has_python() {
        return;
    }
    let scratch = Scratch::new();
    let command = broken_server(&scratch, "/habits/{id}\": {", "/habit/{id}\": {");
    let output = scratch.run(&["check", "1", "--command", &command, "--format", "json"]);
    assert_eq!((failed(&json(&output)), output.status.code()), (vec!["1.openapi"], Some(1)));
    assert!(!scratch.file(".checker-progress").exists(), "a failed run is no progress");
}

#[test]
fn a_server_that_ends_is_reported_with_its_exit_code() {
    if !has_python() {
        return;
    }
    let scratch = Scratch::new();
    let list = "self.answer(200, list(HABITS.values()))";
    // The first ends while it is shared by checks. The others are processes that 1.list starts for itself: one ends, and
    // one closes the connection and ends when it is told to.
    let end_of_a_list = format!("{list} if HABITS else os._exit(4)");
    let no_answer = format!("{list} if HABITS else 1 / 0");
    let servers = [
        ("1.delete", "del HABITS[wanted]", "os._exit(3)", "exit code 3".into()),
        ("1.list", list, &*end_of_a_list, "exit code 4".into()),
        ("1.list", list, &*no_answer, Value::Null),
    ];
    for (id, from, to, ended) in servers {
        let command = broken_server(&scratch, from, to);
        let report = json(&scratch.run(&["check", "1", "--only", id, "--command", &command, "--format", "json"]));
        let checks = report["checks"].as_array().expect("checks");
        let check = checks.iter().find(|check| check["id"] == id).expect("it was run");
        assert_eq!((&check["verdict"], &check["ended"]), (&"fail".into(), &ended), "{to}: {check:#}");
    }
}

#[test]
fn a_check_that_is_run_alone_brings_what_it_needs_and_passes_no_step() {
    if !has_python() {
        return;
    }
    let scratch = Scratch::new();
    let output =
        scratch.run(&["check", "1", "--only", "1.get-one", "--command", &server("right_step_01.py"), "--format", "json"]);
    let report = json(&output);
    let ids: Vec<_> = report["checks"].as_array().expect("checks").iter().filter_map(|check| check["id"].as_str()).collect();
    assert_eq!((ids, output.status.code()), (vec!["1.create", "1.get-one"], Some(0)));
    assert!(!scratch.file(".checker-progress").exists(), "the step was not graded as a whole");
}

#[test]
fn the_same_seed_sends_the_same_data_and_another_seed_other_data() {
    if !has_python() {
        return;
    }
    let scratch = Scratch::new();
    let sent = |seed: &str| {
        let command = broken_server(&scratch, "self.answer(201", "self.answer(200");
        let output = scratch.run(&["check", "1", "--seed", seed, "--command", &command, "--format", "json"]);
        json(&output)["checks"][0]["exchange"]["request"]["body"].clone()
    };
    assert!(sent("5").is_string());
    assert_eq!(sent("5"), sent("5"));
    assert_ne!(sent("5"), sent("6"));
}

/// A server started by the test, ended with it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_url_is_examined_without_starting_anything_and_what_needs_a_start_is_skipped_by_name() {
    if !has_python() {
        return;
    }
    let scratch = Scratch::new();
    // The system chooses a free port; nobody else takes it in the moment until the server has it.
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/servers/right_step_02.py");
    let child =
        Command::new("python3").arg(path).env("PORT", port.to_string()).stderr(Stdio::null()).stdout(Stdio::null()).spawn();
    let _running = Running(child.expect("python3 runs"));
    let deadline = Instant::now() + Duration::from_secs(30);
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < deadline, "the server does not come up");
        std::thread::yield_now();
    }
    let output = scratch.run(&["check", "2", "--url", &format!("http://127.0.0.1:{port}"), "--format", "json"]);
    let report = json(&output);
    assert_eq!(failed(&report), Vec::<&str>::new());
    let skipped = report["checks"].as_array().expect("checks").iter().filter(|check| check["verdict"] == "skipped");
    let skipped: Vec<_> = skipped.filter_map(|check| check["id"].as_str()).collect();
    assert_eq!(skipped, ["2.log-line", "2.request-id-logged", "2.port", "2.port-invalid"]);
    assert!(!scratch.file(".checker-progress").exists(), "a URL is nobody's progress");
}

#[test]
fn two_checkers_at_once_do_not_disturb_each_other() {
    if !has_python() {
        return;
    }
    let scratch = Scratch::new();
    let command = server("right_step_01.py");
    let arguments = ["check", "1", "--command", &command, "--format", "json"];
    let both = [scratch.command(&arguments).spawn(), scratch.command(&arguments).spawn()];
    for child in both {
        let output = child.and_then(Child::wait_with_output).expect("the checker runs");
        assert_eq!(json(&output)["verdict"], "passed");
    }
}

#[test]
fn every_kind_of_end_has_its_exit_code() {
    let scratch = Scratch::new();
    let code = |arguments: &[&str]| scratch.run(arguments).status.code();
    assert_eq!(code(&["check", "1", "--command", "exit 7"]), Some(3));
    assert_eq!(code(&["check", "1", "--command", "/no/such/program"]), Some(3));
    assert_eq!(code(&["check", "1", "--command", " "]), Some(64));
    assert_eq!(code(&["check", "99"]), Some(64));
    assert_eq!(code(&["check", "1", "--only", "1.no-such-check"]), Some(64));
    assert_eq!(code(&["check", "--no-such-flag"]), Some(64));
    assert_eq!(code(&["check", "1", "--url", "ftp://127.0.0.1"]), Some(64));
    assert_eq!(code(&["hint", "1.no-such-check"]), Some(64));
    assert_eq!(code(&["--help"]), Some(0));
    let scratch = Scratch::new();
    let code = |arguments: &[&str]| scratch.run(arguments).status.code();
    std::fs::write(scratch.file("target"), "a file in the way").expect("the folder is writable");
    assert_eq!(code(&["check", "1", "--command", "exit 7"]), Some(3), "evidence that cannot be kept changes no verdict");
}

#[test]
fn a_pass_counts_where_its_evidence_cannot_be_kept() {
    if !has_python() {
        return;
    }
    let scratch = Scratch::new();
    std::fs::write(scratch.file("target"), "a file in the way").expect("the folder is writable");
    let output = scratch.run(&["check", "1", "--command", &server("right_step_01.py")]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("could not be kept"), "{output:?}");
    let progress = std::fs::read_to_string(scratch.file(".checker-progress")).expect("progress was written");
    assert!(progress.contains("passed 1"), "{progress}");
}

#[test]
fn hints_come_one_at_a_time_and_begin_with_the_first_failure() {
    if !has_python() {
        return;
    }
    let scratch = Scratch::new();
    let nothing = scratch.run(&["hint"]);
    assert_eq!(nothing.status.code(), Some(64));
    let command = broken_server(&scratch, "self.answer(201", "self.answer(200");
    scratch.run(&["check", "1", "--command", &command]);
    let shown = |output: Output| String::from_utf8_lossy(&output.stdout).matches("\nHint ").count();
    assert_eq!([shown(scratch.run(&["hint"])), shown(scratch.run(&["hint"]))], [1, 2]);
    assert_eq!(shown(scratch.run(&["hint", "1.get-one"])), 1, "each check has its own");
}

#[test]
fn a_hint_without_an_id_is_for_the_last_run_whichever_step_it_was_of() {
    if !has_python() {
        return;
    }
    let scratch = Scratch::new();
    let command = broken_server(&scratch, "self.answer(201", "self.answer(200");
    scratch.run(&["check", "1", "--command", &command]);
    // This server knows nothing of step 2.
    scratch.run(&["check", "2", "--command", &server("right_step_01.py")]);
    let said = String::from_utf8_lossy(&scratch.run(&["hint"]).stdout).into_owned();
    assert!(said.starts_with("2."), "{said}");
}

#[test]
fn one_step_can_be_listed() {
    let scratch = Scratch::new();
    let said = scratch.run(&["list", "2"]);
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(text.contains("2.name-missing") && !text.contains("1.create") && text.starts_with("Step 2:"), "{text}");
    assert_eq!(scratch.run(&["list", "77"]).status.code(), Some(64));
}
