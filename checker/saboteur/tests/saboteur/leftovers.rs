//! However the saboteur ends, nothing it started is left running.

use std::path::Path;

use crate::support::{Running, sabotaged, wait_until};
use rustix::process::{Pid, Signal, kill_process};

fn lives(process: u32) -> bool {
    // A zombie is dead, though its entry is still there.
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

fn send(running: &Running, signal: Signal) {
    let process = Pid::from_raw(running.child.id().cast_signed()).expect("a process has a number");
    kill_process(process, signal).expect("the saboteur can be signaled");
}

#[test]
fn a_signal_to_stop_ends_both_with_exit_code_0() {
    for signal in [Signal::TERM, Signal::INT] {
        for name in ["none", "nothing-is-logged"] {
            let mut running = sabotaged(name);
            let mirror = match name {
                "none" => running.mirror_process(),
                _ => child_of(running.child.id()),
            };
            assert!(lives(mirror));
            send(&running, signal);
            let ended = running.child.wait().expect("the saboteur is ours to wait for");
            assert_eq!(ended.code(), Some(0), "{name}");
            assert!(!lives(mirror), "{name}");
        }
    }
}

#[test]
fn a_killed_saboteur_takes_its_server_along() {
    let mut running = sabotaged("create-answers-200");
    let mirror = running.mirror_process();
    assert!(lives(mirror));
    send(&running, Signal::KILL);
    wait_until("the mirror is gone", || !lives(mirror));
}

#[test]
fn a_server_that_ends_by_itself_ends_the_saboteur() {
    let mut running = sabotaged("none");
    let mirror = running.mirror_process().cast_signed();
    kill_process(Pid::from_raw(mirror).expect("a process has a number"), Signal::KILL).expect("the mirror can be signaled");
    let ended = running.child.wait().expect("the saboteur is ours to wait for");
    assert_eq!(ended.code(), Some(1));
}

fn child_of(parent: u32) -> u32 {
    let children = Path::new("/proc").join(parent.to_string()).join("task").join(parent.to_string()).join("children");
    let children = std::fs::read_to_string(children).expect("the kernel tells children");
    children.trim().parse().expect("the saboteur has one child")
}
