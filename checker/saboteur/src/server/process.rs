//! The process of the upstream server, its log, and the signals that ask for its end.

use std::io::Write;
use std::process::{ExitStatus, Stdio};
use std::rc::Rc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::log::{Line, Stream};
use crate::sabotage::Sabotage;
use crate::startup::Startup;

/// How long the last log lines may take after the upstream server exited.
const LOG_TIMEOUT: Duration = Duration::from_secs(2);

/// The process of the upstream server.
pub struct Process {
    child: Child,
    pumps: JoinSet<()>,
}

impl Process {
    /// Starts the program with its arguments. It inherits the environment, changed by the sabotage and then by `env`.
    pub fn spawn(sabotage: &Rc<Sabotage>, program: &[&str], startup: &Startup, env: &[(&str, &str)]) -> Result<Self, String> {
        let mut command = Command::new(program[0]);
        let variables = startup.variables.iter().map(|(name, value)| (*name, value));
        command.args(&program[1..]).envs(variables).envs(env.iter().copied()).stdin(Stdio::null()).kill_on_drop(true);
        die_with_parent(&mut command);
        if !sabotage.keeps_log() {
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
        }
        let mut child = command.spawn().map_err(|error| format!("cannot run {}: {error}", program[0]))?;
        let mut pumps = JoinSet::new();
        if let Some(stdout) = child.stdout.take() {
            pumps.spawn_local(pump(stdout, Stream::Stdout, sabotage.clone()));
        }
        if let Some(stderr) = child.stderr.take() {
            pumps.spawn_local(pump(stderr, Stream::Stderr, sabotage.clone()));
        }
        Ok(Process { child, pumps })
    }

    /// Waits until the process has exited and its last log line is written.
    pub async fn wait(&mut self) -> ExitStatus {
        let status = self.child.wait().await.expect("only this method waits for the child");
        // A grandchild could hold the pipes open.
        let _ = timeout(LOG_TIMEOUT, async { while self.pumps.join_next().await.is_some() {} }).await;
        status
    }

    /// Sends SIGTERM and waits until the process has exited.
    pub async fn stop(&mut self) -> ExitStatus {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(id) = id {
            // The process may have exited meanwhile.
            let _ = kill_process(id, Signal::TERM);
        }
        self.wait().await
    }
}

/// Makes the kernel kill the child when this process dies, even from SIGKILL.
fn die_with_parent(command: &mut Command) {
    #[cfg(target_os = "linux")]
    {
        let parent = rustix::process::getpid();
        let ask = move || {
            rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
            // The parent may have died before this call.
            match rustix::process::getppid() == Some(parent) {
                true => Ok(()),
                false => Err(std::io::Error::other("the saboteur is gone")),
            }
        };
        // SAFETY: between fork and exec the closure makes two system calls and neither allocates nor locks.
        unsafe { command.pre_exec(ask) };
    }
    #[cfg(not(target_os = "linux"))]
    let _ = command;
}

/// Copies the lines of a log, changed by the sabotage.
async fn pump(source: impl AsyncRead + Unpin, stream: Stream, sabotage: Rc<Sabotage>) {
    let mut lines = BufReader::new(source).split(b'\n');
    while let Ok(Some(line)) = lines.next_segment().await {
        let text = String::from_utf8_lossy(&line).into_owned();
        for Line { stream, text } in sabotage.replace_line(Line { stream, text }).await {
            let bytes = format!("{text}\n");
            let _ = match stream {
                Stream::Stdout => std::io::stdout().write_all(bytes.as_bytes()),
                Stream::Stderr => std::io::stderr().write_all(bytes.as_bytes()),
            };
        }
    }
}

/// The signals that ask a server to stop: SIGTERM and SIGINT.
pub struct StopSignals(tokio::signal::unix::Signal, tokio::signal::unix::Signal);

impl StopSignals {
    /// Catches the signals from now on.
    pub fn new() -> std::io::Result<Self> {
        Ok(StopSignals(signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?))
    }

    /// Waits for any of the signals.
    pub async fn wait(&mut self) {
        tokio::select! {
            _ = self.0.recv() => {}
            _ = self.1.recv() => {}
        }
    }
}
