//! The processes of this machine: their parents, and the resources they use.

use rustix::process::{Pid, Signal, kill_process};

/// One running process.
#[derive(Debug, Clone)]
pub struct Process {
    /// Its process id.
    pub pid: i32,
    /// The process that started it, or adopted it.
    pub parent: i32,
    /// Its process group.
    pub group: i32,
    /// Its session.
    pub session: i32,
    /// When it started, in a unit for comparison only: it distinguishes two processes with the same id.
    pub start: u64,
    /// Its memory in bytes, including all that it shares with others.
    pub memory: u64,
    /// Processor time it has used, in the system's ticks (usually 100 per second).
    pub ticks: u64,
    /// Its name, without control characters.
    pub name: String,
}

/// Every visible running process; zombies are left out.
pub fn all() -> Vec<Process> {
    os::all()
}

/// When process `pid` started, if it is running.
pub fn start_of(pid: i32) -> Option<u64> {
    os::one(pid).map(|process| process.start)
}

/// Everything that `root` started, and what those started, `root` itself left out.
pub fn descendants(root: i32) -> Vec<Process> {
    within(all(), root)
}

/// The same at little cost, for frequent looks: a process that starts or exits at this moment may be missing, together with
/// its descendants.
pub fn glimpse_of_descendants(root: i32) -> Vec<Process> {
    os::glimpse_of_descendants(root).unwrap_or_else(|| descendants(root))
}

/// The processes among `all` that descend from `root`.
pub fn within(mut all: Vec<Process>, root: i32) -> Vec<Process> {
    let mut found = Vec::new();
    let mut parents = vec![root];
    while let Some(parent) = parents.pop() {
        let (children, rest) = all.into_iter().partition(|p| p.parent == parent && p.pid != root);
        all = rest;
        let children: Vec<Process> = children;
        parents.extend(children.iter().map(|p| p.pid));
        found.extend(children);
    }
    found
}

/// The total memory of `processes`, in bytes; shared memory counts once. Slow to compute.
pub fn exact_memory(processes: &[Process]) -> u64 {
    processes.iter().map(|process| os::own_memory(process.pid).unwrap_or(process.memory)).sum()
}

/// Sends `signal` to one process. It is no error if the process has already terminated.
pub fn signal(pid: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid).filter(|pid| pid.as_raw_nonzero().get() > 1) {
        let _ = kill_process(pid, signal);
    }
}

#[cfg(target_os = "linux")]
mod os {
    use std::{fs, io};

    use super::Process;

    pub fn all() -> Vec<Process> {
        let Ok(entries) = fs::read_dir("/proc") else {
            return Vec::new();
        };
        entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter_map(one).collect()
    }

    pub fn one(pid: i32) -> Option<Process> {
        let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
        parse(pid, &String::from_utf8_lossy(&stat))
    }

    /// Reads the list of children of each process (proc_tid_children(5)). On a machine with hundreds of processes, reading all of
    /// them would take too long. `None` if the kernel was built without these lists.
    pub fn glimpse_of_descendants(root: i32) -> Option<Vec<Process>> {
        let mut found = Vec::new();
        let mut parents = children(root).ok()?;
        while let Some(pid) = parents.pop() {
            if let Some(process) = one(pid) {
                found.push(process);
                parents.extend(children(pid).unwrap_or_default());
            }
        }
        Some(found)
    }

    /// The children of every thread of a process.
    fn children(pid: i32) -> io::Result<Vec<i32>> {
        let mut children = Vec::new();
        for thread in fs::read_dir(format!("/proc/{pid}/task"))?.flatten() {
            let listed = fs::read_to_string(thread.path().join("children"))?;
            children.extend(listed.split_ascii_whitespace().filter_map(|pid| pid.parse::<i32>().ok()));
        }
        Ok(children)
    }

    /// The proportional set size of a process, in bytes (proc_pid_smaps(5)).
    pub fn own_memory(pid: i32) -> Option<u64> {
        let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
        let kilobytes = rollup.lines().find_map(|line| line.strip_prefix("Pss:")?.trim().strip_suffix(" kB"))?;
        Some(kilobytes.parse::<u64>().ok()? * 1024)
    }

