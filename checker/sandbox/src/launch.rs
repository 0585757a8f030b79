//! Starts a target, and waits until it accepts connections or clearly will not.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::build::program::PackageProgram;
use super::complaint::{self, Complaint};
use super::environment;
use super::guard::{Care, Guarded, Program, Status};
use super::listeners::{self, Owner};
use super::log::{Log, Stream};
use super::overload;
use super::ports::{self, Port};
use super::process_tree;
use super::registry::{Registry, ServerProcess};
use super::server::{Process, Server, drain};
use model::{Origin, Problem, Termination, shell};

/// How long a server may take to accept connections (the contract).
const ACCEPT_WITHIN: Duration = Duration::from_secs(10);
/// The factor by which that deadline is extended while this machine is overloaded.
const OVERLOADED: u32 = 3;
/// How long a server may be idle while it listens only on another address, before that is reported.
const ELSEWHERE: Duration = Duration::from_secs(2);
/// The most processor ticks within that time that still count as idle.
const IDLE_TICKS: u64 = 1;
/// How often to look up where a server listens that is not ready yet. The lookup is slow on some machines.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often to try to connect, within the first second and after it.
const CONNECT_EVERY: [Duration; 2] = [Duration::from_millis(3), Duration::from_millis(15)];
/// How long a program that is expected to exit may listen, before it counts as a running server.
const LISTENS_ON: Duration = Duration::from_secs(1);
/// Where a server listens when `PORT` is not set (the contract).
const DEFAULT_PORT: u16 = 8000;
/// How often to try a start, if another program takes the port meanwhile.
const ATTEMPTS: usize = 3;

/// A target that is ready to be started, any number of times.
#[derive(Debug, Clone)]
pub struct Launcher {
    kind: Kind,
    servers: Registry,
}

#[derive(Debug, Clone)]
enum Kind {
    Package {
        name: String,
        program: PackageProgram,
    },
    Command {
        command: String,
        folder: PathBuf,
    },
    Url(Origin),
    /// No longer started, because it exited too often.
    GivenUp,
}

/// Why a server does not run.
#[derive(Debug)]
pub enum StartError {
    /// Because of the server.
    Server(Problem),
    /// Because of this machine.
    Machine(Problem),
}

impl StartError {
    /// The problem, whoever it belongs to.
    pub fn into_problem(self) -> Problem {
        match self {
            StartError::Server(problem) | StartError::Machine(problem) => problem,
        }
    }
}

/// The outcome of a program that is expected to exit.
#[derive(Debug)]
pub enum RunToExit {
    /// It exited.
    Exited {
        /// How it terminated.
        ending: Termination,
        /// The lines it wrote to standard error.
        stderr: Vec<String>,
    },
    /// It was still running at the deadline, or accepted connections. It has been killed.
    StillRunning,
    /// It could not be started.
    Problem(Problem),
}

/// Why one attempt to start failed.
enum Failed {
    /// Another program took the port first.
    PortTaken(Option<(i32, String)>),
    /// The server did not start, or this machine did not let it.
    Start(StartError),
}

impl Launcher {
    pub(super) fn of_package(name: &str, program: PackageProgram) -> Launcher {
        Launcher::of(Kind::Package { name: name.to_owned(), program })
    }

    pub(super) fn of_command(command: &str) -> Result<Launcher, Problem> {
        if command.trim().is_empty() {
            return Err(Problem::new(
                "The command is empty.",
                "Give the command that starts your server, such as --command 'python3 server.py'.",
            ));
        }
        let folder = std::env::current_dir().map_err(|error| {
            Problem::new(
                format!("The current folder, in which the command would run, does not exist: {error}."),
                "Change to a folder that exists.",
            )
        })?;
        Ok(Launcher::of(Kind::Command { command: command.to_owned(), folder }))
    }

    pub(super) fn of_url(url: &str) -> Result<Launcher, Problem> {
        match Origin::parse(url) {
            Some(origin) => Ok(Launcher::of(Kind::Url(origin))),
            None => Err(Problem::new(
                format!("{url} is not the URL of a server that the checker can examine."),
                "Give only scheme, host and port, such as http://127.0.0.1:8000. The checker speaks plain HTTP.",
            )),
        }
    }

