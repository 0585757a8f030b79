//! However the saboteur exits, no process that it started keeps running.

use std::path::Path;

use crate::support::{Running, sabotaged, wait_until};
use rustix::process::{Pid, Signal, kill_process};

fn is_running(process: u32) -> bool {
    // A zombie still has an entry, but it does not run.
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

fn send(running: &Running, signal: Signal) {
    let process = Pid::from_raw(running.child.id().cast_signed()).expect("a process id is not zero");
    kill_process(process, signal).expect("the saboteur can be signaled");
}

#[test]
fn a_stop_signal_makes_both_exit_with_code_0() {
    for signal in [Signal::TERM, Signal::INT] {
        for name in ["none", "nothing-is-logged"] {
            let mut running = sabotaged(name);
            let mirror = match name {
                "none" => running.mirror_process(),
                _ => child_of(running.child.id()),
            };
            assert!(is_running(mirror));
            send(&running, signal);
            let status = running.child.wait().expect("the saboteur is a child of this process");
            assert_eq!(status.code(), Some(0), "{name}");
            assert!(!is_running(mirror), "{name}");
        }
    }
}

#[test]
fn a_killed_saboteur_leaves_no_server_running() {
    let mut running = sabotaged("create-answers-200");
    let mirror = running.mirror_process();
    assert!(is_running(mirror));
    send(&running, Signal::KILL);
    wait_until("the mirror has exited", || !is_running(mirror));
}

#[test]
fn the_saboteur_exits_when_its_server_does() {
    let mut running = sabotaged("none");
    let mirror = running.mirror_process().cast_signed();
    kill_process(Pid::from_raw(mirror).expect("a process id is not zero"), Signal::KILL).expect("the mirror can be signaled");
    let status = running.child.wait().expect("the saboteur is a child of this process");
    assert_eq!(status.code(), Some(1));
}

fn child_of(parent: u32) -> u32 {
    let children = Path::new("/proc").join(parent.to_string()).join("task").join(parent.to_string()).join("children");
    let children = std::fs::read_to_string(children).expect("the kernel lists children");
    children.trim().parse().expect("the saboteur has one child")
}