    /// Parses a line of proc_pid_stat(5). The name may contain spaces and parentheses, so it ends at the last parenthesis.
    fn parse(pid: i32, stat: &str) -> Option<Process> {
        let (head, rest) = stat.rsplit_once(')')?;
        let (_, name) = head.split_once('(')?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let number = |n: usize| fields.get(n).and_then(|field| field.parse::<u64>().ok());
        if matches!(*fields.first()?, "Z" | "X") {
            return None;
        }
        Some(Process {
            pid,
            parent: number(1)? as i32,
            group: number(2)? as i32,
            session: number(3)? as i32,
            start: number(19)?,
            memory: number(21)? * rustix::param::page_size() as u64,
            ticks: number(11)? + number(12)?,
            name: name.chars().map(|c| if c.is_control() { '?' } else { c }).collect(),
        })
    }

    #[cfg(test)]
    mod tests {
        use std::process::{Command, Stdio};

        use super::super::descendants;
        use super::{glimpse_of_descendants, parse};

        #[test]
        fn a_glimpse_shows_children_and_grandchildren() {
            let mut shell = Command::new("sh")
                .args(["-c", "sleep 60 & read -r line; kill $!"])
                .stdin(Stdio::piped())
                .spawn()
                .expect("there is a shell");
            let own = rustix::process::getpid().as_raw_nonzero().get();
            let pid = shell.id().cast_signed();
            let sleep = loop {
                if let Some(sleep) = descendants(pid).into_iter().find(|process| process.name == "sleep") {
                    break sleep.pid;
                }
            };
            // A thread of this process has started the shell. Kernels without lists of children return `None`.
            if let Some(seen) = glimpse_of_descendants(own) {
                let seen: Vec<i32> = seen.iter().map(|process| process.pid).collect();
                assert!(seen.contains(&pid) && seen.contains(&sleep), "{pid} and {sleep} in {seen:?}");
            }
            drop(shell.stdin.take());
            shell.wait().expect("it was our child");
        }

        #[test]
        fn a_name_may_contain_anything() {
            let line = "42 (a) R (b\u{1b}) S 7 42 9 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 1000 3 184";
            let process = parse(42, line).expect("a line as the kernel writes it");
            assert_eq!(process.name, "a) R (b?");
            assert_eq!((process.parent, process.group, process.session), (7, 42, 9));
            assert_eq!(process.ticks, 5 + 6);
            assert_eq!((process.start, process.memory), (4711, 3 * rustix::param::page_size() as u64));
        }

        #[test]
        fn a_zombie_is_not_a_running_process() {
            assert!(parse(42, "42 (sh) Z 7 42 9 0 -1 0 1 2 3 4 5 6 7 8 20 0 1 0 4711 0 0").is_none());
        }
    }
}

/// Systems without `/proc`: asks `ps`, which shows no session ids there, so the group stands in for the session.
#[cfg(not(target_os = "linux"))]
mod os {
    use std::hash::{DefaultHasher, Hash, Hasher};
    use std::process::{Command, Stdio};

    use super::Process;

    pub fn all() -> Vec<Process> {
        let mut ps = Command::new("ps");
        ps.args(["-axo", "pid=,ppid=,pgid=,rss=,stat=,lstart=,comm="]).env("LC_ALL", "C");
        let Ok(ps) = ps.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn() else {
            return Vec::new();
        };
        let itself = ps.id().cast_signed();
        let listing = ps.wait_with_output().map(|output| output.stdout).unwrap_or_default();
        String::from_utf8_lossy(&listing).lines().filter_map(parse).filter(|process| process.pid != itself).collect()
    }

    pub fn one(pid: i32) -> Option<Process> {
        all().into_iter().find(|process| process.pid == pid)
    }

    pub fn glimpse_of_descendants(_root: i32) -> Option<Vec<Process>> {
        None
    }

    pub fn own_memory(_pid: i32) -> Option<u64> {
        None
    }

    fn parse(line: &str) -> Option<Process> {
        let mut words = line.split_ascii_whitespace();
        let pid = words.next()?.parse().ok()?;
        let parent = words.next()?.parse().ok()?;
        let group = words.next()?.parse().ok()?;
        let kilobytes: u64 = words.next()?.parse().ok()?;
        if words.next()?.starts_with('Z') {
            return None;
        }
        let mut start = DefaultHasher::new();
        for _ in 0..5 {
            words.next()?.hash(&mut start);
        }
        let path = words.collect::<Vec<_>>().join(" ");
        let name = path.rsplit('/').next().unwrap_or_default();
        Some(Process {
            pid,
            parent,
            group,
            session: group,
            start: start.finish(),
            memory: kilobytes * 1024,
            ticks: 0, // Unused where listeners cannot be listed.
            name: name.chars().filter(|c| !c.is_control()).collect(),
        })
    }
}