    fn of(kind: Kind) -> Launcher {
        Launcher { kind, servers: Registry::default() }
    }

    /// A launcher that refuses every start, because the server has exited too often.
    pub fn given_up(&self) -> Launcher {
        Launcher { kind: Kind::GivenUp, ..self.clone() }
    }

    /// The servers that it and its clones have started and will start.
    pub fn servers(&self) -> Registry {
        self.servers.clone()
    }

    /// Whether the target is a server that is already running: the checker can neither start it nor see its log.
    pub fn is_url(&self) -> bool {
        matches!(self.kind, Kind::Url(_))
    }

    /// How long the build took, excluding the wait for another cargo.
    pub fn build_time(&self) -> Option<Duration> {
        match &self.kind {
            Kind::Package { program, .. } => Some(program.time),
            _ => None,
        }
    }

    /// Starts the server and waits until it accepts connections. `env` extends and overrides its environment; if `env` sets
    /// `PORT` (empty means unset), the server is expected on that port.
    ///
    /// # Errors
    ///
    /// It does not start, or this machine does not let it.
    pub async fn start(&self, env: &[(&str, &str)]) -> Result<Server, StartError> {
        if let Kind::Url(origin) = &self.kind {
            return connect_to_url(origin).await.map_err(StartError::Server);
        }
        let mut holder = None;
        for _ in 0..ATTEMPTS {
            let wanted = wanted_port(env);
            let port = match wanted {
                Some(number) => {
                    let port = ports::claim_number(number).await.map_err(StartError::Machine)?;
                    if !ports::is_free(number) {
                        return Err(StartError::Machine(complaint::port_in_use(number, holder_of(number))));
                    }
                    port
                }
                None => ports::claim().map_err(StartError::Machine)?,
            };
            let number = port.number;
            match self.attempt(port, env).await {
                Ok(server) => return Ok(server),
                Err(Failed::Start(error)) => return Err(error),
                Err(Failed::PortTaken(who)) if wanted.is_some() => {
                    return Err(StartError::Server(complaint::port_in_use(number, who)));
                }
                Err(Failed::PortTaken(who)) => holder = who,
            }
        }
        Err(StartError::Server(complaint::always_taken(holder)))
    }

    async fn attempt(&self, port: Port, env: &[(&str, &str)]) -> Result<Server, Failed> {
        let target = SocketAddr::new(host(env), port.number);
        let log = Log::default();
        let (mut guarded, readers) = self.run(port.number, env, &log).map_err(Failed::Start)?;
        let ready = self.wait_until_ready(&mut guarded, target).await;
        match ready {
            Ok(address) => {
                let advice = match address {
                    Some(ip) if ip.is_unspecified() && env.iter().all(|(name, _)| *name != "HOST") => {
                        vec![complaint::listens_everywhere(ip)]
                    }
                    _ => Vec::new(),
                };
                let base = format!("http://{target}");
                let life = ServerProcess::new(&base, &log, env, guarded.watch());
                self.servers.add(life.clone());
                let process = Process { guarded, life, readers, advice, port: Some(port) };
                Ok(Server::new(base, log, Some(process)))
            }
            Err(complaint) => {
                guarded.kill().await;
                drain(readers).await;
                match complaint {
                    Complaint::PortTaken(who) => Err(Failed::PortTaken(who)),
                    complaint => {
                        let problem = complaint.into_problem(target, &self.by_hand(env), &log);
                        Err(Failed::Start(StartError::Server(problem)))
                    }
                }
            }
        }
    }

