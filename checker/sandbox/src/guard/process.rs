//! The guard's own side. It uses no async runtime: the less it does, the less can go wrong.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Resource, Rlimit, Signal, WaitOptions, getrlimit, kill_process_group, setrlimit, wait};

use super::super::process_tree::{self, Process};
use super::{Care, Event, MEMORY_LIMIT, PROCESS_LIMIT, SAMPLE_EVERY, SPARE_THREADS};
use model::Termination;

/// How long a program may take to exit after the checker died: the learner waits for the prompt.
const AFTER_CHECKER: Duration = Duration::from_millis(500);
/// The same for a service. A healthy one exits at once, so this allows for a very busy machine.
const SERVICE_AFTER_CHECKER: Duration = Duration::from_secs(3);
/// The same for a job.
const JOB_AFTER_CHECKER: Duration = Duration::from_secs(20);
/// How long processes that did not get the SIGTERM (outside the program's group) may outlive the program.
const STRAGGLERS: Duration = Duration::from_millis(200);
/// How long killing may go on while new processes appear.
const KILLING: Duration = Duration::from_secs(5);
/// How long a program may count as open for writing: a process that another thread of the checker is just starting inherits what
/// the checker writes, until it becomes its own program.
const BUSY: Duration = Duration::from_secs(2);
/// How often to poll where there is no event to wait for.
const LOOK: Duration = Duration::from_millis(5);

/// Runs a program under guard: `checker guard CARE PROGRAM ARGS…`. Stdin is the socket to the checker.
pub fn guard_main(args: impl Iterator<Item = OsString>) -> ExitCode {
    let mut args = args.peekable();
    if args.next_if(|word| word == "exec").is_some() {
        return become_program(args);
    }
    match (Care::from_args(&mut args), args.next()) {
        (Some(care), Some(program)) => guard(care, program, args),
        _ => {
            eprintln!("`checker guard` is for the checker's own use.");
            ExitCode::from(64)
        }
    }
}

/// The last step before the program: sets up its own process, so that no code has to run between fork and exec.
fn become_program(mut args: impl Iterator<Item = OsString>) -> ExitCode {
    let guard = args.next().unwrap_or_default();
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
    let parent = rustix::process::getppid().map_or(0, |pid| pid.as_raw_nonzero().get());
    if guard.to_str().and_then(|pid| pid.parse().ok()) != Some(parent) {
        return ExitCode::FAILURE; // The guard died before the death signal was set.
    }
    lower_limit(Resource::Core, 0);
    let care = Care::from_args(&mut args);
    if care == Some(Care::Server)
        && let Some(threads) = threads_of_this_machine()
    {
        lower_limit(Resource::Nproc, threads + SPARE_THREADS);
    }
    let program = args.next().unwrap_or_default();
    let mut command = Command::new(&program);
    if let Some(account) = care.and_then(|care| care.account()) {
        command.uid(account.uid).gid(account.gid);
    }
    command.args(args);
    let until = Instant::now() + BUSY;
    let error = loop {
        let error = command.exec();
        if error.kind() != std::io::ErrorKind::ExecutableFileBusy || Instant::now() >= until {
            break error;
        }
        std::thread::sleep(LOOK);
    };
    eprintln!("cannot run {}: {error}", program.display());
    // The exit codes of a shell: 126 for a file that cannot be executed, 127 for one that does not exist.
    ExitCode::from(if error.kind() == std::io::ErrorKind::NotFound { 127 } else { 126 })
}

fn lower_limit(resource: Resource, to: u64) {
    let now = getrlimit(resource);
    let lower = |limit: Option<u64>| Some(limit.map_or(to, |limit| limit.min(to)));
    let _ = setrlimit(resource, Rlimit { current: lower(now.current), maximum: lower(now.maximum) });
}

/// The last number of the fourth field of `/proc/loadavg`, such as `1/437`.
fn threads_of_this_machine() -> Option<u64> {
    let load = std::fs::read_to_string("/proc/loadavg").ok()?;
    load.split(' ').nth(3)?.split_once('/')?.1.parse().ok()
}

