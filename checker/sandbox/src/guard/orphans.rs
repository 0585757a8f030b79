//! What is left running when a guard was killed, or a checker together with its guard.

use std::sync::Once;
use std::time::{Duration, Instant};

use rustix::process::{Pid, WaitOptions, waitpid};

use super::{kill_all, living};
use crate::process_tree;

/// The environment variable by which a server, and all it starts, is known to belong to a checker.
pub const MARK: &str = "WORKSHOP_CHECKER";

/// How long killing may go on while new processes appear.
const KILLING: Duration = Duration::from_secs(5);

/// Names this checker: a process number alone may be given again.
pub fn mark() -> String {
    let own = own_pid();
    format!("{}:{own}:{}", os::namespace(), process_tree::start_of(own).unwrap_or_default())
}

/// Makes the checker the one that adopts what a killed guard leaves, and ends what dead checkers have left. Once.
pub fn prepare() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        #[cfg(target_os = "linux")]
        let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
        os::end_those_of_dead_checkers();
    });
}

/// Ends what a killed guard left behind; `group` is the process group of its program.
///
/// They are our children now. What the checker started itself (a guard, `git`) is told apart: guards are listed, and
/// all else stays in the checker's own session, which what ran under a guard is not in.
pub fn end_adopted(group: Option<i32>) {
    if cfg!(not(target_os = "linux")) {
        if let Some(group) = group.and_then(Pid::from_raw) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        return;
    }
    let deadline = Instant::now() + KILLING;
    loop {
        let guards = living();
        let everyone = process_tree::all();
        let own = own_pid();
        let Some(session) = everyone.iter().find(|p| p.pid == own).map(|p| p.session) else {
            return;
        };
        let adopted: Vec<_> =
            everyone.iter().filter(|p| p.parent == own && p.session != session && !guards.contains(&p.pid)).cloned().collect();
        if adopted.is_empty() || Instant::now() > deadline {
            return;
        }
        let mut all = adopted.clone();
        for process in &adopted {
            all.extend(process_tree::within(everyone.clone(), process.pid));
        }
        kill_all(&all);
        drop(guards);
        std::thread::sleep(Duration::from_millis(2));
        for process in &all {
            let _ = Pid::from_raw(process.pid).map(|pid| waitpid(Some(pid), WaitOptions::NOHANG));
        }
    }
}

fn own_pid() -> i32 {
    std::process::id().cast_signed()
}

#[cfg(target_os = "linux")]
mod os {
    use std::fs;
    use std::time::Duration;

    use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

    use super::{MARK, own_pid};
    use crate::process_tree::{self, Process};

    /// Inside a container, process numbers mean something else than outside.
    pub fn namespace() -> String {
        let link = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
        link.to_string_lossy().chars().filter(char::is_ascii_digit).collect()
    }

    pub fn end_those_of_dead_checkers() {
        const ROUNDS: usize = 50;
        for _ in 0..ROUNDS {
            let everyone = process_tree::all();
            let ours = ancestors(&everyone);
            let ended = everyone.iter().filter(|p| !ours.contains(&p.pid)).filter(|p| end_if_left(p.pid)).count();
            if ended == 0 {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The checker and what it was started from: never to be ended, even if they carry a dead checker's mark.
    fn ancestors(everyone: &[Process]) -> Vec<i32> {
        let mut found = vec![own_pid()];
        while let Some(process) = everyone.iter().find(|p| Some(&p.pid) == found.last()) {
            if found.contains(&process.parent) {
                break;
            }
            found.push(process.parent);
        }
        found
    }

    /// Kills process `pid` if it carries the mark of a checker that no longer servers.
    fn end_if_left(pid: i32) -> bool {
        // The handle is opened before looking: it never comes to mean another process.
        let Some(handle) = Pid::from_raw(pid).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok()) else {
            return false;
        };
        let Ok(environment) = fs::read(format!("/proc/{pid}/environ")) else {
            return false; // Another user's.
        };
        let left = environment.split(|&byte| byte == 0).filter_map(|entry| str::from_utf8(entry).ok()).any(is_left);
        left && pidfd_send_signal(&handle, Signal::KILL).is_ok()
    }

    fn is_left(entry: &str) -> bool {
        let Some((MARK, value)) = entry.split_once('=') else {
            return false;
        };
        let parts: Vec<&str> = value.split(':').collect();
        let [space, pid, start] = *parts else {
            return false;
        };
        match (pid.parse(), start.parse()) {
            (Ok(pid), Ok(start)) => space == namespace() && process_tree::start_of(pid) != Some(start),
            _ => false,
        }
    }

    #[cfg(test)]
    mod tests {
        use super::super::mark;
        use super::*;

        #[test]
        fn only_the_mark_of_a_dead_checker_condemns() {
            let (space, own) = (namespace(), own_pid());
            let start = process_tree::start_of(own).expect("we live");
            assert!(!is_left(&format!("{MARK}={}", mark())));
            assert!(!is_left(&format!("{MARK}={space}:{own}:{start}")));
            assert!(is_left(&format!("{MARK}={space}:{own}:{}", start + 1)));
            assert!(is_left(&format!("{MARK}={space}:2147483647:{start}")));
            assert!(!is_left(&format!("{MARK}=1{space}:{own}:{}", start + 1)));
            assert!(!is_left(&format!("X{MARK}={space}:{own}:{}", start + 1)));
            assert!(!is_left(&format!("{MARK}=nonsense")));
        }
    }
}

/// Without `/proc` the environment of a process cannot be read; a subreaper does not exist either, so the guard alone
/// answers for what it started.
#[cfg(not(target_os = "linux"))]
mod os {
    pub fn namespace() -> String {
        String::new()
    }

    pub fn end_those_of_dead_checkers() {}
}
