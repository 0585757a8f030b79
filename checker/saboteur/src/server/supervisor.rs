//! Starts the upstream server on a private port and the proxy on the public one, and stops both.

use std::net::Ipv4Addr;
use std::process::{ExitCode, ExitStatus};
use std::rc::Rc;
use std::time::Duration;

use rustix::process::Signal;
use tokio::sync::watch;
use tokio::task::LocalSet;
use tokio::time::timeout;

use super::listening::{PrivatePort, bind_public, wait_until_accepting};
use super::process::{Process, StopSignals};
use super::proxy;
use crate::database::{Database, DatabaseError};
use crate::sabotage::Sabotage;
use crate::startup::{AfterExit, Startup};

/// How long the last responses may take after the upstream server exited.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);
/// How often the upstream server is started if other programs take its private port.
const ATTEMPTS: usize = 3;
/// `PORT` if it is not set.
const DEFAULT_PORT: &str = "8000";

/// Runs `program` behind a sabotage until a signal stops it or it exits by itself.
pub async fn run(sabotage: Sabotage, program: &[&str]) -> ExitCode {
    match LocalSet::new().run_until(supervise(Rc::new(sabotage), program)).await {
        Ok(code) => code,
        Err(message) => {
            eprintln!("saboteur: {message}");
            ExitCode::FAILURE
        }
    }
}

async fn supervise(sabotage: Rc<Sabotage>, program: &[&str]) -> Result<ExitCode, String> {
    let mut signals = StopSignals::new().map_err(|error| error.to_string())?;
    let port = variable("PORT").unwrap_or(DEFAULT_PORT.into());
    let host = variable("HOST").unwrap_or(Ipv4Addr::LOCALHOST.to_string());
    let startup = sabotage.plan_startup(port, variable("DATABASE_URL").unwrap_or_default());
    if let Some(error) = startup.error {
        return Err(error);
    }
    let Some(socket) = bind_public(&host, &startup.port).await? else {
        // The upstream server rejects this configuration in its own way.
        let mut server = Process::spawn(&sabotage, program, &startup, &[])?;
        let status = tokio::select! {
            status = server.wait() => status,
            () = signals.wait() => return Ok(exit_code(server.stop().await)),
        };
        return Ok(exit_after_start(&startup, status, &mut signals).await);
    };
    let message = |DatabaseError(message)| message;
    let database = Rc::new(Database::at(&startup.database_url));
    if database.has_valid_url() {
        sabotage.act_before_start(&database).await.map_err(message)?;
    }
    let database_url = sabotage.upstream_database_url(&startup.database_url);

    let mut attempts = ATTEMPTS;
    let (mut server, address) = loop {
        let reserved = PrivatePort::reserve()?;
        let address = reserved.address;
        let port = address.port().to_string();
        let mut server = Process::spawn(
            &sabotage,
            program,
            &startup,
            &[("HOST", "127.0.0.1"), ("PORT", &port), ("DATABASE_URL", &database_url)],
        )?;
        let status = tokio::select! {
            accepts = wait_until_accepting(address) => match accepts {
                true => break (server, address),
                false => return Err(format!("{} does not accept connections on PORT={port}", program[0])),
            },
            status = server.wait() => status,
            () = signals.wait() => return Ok(exit_code(server.stop().await)),
        };
        drop(reserved);
        attempts -= 1;
        let is_port_taken = std::net::TcpListener::bind(address).is_err();
        if !is_port_taken || attempts == 0 {
            return Ok(exit_after_start(&startup, status, &mut signals).await);
        }
    };
    if database.has_valid_url() {
        sabotage.act_after_start(&database).await.map_err(message)?;
    }

    let listener = socket.listen(1024).map_err(|error| error.to_string())?;
    let (stop, stopped) = watch::channel(false);
    let proxy = tokio::task::spawn_local(proxy::serve(listener, address, database.clone(), sabotage.clone(), stopped));
    let status = tokio::select! {
        status = server.wait() => status,
        () = signals.wait() => {
            let _ = stop.send(true);
            sabotage.act_before_stop(&database).await.map_err(message)?;
            server.stop().await
        }
    };
    let _ = stop.send(true);
    let _ = timeout(RESPONSE_TIMEOUT, proxy).await;
    Ok(exit_code(status))
}

/// How the wrong server exits after the upstream server exited at its start.
async fn exit_after_start(startup: &Startup, status: ExitStatus, signals: &mut StopSignals) -> ExitCode {
    match startup.after_exit {
        AfterExit::SameCode => exit_code(status),
        AfterExit::Code(code) => ExitCode::from(code),
        AfterExit::KeepRunning => {
            signals.wait().await;
            ExitCode::SUCCESS
        }
    }
}

/// The exit code of the upstream server; 0 if SIGTERM ended it, as the contract allows.
fn exit_code(status: ExitStatus) -> ExitCode {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)),
        (None, Some(signal)) if signal == Signal::TERM.as_raw() => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// An environment variable; an empty one counts as not set.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