fn guard(care: Care, program: OsString, args: impl Iterator<Item = OsString>) -> ExitCode {
    // In a session of its own, the guard does not receive Ctrl-C from the terminal. Only the checker does, and then decides.
    let _ = rustix::process::setsid();
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
    // The name that `ps` and `top` show; otherwise it would be `exe`, from `/proc/self/exe`.
    #[cfg(target_os = "linux")]
    let _ = std::fs::write("/proc/self/comm", "checker guard");
    let Ok(socket) = std::io::stdin().as_fd().try_clone_to_owned() else {
        return ExitCode::FAILURE;
    };
    let own = rustix::process::getpid().as_raw_nonzero().get();
    let child = Command::new(super::handle::executable())
        .arg0("checker")
        .args(["guard", "exec", &own.to_string()])
        .args(care.to_args())
        .arg(program)
        .args(args)
        .stdin(Stdio::null())
        .process_group(0)
        .spawn();
    let mut guard = match child {
        Ok(child) => Guard::new(care, socket, own, child.id()),
        Err(error) => {
            eprintln!("cannot start a process: {error}");
            return ExitCode::FAILURE;
        }
    };
    guard.report(Event::Started(guard.child));
    guard.run();
    if let Care::Service { scratch, .. } = &guard.care {
        remove(scratch);
    }
    guard.report(Event::Done);
    ExitCode::SUCCESS
}

/// Removes a folder. A process that is just dying may still write there, so one try may not be enough.
fn remove(folder: &Path) {
    let until = Instant::now() + KILLING;
    while std::fs::remove_dir_all(folder).is_err() && folder.exists() && Instant::now() < until {
        std::thread::sleep(LOOK);
    }
}

struct Guard {
    care: Care,
    socket: File,
    /// Bytes from the socket that do not form a complete line yet.
    unread: Vec<u8>,
    /// The guard's own process id.
    own: i32,
    /// The program's first process, which leads its group.
    child: i32,
    /// A pidfd, which becomes readable when the first process terminates; `None` where the system has none.
    child_end: Option<OwnedFd>,
    exited: bool,
    /// Whether no child is left to wait for.
    childless: bool,
    next_sample: Instant,
    stopping: Option<Stopping>,
}

/// The guard is stopping the program, because the checker asked for it or has terminated.
struct Stopping {
    /// When the guard kills what is left.
    deadline: Instant,
    /// Since when the program has terminated and only processes outside its group are left.
    stragglers_since: Option<Instant>,
    /// Whether the program had terminated before it was asked to.
    too_late: bool,
}

impl Guard {
    fn new(care: Care, socket: OwnedFd, own: i32, child: u32) -> Guard {
        let child = child.cast_signed();
        Guard {
            care,
            socket: File::from(socket),
            unread: Vec::new(),
            own,
            child,
            child_end: end_of(child),
            exited: false,
            childless: false,
            next_sample: Instant::now() + SAMPLE_EVERY,
            stopping: None,
        }
    }

    /// Reports to the checker. If the checker is gone, nobody needs the report.
    fn report(&mut self, event: Event) {
        let _ = self.socket.write_all(format!("{event}\n").as_bytes());
    }

    fn run(&mut self) {
        loop {
            let ready = self.wait();
            self.reap();
            if self.exited && self.care == Care::Tool && self.stopping.is_none() {
                return;
            }
            if ready && !self.obey() {
                return self.end_everything();
            }
            if self.stopping.is_some() && self.is_over() {
                return self.end_everything();
            }
            if self.care == Care::Server && Instant::now() >= self.next_sample && !self.is_within_limits() {
                return self.end_everything();
            }
        }
    }

