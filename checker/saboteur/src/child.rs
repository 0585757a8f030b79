//! Runs the right server on a private port, and the proxy before it on the port that was asked for.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::{ExitCode, ExitStatus, Stdio};
use std::rc::Rc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, sleep, timeout};

use crate::database::{Database, Failed};
use crate::proxy;
use crate::sabotage::{Line, Sabotage, Stream};
use crate::start::{Ending, Start};

/// How long the right server may take until it accepts connections.
const START_PATIENCE: Duration = Duration::from_secs(30);
/// How long the last answers and log lines may take once the right server has ended.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How often a private port that another program took meanwhile is replaced.
const TRIES: usize = 3;
/// What `PORT` means when it is unset or empty.
const DEFAULT_PORT: &str = "8000";

/// Runs `program` behind a sabotage until a signal ends it or it ends by itself.
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
    let mut signals = Signals::new().map_err(|error| error.to_string())?;
    let url = variable("DATABASE_URL").unwrap_or_default();
    let start = sabotage.starting(variable("PORT").unwrap_or(DEFAULT_PORT.into()), url);
    if let Some(refusal) = start.refusal {
        return Err(refusal);
    }
    let Some(socket) = public_socket(&start).await? else {
        // The right server refuses its configuration; how is its own business.
        let mut server = RightServer::spawn(&sabotage, program, &start, &[])?;
        let status = tokio::select! {
            status = server.ended() => status,
            () = signals.any() => return Ok(exit_code(server.stop().await)),
        };
        return Ok(end(&start, status, &mut signals).await);
    };
    let failed = |Failed(message)| message;
    let database = Rc::new(Database::at(&start.database_url));
    if database.is_named() {
        sabotage.act_before(&database).await.map_err(failed)?;
    }
    let inner_url = sabotage.inner_url(&start.database_url);

    let mut tries = TRIES;
    let (mut server, address) = loop {
        let reserved = PrivatePort::reserve()?;
        let address = reserved.address;
        let port = address.port().to_string();
        let mut server = RightServer::spawn(
            &sabotage,
            program,
            &start,
            &[("HOST", "127.0.0.1"), ("PORT", &port), ("DATABASE_URL", &inner_url)],
        )?;
        let status = tokio::select! {
            accepts = accepts(address) => match accepts {
                true => break (server, address),
                false => return Err(format!("{} does not accept connections on PORT={port}", program[0])),
            },
            status = server.ended() => status,
            () = signals.any() => return Ok(exit_code(server.stop().await)),
        };
        drop(reserved);
        tries -= 1;
        let lost = std::net::TcpListener::bind(address).is_err();
        if !lost || tries == 0 {
            return Ok(end(&start, status, &mut signals).await);
        }
    };
    if database.is_named() {
        sabotage.act_when_ready(&database).await.map_err(failed)?;
    }

    let listener = socket.listen(1024).map_err(|error| error.to_string())?;
    let (stop, stopped) = watch::channel(false);
    let proxy = tokio::task::spawn_local(proxy::serve(listener, address, database.clone(), sabotage.clone(), stopped));
    let status = tokio::select! {
        status = server.ended() => status,
        () = signals.any() => {
            let _ = stop.send(true);
            sabotage.act_at_end(&database).await.map_err(failed)?;
            server.stop().await
        }
    };
    let _ = stop.send(true);
    let _ = timeout(LAST_WORDS, proxy).await;
    Ok(exit_code(status))
}

/// How the wrong server ends after the right one ended at its start.
async fn end(start: &Start, status: ExitStatus, signals: &mut Signals) -> ExitCode {
    match start.ending {
        Ending::AsTheServer => exit_code(status),
        Ending::With(code) => ExitCode::from(code),
        Ending::Never => {
            signals.any().await;
            ExitCode::SUCCESS
        }
    }
}

/// The socket clients connect to, bound but not yet listening; `None` where the configuration names no address.
async fn public_socket(start: &Start) -> Result<Option<TcpSocket>, String> {
    let Ok(port) = start.port.parse::<u16>() else { return Ok(None) };
    let host = variable("HOST").unwrap_or(Ipv4Addr::LOCALHOST.to_string());
    let Some(address) = tokio::net::lookup_host((host.as_str(), port)).await.ok().and_then(|mut found| found.next()) else {
        return Ok(None);
    };
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
    let socket = socket.map_err(|error| error.to_string())?;
    let bound = socket.set_reuseaddr(true).and_then(|()| socket.bind(address));
    bound.map_err(|error| format!("cannot listen on PORT={port}: {error}"))?;
    Ok(Some(socket))
}

