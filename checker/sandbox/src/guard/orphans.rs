//! Orphans: processes left running after a guard was killed, or a checker together with its guard.

use std::sync::Once;
use std::time::{Duration, Instant};

use rustix::process::{Pid, WaitOptions, waitpid};

use super::{kill_all, living};
use crate::process_tree;

/// The environment variable that marks a server, and all it starts, as belonging to a checker.
pub const MARK: &str = "WORKSHOP_CHECKER";

/// How long killing may go on while new processes appear.
const KILLING: Duration = Duration::from_secs(5);

/// Identifies this checker. A process id alone may be reused.
pub fn mark() -> String {
    let own = own_pid();
    format!("{}:{own}:{}", os::namespace(), process_tree::start_of(own).unwrap_or_default())
}

/// Makes the checker the subreaper that adopts what a killed guard leaves, and kills what dead checkers have left. Runs once.
pub fn prepare() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        #[cfg(target_os = "linux")]
        let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
        os::end_those_of_dead_checkers();
    });
}

/// Kills what a killed guard left behind; `group` is the process group of its program.
///
/// Those processes are children of the checker now. What the checker started itself is spared: its guards are listed, and
/// anything else (`git`) is in the checker's own session, whereas a guard's processes are in another one.
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

    /// The PID namespace: a process id means one process inside a container and another outside.
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

    /// The checker and its ancestors. They are never killed, even if they carry a dead checker's mark.
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

    /// Kills process `pid` if it carries the mark of a checker that is no longer running.
    fn end_if_left(pid: i32) -> bool {
        // The pidfd is opened before the look at the process, so that both mean the same process even if the id is reused.
        let Some(handle) = Pid::from_raw(pid).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok()) else {
            return false;
        };
        let Ok(environment) = fs::read(format!("/proc/{pid}/environ")) else {
            return false; // It belongs to another user.
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
        fn only_the_mark_of_a_dead_checker_makes_an_orphan() {
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

/// Without `/proc`, the environment of a process cannot be read, and there is no subreaper either. So only the guard cleans
/// up after its program.
#[cfg(not(target_os = "linux"))]
mod os {
    pub fn namespace() -> String {
        String::new()
    }

    pub fn end_those_of_dead_checkers() {}
}