    /// Waits until something may have happened; true if the checker wrote or closed its side.
    fn wait(&self) -> bool {
        let now = Instant::now();
        let mut until = match self.care {
            Care::Server => self.next_sample,
            Care::Tool | Care::Service { .. } | Care::Job { .. } => now + Duration::from_secs(60),
        };
        if let Some(stopping) = &self.stopping {
            until = until.min(stopping.deadline);
            if self.exited {
                until = until.min(now + LOOK);
            }
        }
        let child_end = self.child_end.as_ref().filter(|_| !self.exited);
        if child_end.is_none() && !self.exited {
            until = until.min(now + LOOK);
        }
        let mut fds = vec![PollFd::new(&self.socket, PollFlags::IN)];
        fds.extend(child_end.map(|fd| PollFd::new(fd, PollFlags::IN)));
        let timeout = Timespec::try_from(until.saturating_duration_since(now)).ok();
        let _ = poll(&mut fds, timeout.as_ref());
        !fds[0].revents().is_empty()
    }

    /// Reaps terminated processes, adopted ones included.
    fn reap(&mut self) {
        loop {
            let (pid, status) = match wait(WaitOptions::NOHANG) {
                Ok(Some(ended)) => ended,
                Ok(None) => return,
                Err(error) => {
                    self.childless = error == Errno::CHILD;
                    return;
                }
            };
            if pid.as_raw_nonzero().get() == self.child {
                self.exited = true;
                let ending = match status.terminating_signal() {
                    Some(signal) => Termination::Signal(signal),
                    None => Termination::Code(status.exit_status().unwrap_or_default()),
                };
                self.report(Event::Exited(ending));
            }
        }
    }

