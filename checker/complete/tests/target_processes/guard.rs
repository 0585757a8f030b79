//! However a run ends, nothing that it started goes on: the checker killed, its guard killed, both killed.

use std::collections::BTreeSet;
use std::os::unix::process::CommandExt;
use std::process::Stdio;

use crate::trial::{Trial, signal};

/// A server that keeps the checker waiting, beside a daemon in a session of its own.
const BUSY: &str = "daemonizes-and-never-answers";

#[test]
fn a_killed_checker_leaves_nothing() {
    let trial = Trial::new();
    let mut checker = trial.start(BUSY);
    trial.wait_for(|process| process.is("daemonizes-2"));
    trial.wait_for(|process| process.is(BUSY));
    checker.kill().expect("it runs");
    checker.wait().expect("our own child");
    trial.expect_nothing_left();
}

#[test]
fn a_checker_killed_at_any_moment_leaves_nothing() {
    for delay in (0..60).step_by(3) {
        let trial = Trial::new();
        let mut checker = trial.start(BUSY);
        std::thread::sleep(std::time::Duration::from_millis(delay));
        checker.kill().expect("it runs");
        checker.wait().expect("our own child");
        trial.expect_nothing_left();
    }
}

#[test]
fn ctrl_c_leaves_nothing() {
    let trial = Trial::new();
    let command = trial.misfit(BUSY);
    // As a terminal does it: to the whole foreground process group.
    let mut checker = trial
        .checker(&["check", "1", "--command", &command])
        .process_group(0)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the checker starts");
    trial.wait_for(|process| process.is("daemonizes-2"));
    signal(-(checker.id() as i32), "INT");
    trial.expect_nothing_left();
    assert!(!checker.wait().expect("our own child").success());
}

#[test]
fn a_killed_guard_is_made_good_by_the_checker() {
    let trial = Trial::new();
    let mut checker = trial.start(BUSY);
    trial.wait_for(|process| process.is("daemonizes-2"));
    trial.wait_for(|process| process.is_guard()).signal("KILL");
    trial.expect_nothing_left();
    assert_ne!(checker.wait().expect("our own child").code(), Some(0));
}

#[test]
fn a_server_that_kills_its_guard_is_reported() {
    Trial::new().examine("kills-parent").expect_not_started("supervises the server was killed");
}

#[test]
fn a_server_that_halts_its_guard_gains_nothing() {
    Trial::new().examine("halts-parent").expect_advice("");
}

#[test]
fn what_a_killed_checker_and_a_killed_guard_leave_is_ended_at_the_next_start() {
    let trial = Trial::new();
    let mut checker = trial.start(BUSY);
    let daemon = trial.wait_for(|process| process.is("daemonizes-2"));
    let guard = trial.wait_for(|process| process.is_guard());
    signal(checker.id() as i32, "STOP");
    guard.signal("KILL");
    checker.kill().expect("it runs");
    checker.wait().expect("our own child");
    // The server has died with its guard, its daemon has not.
    assert_eq!(trial.wait_for(|process| process.is("daemonizes-2")).pid, daemon.pid);

    let next = Trial::new();
    next.examine("exits-at-once");
    trial.expect_nothing_left();
}

#[test]
fn checkers_at_once_leave_each_other_alone() {
    let trials: Vec<Trial> = (0..4).map(|_| Trial::new()).collect();
    let mut checkers: Vec<_> = trials.iter().map(|trial| trial.start(BUSY)).collect();
    let servers: Vec<_> = trials.iter().map(|trial| trial.wait_for(|process| process.is(BUSY))).collect();
    let ports: BTreeSet<_> = servers.iter().map(|server| server.env("PORT").expect("a port")).collect();
    assert_eq!(ports.len(), trials.len());

    // Another checker looks for what dead ones have left, and these live.
    Trial::new().examine("behaves").expect_advice("");
    for trial in &trials {
        assert!(trial.processes().iter().any(|process| process.is("daemonizes-2")));
    }
    for (checker, trial) in checkers.iter_mut().zip(&trials) {
        checker.kill().expect("it runs");
        checker.wait().expect("our own child");
        trial.expect_nothing_left();
    }
}