    /// Waits until our process accepts connections at `target`. Returns the address on which it listens, if that is known.
    async fn wait_until_ready(&self, guarded: &mut Guarded, target: SocketAddr) -> Result<Option<IpAddr>, Complaint> {
        let begun = Instant::now();
        let load = overload::Watch::begin();
        let mut next_look = begun + LOOK_EVERY;
        // Since when it has been idle and listening elsewhere, and the ticks it had used by then.
        let mut elsewhere: Option<(Instant, u64)> = None;
        loop {
            let status = guarded.status();
            if let Some(ending) = status.ending() {
                return Err(self.exit_complaint(ending, &status).await);
            }
            if let Ok(Ok(_)) = timeout(LOOK_EVERY, TcpStream::connect(target)).await {
                match confirm(target, status.guard).await {
                    // A child process may be listening while the process that we started has exited.
                    Owner::Ours(_) | Owner::Unknown if guarded.status().ending().is_some() => continue,
                    Owner::Ours(address) => return Ok(Some(address.ip())),
                    Owner::Unknown => return Ok(None),
                    Owner::Other(who) => return Err(Complaint::PortTaken(who)),
                }
            }
            let waited = begun.elapsed();
            let late = waited >= ACCEPT_WITHIN;
            if late || Instant::now() >= next_look {
                let (found, ticks) = look(status.guard).await;
                next_look = Instant::now() + LOOK_EVERY;
                // A listener on any other port may serve another purpose. Only these two ports show that the server missed
                // the right address.
                let missed = found.iter().any(|at| at.port() == target.port() || at.port() == DEFAULT_PORT);
                elsewhere = elsewhere.filter(|(_, before)| missed && ticks <= before + IDLE_TICKS);
                let since = missed.then(|| *elsewhere.get_or_insert((Instant::now(), ticks)));
                let overloaded = waited < ACCEPT_WITHIN * OVERLOADED && load.overloaded();
                if since.is_some_and(|(since, _)| since.elapsed() >= ELSEWHERE) || late && !overloaded {
                    return Err(match found.is_empty() {
                        true => Complaint::NeverListens(waited),
                        false => Complaint::Elsewhere(found),
                    });
                }
            }
            let exited = guarded.wait_until(|status| status.ending().is_some());
            let _ = timeout(CONNECT_EVERY[usize::from(waited.as_secs() > 0)], exited).await;
        }
    }

    /// The complaint about a first process that exited before the server was ready.
    async fn exit_complaint(&self, ending: Termination, status: &Status) -> Complaint {
        const SETTLE: Duration = Duration::from_millis(200);
        if ending.is_success() && !process_tree::descendants(status.guard).is_empty() {
            tokio::time::sleep(SETTLE).await;
            let left = process_tree::descendants(status.guard);
            if !left.is_empty() {
                return Complaint::Background(left);
            }
        }
        Complaint::Ended(ending)
    }

    /// Starts a program that is expected to exit, and waits for its exit until `deadline`.
    pub async fn run_to_exit(&self, env: &[(&str, &str)], deadline: Duration) -> RunToExit {
        let port = match wanted_port(env) {
            Some(number) => ports::claim_number(number).await,
            None => ports::claim(),
        };
        let log = Log::default();
        let started = port.and_then(|port| {
            let running = self.run(port.number, env, &log).map_err(StartError::into_problem)?;
            Ok((running, port))
        });
        let ((mut guarded, readers), _port) = match started {
            Ok(started) => started,
            Err(problem) => return RunToExit::Problem(problem),
        };
        let until = Instant::now() + deadline;
        let mut listening: Option<Instant> = None;
        let mut seen = guarded.status();
        while seen.ending().is_none() && Instant::now() < until {
            let left = until.saturating_duration_since(Instant::now()).min(LOOK_EVERY);
            let exited = guarded.wait_until(|status| status.ending().is_some());
            match timeout(left, exited).await {
                Ok(status) => seen = status,
                Err(_) if look(seen.guard).await.0.is_empty() => listening = None,
                Err(_) if listening.get_or_insert_with(Instant::now).elapsed() >= LISTENS_ON => break,
                Err(_) => {}
            }
        }
        guarded.kill().await;
        drain(readers).await;
        match seen.ending() {
            Some(ending) => RunToExit::Exited { ending, stderr: log.of(Stream::Stderr) },
            None => RunToExit::StillRunning,
        }
    }

