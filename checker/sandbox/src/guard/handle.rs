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

/// How long a guard may take to kill, after patience with the program has ended, before it is killed itself.
const GUARD_PATIENCE: Duration = Duration::from_secs(8);

/// The guards of this process that live. Held while one starts, so that none is taken for an orphan.
static LIVING: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// The guards of this process that live; none starts while the answer is held.
pub fn living() -> MutexGuard<'static, BTreeSet<i32>> {
    LIVING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The checker's executable, also when the file was replaced or removed while it runs.
pub(super) fn executable() -> PathBuf {
    if cfg!(target_os = "linux") {
        PathBuf::from("/proc/self/exe")
    } else {
        std::env::current_exe().unwrap_or_else(|_| PathBuf::from("checker"))
    }
}

/// What to run under a guard.
pub struct Program {
    /// How to treat it.
    pub care: Care,
    /// The executable.
    pub path: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Where it runs.
    pub folder: PathBuf,
    /// Its whole environment.
    pub env: Vec<(OsString, OsString)>,
}

/// What is known of a program under guard.
#[derive(Debug, Clone, Default)]
pub struct Status {
    /// The guard's process.
    pub guard: i32,
    /// The program's first process, which leads a group of its own.
    pub pid: Option<i32>,
    /// How the first process ended.
    pub exited: Option<Termination>,
    /// Which limit it went beyond.
    pub limit: Option<Termination>,
    /// Whether it had not ended yet when the checker wanted its end.
    pub asked: bool,
    /// Whether it had to be killed after `stop`.
    pub forced: bool,
    /// Processes that outlived the program, and were killed.
    pub leftovers: Vec<(i32, String)>,
    /// Whether everything, the guard included, has ended.
    pub over: bool,
    /// Whether the guard was killed before its work was done.
    pub guard_killed: bool,
    pub done: bool,
}

impl Status {
    /// How the program ended, if it did.
    pub fn ending(&self) -> Option<Termination> {
        let lost = self.guard_killed.then_some(Termination::GuardKilled);
        self.limit.or(lost).or(self.exited)
    }

    /// How the program ended, if it did and nobody had asked it to.
    pub fn ended_by_itself(&self) -> Option<Termination> {
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

/// A program under guard. Dropping it ends the program and everything it started.
#[derive(Debug)]
pub struct Guarded {
    status: watch::Receiver<Status>,
    /// Closing it tells the guard to end everything.
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
        drop(command); // It holds the guard's side of the socket; only the guard may.
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(io::Error::other("the guard has no output"));
        };
        let (sender, status) = watch::channel(Status { guard, ..Status::default() });
        tokio::spawn(follow(events, child, sender));
        Ok((Guarded { status, requests }, stdout, stderr))
    }

    /// What is known, now and later.
    pub fn watch(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// What is known now.
    pub fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// Waits until `pred` holds or everything is over.
    pub async fn wait_until(&mut self, mut pred: impl FnMut(&Status) -> bool) -> Status {
        // An error means that the runtime is ending.
        let _ = self.status.wait_for(|status| status.over || pred(status)).await;
        self.status()
    }

    /// Asks the program to end, kills what is left after `patience`, and waits until nothing is.
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

    /// Lets the guard go on, should the program have halted it.
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

/// Takes down what the guard reports until it ends, then makes sure that nothing is left.
async fn follow(events: OwnedReadHalf, mut guard: Child, status: watch::Sender<Status>) {
    let mut lines = BufReader::new(events).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some(event) = Event::parse(&line) {
            status.send_modify(|status| status.note(event));
        }
    }
    // Only after the guard has ended entirely has the checker adopted what it leaves.
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
    fn what_ends_after_it_was_asked_has_not_ended_by_itself() {
        let after = |events: &[Event]| {
            let mut status = Status::default();
            events.iter().for_each(|event| status.note(event.clone()));
            status.ended_by_itself()
        };
        let exited = Event::Exited(Termination::Code(3));
        assert_eq!(after(&[Event::Started(4711), exited.clone(), Event::Asked]), Some(Termination::Code(3)));
        assert_eq!(after(&[Event::Started(4711), Event::Asked, exited, Event::Asked]), None);
        assert_eq!(after(&[Event::Started(4711)]), None);
    }
}