/// A port for the right server alone.
struct PrivatePort {
    address: SocketAddr,
    /// On Linux a bound socket that does not listen keeps others from getting the port, but not a server that names it.
    _held: Option<TcpSocket>,
}

impl PrivatePort {
    fn reserve() -> Result<Self, String> {
        let reserve = || {
            let socket = TcpSocket::new_v4()?;
            socket.set_reuseaddr(true)?;
            socket.bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0))?;
            Ok(PrivatePort { address: socket.local_addr()?, _held: cfg!(target_os = "linux").then_some(socket) })
        };
        reserve().map_err(|error: std::io::Error| format!("no free port: {error}"))
    }
}

/// Waits until something accepts connections there.
async fn accepts(address: SocketAddr) -> bool {
    let deadline = Instant::now() + START_PATIENCE;
    while TcpStream::connect(address).await.is_err() {
        if Instant::now() > deadline {
            return false;
        }
        sleep(Duration::from_millis(2)).await;
    }
    true
}

/// The process of the right server.
struct RightServer {
    child: Child,
    pumps: JoinSet<()>,
}

impl RightServer {
    fn spawn(sabotage: &Rc<Sabotage>, program: &[&str], start: &Start, env: &[(&str, &str)]) -> Result<Self, String> {
        let mut command = Command::new(program[0]);
        let variables = start.variables.iter().map(|(name, value)| (*name, value));
        command.args(&program[1..]).envs(variables).envs(env.iter().copied()).stdin(Stdio::null()).kill_on_drop(true);
        die_with_parent(&mut command);
        if !sabotage.leaves_log_alone() {
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
        Ok(RightServer { child, pumps })
    }

    /// Waits until the server has ended and its last log line is out.
    async fn ended(&mut self) -> ExitStatus {
        let status = self.child.wait().await.expect("the child is ours to wait for");
        // A grandchild could hold the pipes open.
        let _ = timeout(LAST_WORDS, async { while self.pumps.join_next().await.is_some() {} }).await;
        status
    }

    /// Tells the server to stop, and waits until it has.
    async fn stop(&mut self) -> ExitStatus {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(id) = id {
            // It may have ended meanwhile.
            let _ = kill_process(id, Signal::TERM);
        }
        self.ended().await
    }
}

/// Nothing is left running when this process dies, however it dies.
fn die_with_parent(command: &mut Command) {
    #[cfg(target_os = "linux")]
    {
        let parent = rustix::process::getpid();
        let ask = move || {
            rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
            // The parent may have died before it could be asked for.
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

/// Passes the lines of a log on, as the sabotage has them.
async fn pump(source: impl AsyncRead + Unpin, stream: Stream, sabotage: Rc<Sabotage>) {
    let mut lines = BufReader::new(source).split(b'\n');
    while let Ok(Some(line)) = lines.next_segment().await {
        let text = String::from_utf8_lossy(&line).into_owned();
        for Line { stream, text } in sabotage.lines(Line { stream, text }).await {
            let bytes = format!("{text}\n");
            let _ = match stream {
                Stream::Stdout => std::io::stdout().write_all(bytes.as_bytes()),
                Stream::Stderr => std::io::stderr().write_all(bytes.as_bytes()),
            };
        }
    }
}

/// The signals that ask a server to stop.
struct Signals(tokio::signal::unix::Signal, tokio::signal::unix::Signal);

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Signals(signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?))
    }

    async fn any(&mut self) {
        tokio::select! {
            _ = self.0.recv() => {}
            _ = self.1.recv() => {}
        }
    }
}

/// The exit code of the right server; 0 when SIGTERM ended it, as the contract allows.
fn exit_code(status: ExitStatus) -> ExitCode {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)),
        (None, Some(signal)) if signal == Signal::TERM.as_raw() => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// A variable of the environment; an empty one counts as unset.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