    fn run(&self, port: u16, env: &[(&str, &str)], log: &Log) -> Result<Running, StartError> {
        let (path, args, folder) = match &self.kind {
            Kind::Package { program, .. } => (program.executable().to_owned(), Vec::new(), program.folder.clone()),
            Kind::Command { command, folder } => {
                let args: Vec<OsString> = vec!["-c".into(), command.into()];
                (PathBuf::from("/bin/sh"), args, folder.clone())
            }
            Kind::Url(_) | Kind::GivenUp => return Err(StartError::Server(complaint::given_up())),
        };
        let program = Program { care: Care::Server, path, args, folder, env: environment::for_server(port, env) };
        let (guarded, stdout, stderr) =
            Guarded::start(program).map_err(|error| StartError::Machine(complaint::no_process(&error)))?;
        let readers =
            [tokio::spawn(log.clone().read(Stream::Stdout, stdout)), tokio::spawn(log.clone().read(Stream::Stderr, stderr))];
        Ok((guarded, readers))
    }

    /// The command with which a person runs the target, with their own values for the variables in `env`.
    fn by_hand(&self, env: &[(&str, &str)]) -> String {
        let settings: String = env.iter().filter(|(_, value)| !value.is_empty()).map(|(name, _)| format!("{name}=… ")).collect();
        match &self.kind {
            Kind::Package { name, .. } => format!("{settings}cargo run -p {name}"),
            Kind::Command { command, .. } => {
                format!("{settings}PORT={DEFAULT_PORT} sh -c {}", shell::quoted(command))
            }
            Kind::Url(origin) => origin.to_string(),
            Kind::GivenUp => String::new(),
        }
    }
}

type Running = (Guarded, [tokio::task::JoinHandle<()>; 2]);

async fn connect_to_url(origin: &Origin) -> Result<Server, Problem> {
    const WITHIN: Duration = Duration::from_secs(5);
    let error = match timeout(WITHIN, TcpStream::connect(origin.address())).await {
        Ok(Ok(_)) => return Ok(Server::new(origin.to_string(), Log::default(), None)),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("connecting timed out after {} seconds", WITHIN.as_secs()),
    };
    Err(Problem::new(format!("No server can be reached at {origin}: {error}."), "Start the server first, or correct the URL."))
}

/// The addresses on which the processes of a guard listen, and the processor ticks they have used.
async fn look(guard: i32) -> (Vec<SocketAddr>, u64) {
    let look = move || {
        let tree = process_tree::descendants(guard);
        (listeners::of(&tree), tree.iter().map(|process| process.ticks).sum())
    };
    aside(look).await.unwrap_or_default()
}

/// The owner of the socket that accepted our connection. If it seems to be another process, it looks twice: a server may
/// just be passing its socket to a child.
async fn confirm(target: SocketAddr, guard: i32) -> Owner {
    let look = move || {
        // Usually it is ours, and listing all processes takes longer.
        if let ours @ Owner::Ours(_) = listeners::owner(target, &process_tree::glimpse_of_descendants(guard), &[]) {
            return ours;
        }
        let everyone = process_tree::all();
        listeners::owner(target, &process_tree::within(everyone.clone(), guard), &everyone)
    };
    match aside(look).await {
        Some(Owner::Other(_)) => {
            tokio::time::sleep(Duration::from_millis(50)).await;
            aside(look).await.unwrap_or(Owner::Unknown)
        }
        known => known.unwrap_or(Owner::Unknown),
    }
}

/// Runs slow work on another thread, because the reading of logs must not wait for it.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}

fn holder_of(port: u16) -> Option<(i32, String)> {
    match listeners::owner((Ipv4Addr::LOCALHOST, port).into(), &[], &process_tree::all()) {
        Owner::Other(who) => who,
        _ => None,
    }
}

/// The port that `env` asks for, if it is a valid one.
fn wanted_port(env: &[(&str, &str)]) -> Option<u16> {
    let (_, value) = env.iter().rev().find(|(name, _)| *name == "PORT")?;
    match *value {
        "" => Some(DEFAULT_PORT),
        value => value.parse().ok().filter(|port| *port != 0),
    }
}

/// The address at which a server with this environment must be reachable.
fn host(env: &[(&str, &str)]) -> IpAddr {
    let host = env.iter().rev().find(|(name, _)| *name == "HOST");
    let ip = host.and_then(|(_, value)| value.parse().ok()).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    listeners::reachable(ip)
}