    /// Handles the checker's requests. Returns false if everything must be killed now.
    fn obey(&mut self) -> bool {
        let mut buffer = [0; 256];
        match self.socket.read(&mut buffer) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => return true,
            Ok(0) | Err(_) => {
                self.await_own_end();
                // The checker is gone; its socket stays readable, so wait here until the program exits.
                self.begin_stop(match self.care {
                    Care::Server | Care::Tool => AFTER_CHECKER,
                    Care::Service { .. } => SERVICE_AFTER_CHECKER,
                    Care::Job { .. } => JOB_AFTER_CHECKER,
                });
                while !self.is_over() {
                    std::thread::sleep(LOOK);
                    self.reap();
                }
                return false;
            }
            Ok(size) => self.unread.extend_from_slice(&buffer[..size]),
        }
        while let Some(end) = self.unread.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.unread.drain(..=end).collect();
            match String::from_utf8_lossy(&line).trim_end().split_once(' ') {
                Some(("stop", patience)) => {
                    self.begin_stop(Duration::from_millis(patience.parse().unwrap_or_default()));
                }
                _ => {
                    // `kill`
                    self.report(Event::Asked);
                    return false;
                }
            }
        }
        true
    }

    /// Gives the program a moment, in case it is exiting already: a check drops a server at once when its connection closes,
    /// and the system closes the connections of a process just before it reports its exit.
    fn await_own_end(&mut self) {
        if !self.exited {
            std::thread::sleep(LOOK);
            self.reap();
        }
    }

    fn begin_stop(&mut self, patience: Duration) {
        self.report(Event::Asked);
        match self.care {
            Care::Server | Care::Tool => self.signal_group(Signal::TERM),
            Care::Service { .. } => {
                // SIGQUIT makes PostgreSQL exit at once. What it would save on SIGTERM is removed anyway.
                self.signal_group(Signal::QUIT);
                self.signal_group(Signal::TERM);
            }
            Care::Job { .. } => {}
        }
        self.stopping.get_or_insert(Stopping {
            deadline: Instant::now() + patience,
            stragglers_since: None,
            too_late: self.exited,
        });
    }

    /// Whether the wait for the program's exit has ended: because everything has exited, or because time ran out.
    fn is_over(&mut self) -> bool {
        let now = Instant::now();
        let late = self.stopping.as_ref().is_some_and(|stopping| now >= stopping.deadline);
        if !self.exited {
            if late {
                self.report(Event::Forced);
            }
            return late;
        }
        let left = self.tree();
        let Some(stopping) = self.stopping.as_mut().filter(|_| !left.is_empty()) else {
            return true;
        };
        // Those in the program's group got the SIGTERM and have the same patience as the program.
        if left.iter().all(|process| process.group != self.child) {
            stopping.stragglers_since.get_or_insert(now);
        }
        let straggled = stopping.stragglers_since.is_some_and(|since| now >= since + STRAGGLERS);
        let over = late || straggled || stopping.too_late;
        if over {
            self.report_leftovers(&left);
        }
        over
    }

    /// Every running process that the program has started. Where the guard cannot adopt orphans, those in the program's group
    /// are found by it: the id of a group is not reused while the group has members.
    fn tree(&self) -> Vec<Process> {
        if cfg!(target_os = "linux") {
            // A process that loses its parent becomes the guard's child. So if the guard has no child, no process is left.
            return if self.childless { Vec::new() } else { process_tree::descendants(self.own) };
        }
        let everyone = process_tree::all();
        let group: Vec<Process> = everyone.iter().filter(|process| process.group == self.child).cloned().collect();
        let mut tree = process_tree::within(everyone, self.own);
        tree.extend(group.into_iter().filter(|member| tree.iter().all(|known| known.pid != member.pid)).collect::<Vec<_>>());
        tree
    }

    fn report_leftovers(&mut self, left: &[Process]) {
        const ENOUGH: usize = 20;
        for process in left.iter().take(ENOUGH) {
            self.report(Event::Leftover(process.pid, process.name.clone()));
        }
    }

    fn is_within_limits(&mut self) -> bool {
        self.next_sample = Instant::now() + SAMPLE_EVERY;
        let tree = if cfg!(target_os = "linux") { process_tree::glimpse_of_descendants(self.own) } else { self.tree() };
        let limit = if tree.len() > PROCESS_LIMIT {
            Termination::TooManyProcesses(tree.len())
        } else {
            // The cheap sum counts shared memory once per process; the exact one is computed only if that exceeds the limit.
            let exactly = |memory: u64| if memory > MEMORY_LIMIT { process_tree::exact_memory(&tree) } else { memory };
            match exactly(tree.iter().map(|process| process.memory).sum()) {
                ..=MEMORY_LIMIT => return true,
                memory => Termination::TooMuchMemory(memory),
            }
        };
        self.report(Event::Limit(limit));
        false
    }

    /// Kills what is left, repeatedly, until nothing is left.
    fn end_everything(&mut self) {
        let deadline = Instant::now() + KILLING;
        self.signal_group(Signal::KILL);
        loop {
            self.reap();
            let (left, over) = if cfg!(target_os = "linux") {
                // A glimpse may miss a process; the next one sees it.
                (process_tree::glimpse_of_descendants(self.own), self.childless)
            } else {
                let left = self.tree();
                let over = left.is_empty() && self.exited;
                (left, over)
            };
            if over || Instant::now() >= deadline {
                return;
            }
            kill_all(&left);
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Signals the program's group unless its first process has been reaped: after that, the id of the group may have been
    /// reused.
    fn signal_group(&self, signal: Signal) {
        if let Some(group) = Pid::from_raw(self.child).filter(|_| !self.exited) {
            let _ = kill_process_group(group, signal);
        }
    }
}

/// Kills `processes`. It stops all of them first, so that none can start another one meanwhile.
pub fn kill_all(processes: &[Process]) {
    for process in processes {
        process_tree::signal(process.pid, Signal::STOP);
    }
    for process in processes {
        process_tree::signal(process.pid, Signal::KILL);
    }
}

#[cfg(target_os = "linux")]
fn end_of(pid: i32) -> Option<OwnedFd> {
    rustix::process::pidfd_open(Pid::from_raw(pid)?, rustix::process::PidfdFlags::empty()).ok()
}

#[cfg(not(target_os = "linux"))]
fn end_of(_pid: i32) -> Option<OwnedFd> {
    None
}
