//! A private service: its processes under guard, its port, its folder. All of it is removed when the checker exits.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::work_folder::{RunFolder, Work};
use model::Termination;
use sandbox::guard::{Care, Guarded, Program, Status};
use sandbox::ports::Port;
use sandbox::{Log, Stream, environment};

/// How long a service may take to become ready after its start.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// How long one attempt to connect may take.
const ATTEMPT: Duration = Duration::from_secs(5);
/// How often to try.
const LOOK_EVERY: Duration = Duration::from_millis(4);
/// How long a service may take to exit.
const GRACE: Duration = Duration::from_secs(3);
/// The number of lines shown of its log when it does not start.
const SHOWN: usize = 5;

/// A running private service. Dropping it kills its processes and removes its folder.
#[derive(Debug)]
pub struct PrivateServer {
    guarded: Guarded,
    log: Log,
    _port: Port,
    _folder: RunFolder,
}

impl PrivateServer {
    /// Starts a program on a claimed port.
    pub fn start(program: PathBuf, args: Vec<OsString>, port: Port, folder: RunFolder, work: &Work) -> Result<Self, String> {
        let care = Care::Service { account: work.account(), scratch: folder.path().to_owned() };
        let (guarded, log) = run(care, program, args, folder.path().to_owned())?;
        Ok(PrivateServer { guarded, log, _port: port, _folder: folder })
    }

    /// Waits until `attempt` succeeds.
    ///
    /// # Errors
    ///
    /// The service exited, or is not ready in time; the text says so.
    pub async fn ready<T>(&mut self, mut attempt: impl AsyncFnMut() -> Option<T>) -> Result<T, String> {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            if let Ok(Some(result)) = timeout(ATTEMPT, attempt()).await {
                return Ok(result);
            }
            let ended = self.guarded.wait_until(|status| status.ending().is_some());
            if let Ok(status) = timeout(LOOK_EVERY, ended).await {
                return Err(complaint("exited during its start", &status, &self.log).await);
            }
            if Instant::now() > deadline {
                return Err(format!("was not ready within {} s", READY_WITHIN.as_secs()));
            }
        }
    }

    /// Waits until the service exits without having been stopped, and returns how.
    pub async fn ended(&mut self) -> String {
        let status = self.guarded.wait_until(|status| status.ending().is_some()).await;
        complaint("exited unexpectedly", &status, &self.log).await
    }

    /// Stops the service and removes its folder.
    pub async fn stop(self) {
        self.guarded.stop(GRACE).await;
    }
}

/// Runs a program until it exits, under guard and as the account of services.
///
/// # Errors
///
/// It failed; the text says how, after its name.
pub async fn run_to_end(program: PathBuf, args: Vec<OsString>, folder: PathBuf, work: &Work) -> Result<(), String> {
    const WITHIN: Duration = Duration::from_secs(120);
    let care = Care::Job { account: work.account() };
    let (mut guarded, log) = run(care, program, args, folder)?;
    let ended = timeout(WITHIN, guarded.wait_until(|status| status.ending().is_some())).await;
    guarded.kill().await;
    match ended {
        Ok(status) if status.ending().is_some_and(Termination::is_success) => Ok(()),
        Ok(status) => Err(complaint("failed", &status, &log).await),
        Err(_) => Err(format!("timed out after {} s", WITHIN.as_secs())),
    }
}

fn run(care: Care, path: PathBuf, args: Vec<OsString>, folder: PathBuf) -> Result<(Guarded, Log), String> {
    // Messages in English, so that they are recognized; times in UTC.
    let env = environment::for_service(&[("LC_ALL", "C"), ("TZ", "UTC")]);
    let (guarded, stdout, stderr) =
        Guarded::start(Program { care, path, args, folder, env }).map_err(|error| format!("could not be started: {error}"))?;
    let log = Log::default();
    tokio::spawn(log.clone().read(Stream::Stdout, stdout));
    tokio::spawn(log.clone().read(Stream::Stderr, stderr));
    Ok((guarded, log))
}

async fn complaint(what: &str, status: &Status, log: &Log) -> String {
    /// How long its last output may take to arrive.
    const LAST_WORDS: Duration = Duration::from_millis(50);
    tokio::time::sleep(LAST_WORDS).await;
    let ending = status.ending().map(|ending| format!(" ({ending})")).unwrap_or_default();
    let said = log.last(SHOWN).join("\n");
    format!("{what}{ending}{}{said}", if said.is_empty() { "" } else { ":\n" })
}
