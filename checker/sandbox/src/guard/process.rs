//! The guard's own side. It runs before any runtime and uses none: the less it does, the less can go wrong in it.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Resource, Rlimit, Signal, WaitOptions, getrlimit, kill_process_group, setrlimit, wait};

use super::super::process_tree::{self, Process};
use super::{Care, Event, MEMORY_LIMIT, PROCESS_LIMIT, SAMPLE_EVERY, SPARE_THREADS};
use model::Termination;

/// How long a program may take to end after the checker died: the learner waits for the prompt.
const AFTER_CHECKER: Duration = Duration::from_millis(500);
/// How long a service may take. A healthy one ends at once, so this is for a machine that is very busy.
const SERVICE_AFTER_CHECKER: Duration = Duration::from_secs(3);
/// How long a job may take.
const JOB_AFTER_CHECKER: Duration = Duration::from_secs(20);
/// How long processes that did not get the SIGTERM (outside the program's group) may outlive the program.
const STRAGGLERS: Duration = Duration::from_millis(200);
/// How long killing may go on while new processes appear.
const KILLING: Duration = Duration::from_secs(5);
/// How often to look again where no event tells.
const LOOK: Duration = Duration::from_millis(5);

/// Runs a program under guard: `checker guard CARE PROGRAM ARGS…`, stdin being the socket to the checker.
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

/// The last step before the program: what must be set up in its own process, without running code between fork and exec.
fn become_program(mut args: impl Iterator<Item = OsString>) -> ExitCode {
    let guard = args.next().unwrap_or_default();
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
    let parent = rustix::process::getppid().map_or(0, |pid| pid.as_raw_nonzero().get());
    if guard.to_str().and_then(|pid| pid.parse().ok()) != Some(parent) {
        return ExitCode::FAILURE; // The guard died before it could take us along.
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
    let error = command.args(args).exec();
    eprintln!("cannot run {}: {error}", program.display());
    // As a shell says it: 126 for what cannot be executed, 127 for what is not there.
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
    // A session of its own: Ctrl-C in the terminal is for the checker alone, which then decides.
    let _ = rustix::process::setsid();
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
    // The name that `ps` and `top` show; it would be that of the link by which we were started.
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
        let _ = std::fs::remove_dir_all(scratch);
    }
    guard.report(Event::Done);
    ExitCode::SUCCESS
}

struct Guard {
    care: Care,
    socket: File,
    /// What was read from the socket and is not a whole line yet.
    unread: Vec<u8>,
    /// Our own process.
    own: i32,
    /// The program's first process, which leads its group.
    child: i32,
    /// Readable when the first process has ended, where the system offers that.
    child_end: Option<OwnedFd>,
    exited: bool,
    /// Whether no child is left to wait for.
    childless: bool,
    next_sample: Instant,
    stopping: Option<Stopping>,
}

/// The checker wants an end, or is gone itself.
struct Stopping {
    /// When patience ends.
    deadline: Instant,
    /// When the program had ended and only processes outside its group were left.
    stragglers_since: Option<Instant>,
    /// Whether the program had ended before it was asked to.
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

    /// Reports to the checker. When it is gone there is nobody to tell.
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

    /// Takes note of processes that have ended, adopted ones included.
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

    /// Does what the checker asks. False if everything must end now.
    fn obey(&mut self) -> bool {
        let mut buffer = [0; 256];
        match self.socket.read(&mut buffer) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => return true,
            Ok(0) | Err(_) => {
                self.await_own_end();
                // The checker is gone; its socket stays readable, so wait here for the program's own end.
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

    /// Gives a program a moment that may be ending by itself: a check that has seen its connection close drops it at once,
    /// and the system closes the connections of a process just before it tells of its end.
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
                // PostgreSQL then ends at once: what it would write down at a SIGTERM is removed all the same.
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

    /// Whether waiting for the program to end by itself is over, because it did or because patience ended.
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

    /// Everything that the program has started and that lives. Where nobody adopts orphans, those that have stayed in the
    /// program's group are known by it: the number of a group is not given again while it has members.
    fn tree(&self) -> Vec<Process> {
        if cfg!(target_os = "linux") {
            // Whoever loses a parent becomes our child: where we have none, nobody is left.
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
            // What processes share is counted for each of them at first, and exactly only where it may matter.
            let exactly = |memory: u64| if memory > MEMORY_LIMIT { process_tree::exact_memory(&tree) } else { memory };
            match exactly(tree.iter().map(|process| process.memory).sum()) {
                ..=MEMORY_LIMIT => return true,
                memory => Termination::TooMuchMemory(memory),
            }
        };
        self.report(Event::Limit(limit));
        false
    }

    /// Kills whatever is left, again and again until nothing is.
    fn end_everything(&mut self) {
        let deadline = Instant::now() + KILLING;
        self.signal_group(Signal::KILL);
        loop {
            self.reap();
            let (left, over) = if cfg!(target_os = "linux") {
                // Whom a glimpse leaves out is seen by the next one.
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

    /// Signals the program's group while its first process has not been waited for: after that, the number of the
    /// group may already be another's.
    fn signal_group(&self, signal: Signal) {
        if let Some(group) = Pid::from_raw(self.child).filter(|_| !self.exited) {
            let _ = kill_process_group(group, signal);
        }
    }
}

/// Kills `processes`. They are all halted first, so that none can start another while the others die.
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
