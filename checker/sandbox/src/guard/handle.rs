//! The checker's side of a guard.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::Signal;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::sync::watch;

use super::orphans;
use super::{Care, Event};
use crate::process_tree;
use model::Termination;

/// How long a guard may take to kill the program after the program's grace period, before the guard is killed itself.
const GUARD_PATIENCE: Duration = Duration::from_secs(8);

/// The running guards of this process. Locked while one starts, so that none is taken for an orphan.
static LIVING: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// The running guards of this process; none starts while the lock is held.
pub fn living() -> MutexGuard<'static, BTreeSet<i32>> {
    LIVING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The checker's executable, even if the file was replaced or removed since the start.
pub(super) fn executable() -> PathBuf {
    if cfg!(target_os = "linux") {
        PathBuf::from("/proc/self/exe")
    } else {
        std::env::current_exe().unwrap_or_else(|_| PathBuf::from("checker"))
    }
}

/// What to run under a guard.
pub struct Program {
    /// How the guard treats it.
    pub care: Care,
    /// The executable.
    pub path: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Its working directory.
    pub folder: PathBuf,
    /// Its whole environment.
    pub env: Vec<(OsString, OsString)>,
}

/// The state of a program under guard.
#[derive(Debug, Clone, Default)]
pub struct Status {
    /// The process id of the guard.
    pub guard: i32,
    /// The program's first process, which leads a group of its own.
    pub pid: Option<i32>,
    /// How the first process terminated.
    pub exited: Option<Termination>,
    /// The limit that it exceeded.
    pub limit: Option<Termination>,
    /// Whether the checker asked it to stop while it was still running.
    pub asked: bool,
    /// Whether it had to be killed after `stop`.
    pub forced: bool,
    /// Processes that outlived the program and were killed.
    pub leftovers: Vec<(i32, String)>,
    /// Whether all processes, the guard included, have terminated.
    pub over: bool,
    /// Whether the guard was killed before its work was done.
    pub guard_killed: bool,
    pub done: bool,
}

impl Status {
    /// How the program terminated, if it has.
    pub fn ending(&self) -> Option<Termination> {
        let lost = self.guard_killed.then_some(Termination::GuardKilled);
        self.limit.or(lost).or(self.exited)
    }

    /// How the program terminated, if it has and the checker had not asked it to stop.
    pub fn unexpected_exit(&self) -> Option<Termination> {
        self.ending().filter(|_| !self.asked)
    }

    fn note(&mut self, event: Event) {
        match event {
            Event::Started(pid) => self.pid = Some(pid),
            Event::Exited(ending) => self.exited = Some(ending),
            Event::Limit(ending) => self.limit = Some(ending),
            Event::Asked => self.asked |= self.ending().is_none(),
            Event::Forced => self.forced = true,
            Event::Leftover(pid, name) => self.leftovers.push((pid, name)),
            Event::Done => self.done = true,
        }
    }
}

/// A program under guard. Dropping it kills the program and everything it started.
#[derive(Debug)]
pub struct Guarded {
    status: watch::Receiver<Status>,
    /// When it is closed, the guard kills everything.
    requests: OwnedWriteHalf,
}

impl Guarded {
    /// Starts `program`; its output goes to the pipes.
    pub fn start(program: Program) -> io::Result<(Guarded, ChildStdout, ChildStderr)> {
        orphans::prepare();
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let (events, requests) = UnixStream::from_std(ours)?.into_split();
        let mut command = Command::new(executable());
        command
            .arg0("checker")
            .arg("guard")
            .args(program.care.to_args())
            .arg(program.path)
            .args(program.args)
            .current_dir(program.folder)
            .env_clear()
            .envs(program.env)
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut guards = living();
        let mut child = command.spawn()?;
        let guard = child.id().unwrap_or_default().cast_signed();
        guards.insert(guard);
        drop(guards);
        drop(command); // It holds the guard's side of the socket, which only the guard may hold.
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(io::Error::other("the guard has no output"));
        };
        let (sender, status) = watch::channel(Status { guard, ..Status::default() });
        tokio::spawn(follow(events, child, sender));
        Ok((Guarded { status, requests }, stdout, stderr))
    }

    /// The state, now and later.
    pub fn watch(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// The state now.
    pub fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// Waits until `pred` holds or all processes have terminated.
    pub async fn wait_until(&mut self, mut pred: impl FnMut(&Status) -> bool) -> Status {
        // An error means that the runtime is shutting down.
        let _ = self.status.wait_for(|status| status.over || pred(status)).await;
        self.status()
    }

    /// Asks the program to stop, kills what is left after `patience`, and waits until nothing is left.
    pub async fn stop(self, patience: Duration) -> Status {
        let request = format!("stop {}\n", patience.as_millis());
        self.end(&request, patience).await
    }

    /// Kills the program and everything it started, and waits until nothing is left.
    pub async fn kill(self) -> Status {
        self.end("kill\n", Duration::ZERO).await
    }

    async fn end(mut self, request: &str, patience: Duration) -> Status {
        self.wake();
        let _ = self.requests.try_write(request.as_bytes());
        let over = tokio::time::timeout(patience + GUARD_PATIENCE, self.wait_until(|_| false)).await;
        if let Ok(status) = over {
            return status;
        }
        // The guard hangs. The checker takes its place.
        process_tree::signal(self.status().guard, Signal::KILL);
        let over = tokio::time::timeout(GUARD_PATIENCE, self.wait_until(|_| false)).await;
        over.unwrap_or_else(|_| self.status())
    }

    /// Resumes the guard, in case the program has stopped it with a signal.
    fn wake(&self) {
        let status = self.status.borrow();
        if !status.over {
            process_tree::signal(status.guard, Signal::CONT);
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.wake();
    }
}

/// Records what the guard reports until it exits, then makes sure that nothing is left.
async fn follow(events: OwnedReadHalf, mut guard: Child, status: watch::Sender<Status>) {
    let mut lines = BufReader::new(events).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some(event) = Event::parse(&line) {
            status.send_modify(|status| status.note(event));
        }
    }
    // The checker adopts what the guard leaves only once the guard has terminated.
    let _ = guard.wait().await;
    let known = status.borrow().clone();
    living().remove(&known.guard);
    if !known.done {
        let _ = tokio::task::spawn_blocking(move || orphans::end_adopted(known.pid)).await;
    }
    status.send_modify(|status| {
        status.guard_killed = !status.done;
        status.over = true;
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exit_after_a_request_to_stop_is_not_unexpected() {
        let after = |events: &[Event]| {
            let mut status = Status::default();
            events.iter().for_each(|event| status.note(event.clone()));
            status.unexpected_exit()
        };
        let exited = Event::Exited(Termination::Code(3));
        assert_eq!(after(&[Event::Started(4711), exited.clone(), Event::Asked]), Some(Termination::Code(3)));
        assert_eq!(after(&[Event::Started(4711), Event::Asked, exited, Event::Asked]), None);
        assert_eq!(after(&[Event::Started(4711)]), None);
    }
}
