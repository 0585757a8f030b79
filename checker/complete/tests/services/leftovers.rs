//! However a checker ends, no server goes on, and nothing is stored for good.

use std::fs;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use crate::trial::{Trial, signal, wait_until};

#[test]
fn a_checker_killed_at_any_moment_leaves_nothing() {
    let trial = Trial::new();
    // The first ones die while the template is made.
    for delay in (10..500).step_by(35) {
        let mut checker = trial.checker(&["up"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        thread::sleep(Duration::from_millis(delay));
        checker.kill().expect("our own child");
        checker.wait().expect("our own child");
        trial.expect_nothing_running();
    }
    let mut up = trial.up();
    assert_eq!(up.sql("SELECT 1"), "1");
    assert_eq!(trial.runs().len(), 2, "those of the killed ones are gone: {:?}", trial.runs());
    up.kill();
    trial.expect_nothing_running();
    trial.expect_nothing_stored();
}

#[test]
fn a_killed_guard_takes_its_server_along() {
    let trial = Trial::new();
    let mut up = trial.up();
    for guard in trial.processes().iter().filter(|process| process.is_guard()) {
        signal(guard.pid, "KILL");
    }
    trial.expect_nothing_running();
    up.kill();
    trial.up().interrupt();
    assert!(trial.runs().is_empty(), "{:?}", trial.runs());
}

#[test]
fn what_a_killed_checker_and_a_killed_guard_leave_is_ended_at_the_next_start() {
    let trial = Trial::new();
    let mut up = trial.up();
    signal(up.pid(), "STOP");
    for guard in trial.processes().iter().filter(|process| process.is_guard()) {
        signal(guard.pid, "KILL");
    }
    up.kill();
    let left = trial.processes().iter().find(|process| process.is_postgres()).map(|process| process.pid);

    let next = trial.up();
    assert_eq!(trial.runs().len(), 2, "{:?}", trial.runs());
    assert!(!trial.processes().iter().any(|process| Some(process.pid) == left), "{:?}", trial.processes());
    assert_eq!(next.sql("SELECT 1"), "1");
}

#[test]
fn a_half_made_or_damaged_template_is_made_again() {
    let trial = Trial::new();
    trial.up().interrupt();
    let template = trial.kept().into_iter().find(|path| path.join("data").is_dir()).expect("a template");
    let name = template.file_name().expect("a name").display();
    let half_made = template.with_file_name(format!("{name}.part-1"));
    fs::create_dir_all(half_made.join("data/base")).expect("a writable folder");
    // As a system that clears old files away would do it.
    fs::remove_file(template.join("data/global/pg_control")).expect("a file of every data folder");
    assert_eq!(trial.up().sql("SELECT 1"), "1");
    assert!(!half_made.exists());

    fs::remove_dir_all(&template).expect("our own folder");
    fs::create_dir_all(template.join("data")).expect("a writable folder");
    assert_eq!(trial.up().sql("SELECT 1"), "1");
}

#[test]
fn a_server_that_ends_by_itself_is_reported() {
    let trial = Trial::new();
    let mut up = trial.up();
    let postgres = trial.processes().into_iter().find(|process| process.is_postgres()).expect("it runs");
    signal(postgres.pid, "QUIT");
    wait_until("the server has ended", || trial.processes().iter().all(|process| process.pid != postgres.pid));
    let said = up.end();
    assert_eq!(said.code, Some(4));
    assert!(said.text.contains("PostgreSQL exited unexpectedly"), "{}", said.text);
    trial.expect_nothing_stored();
}
