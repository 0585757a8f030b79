//! Finds a service: the first source that works of a URL in the environment, programs found on this machine, `docker compose`,
//! and the system's package manager.
//!
//! A private service belongs to one checker: its data is a copy made for it, it listens only on the loopback address, it
//! runs under a guard, and all of it is removed when the checker exits. In a service that others use too, the checker only
//! creates databases of its own.

mod account;
mod address;
pub mod docker;
pub mod owner;
mod packages;
mod private_server;
mod programs;
mod work_folder;

use std::fmt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use model::Problem;

pub use address::Address;
pub use private_server::{PrivateServer, run_to_end};
pub use programs::{Programs, Wanted};
pub use work_folder::{RunKind, Work};

use crate::fixture::{Console, Part, TrafficKind, Variable};

/// Where a service comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A running server, named by this environment variable.
    Given(&'static str),
    /// A private server, started from the programs in this folder.
    Private(PathBuf),
    /// A container of `docker-compose.yml`.
    Compose,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Given(variable) => write!(f, "the server that {variable} names"),
            Source::Private(folder) => write!(f, "a private server from {}", folder.display()),
            Source::Compose => write!(f, "a container of docker-compose.yml"),
        }
    }
}

/// The description of a service by which it is found.
pub struct Kind {
    /// Its name.
    pub name: &'static str,
    /// The variable that may name a running server, and that passes the URL to a server under examination.
    pub variable: &'static str,
    /// Schemes of its URLs, the usual one first.
    pub schemes: &'static [&'static str],
    /// Its default port.
    pub port: u16,
    /// Its name in `docker-compose.yml`.
    pub compose: &'static str,
    /// The URL of the container with its credentials; docker reports the port.
    pub compose_url: &'static str,
    /// The kind of folders in which its private servers keep their data.
    pub run: RunKind,
    /// Its programs, and where to look for them on this machine.
    pub programs: Wanted,
    /// The package that holds its programs, for `apt-get`.
    pub apt: &'static str,
    /// The same for `dnf`.
    pub dnf: &'static str,
    /// The same for Homebrew.
    pub brew: &'static str,
}

/// A service that can be found and started, and that gives each worker its own part.
pub trait Service: Sized + 'static {
    /// Its description.
    const KIND: Kind;
    /// The environment variables that a server under examination gets.
    const VARIABLES: &'static [Variable];
    /// The traffic that its taps record, if it has taps.
    const TRAFFIC: Option<TrafficKind> = None;
    /// What a check disturbs if it disturbs this service, completing "the server's …".
    const DISTURBED: &'static str;

    /// Uses a running server. An error says why that fails, as the predicate of a sentence about the server.
    fn connect(address: Address, source: Source) -> impl Future<Output = Result<Self, String>>;

    /// Starts a private server. An error says what failed.
    fn private(programs: &Programs, work: &Work, progress: &mut dyn FnMut(&str)) -> impl Future<Output = Result<Self, String>>;

    /// Its version, such as `15.18`.
    fn version(&self) -> &str;

    /// Where it comes from.
    fn source(&self) -> &Source;

    /// The private server, if it is a private one.
    fn private_server(&mut self) -> &mut Option<PrivateServer>;

    /// Creates a part that no other worker uses, for a server under examination, with a tap in front if the service has taps.
    fn isolate(&self) -> impl Future<Output = Result<Rc<dyn Part>, Problem>>;

    /// Creates a part for a person's own experiments, without a tap.
    fn lend(&self) -> impl Future<Output = Result<Rc<dyn Part>, Problem>>;

    /// Version and source, such as `15.18, a private server from /usr/lib/postgresql/15/bin`.
    fn describe(&self) -> String {
        format!("{}, {}", self.version(), self.source())
    }
}

/// The service from the first source that works; `root` is the workshop's folder.
///
/// # Errors
///
/// No source works; the details list what was tried.
pub async fn first<S: Service>(root: &Path, console: &mut dyn Console) -> Result<S, Problem> {
    let kind = S::KIND;
    let mut tried = Vec::new();
    if let Some(given) = given::<S>().await {
        match given {
            Ok(service) => return Ok(service),
            Err(why) => {
                console.warn(&why);
                tried.push(why);
            }
        }
    }
    if let Some(service) = private::<S>(console, &mut tried).await? {
        return Ok(service);
    }
    if docker::version().await.is_some() {
        console.progress(&format!("Starting {} by docker compose", kind.name));
        match compose::<S>(root).await {
            Ok(service) => return Ok(service),
            Err(why) => tried.push(why),
        }
    }
    if let Some(command) = packages::command(&kind)
        && console.consents(kind.name, &command).await
    {
        console.progress(&format!("Installing {}", kind.name));
        match packages::install(&command).await {
            Ok(()) => match private::<S>(console, &mut tried).await? {
                Some(service) => return Ok(service),
                None => tried.push(format!("`{command}` has installed no usable programs.")),
            },
            Err(why) => tried.push(why),
        }
    }
    Err(missing(&kind, &tried))
}

/// The service from a source that needs no consent and starts quickly: a server that the environment names, or programs found
/// on this machine. `None` where [`first`] has to look further, or has to report a problem.
pub async fn at_hand<S: Service>(console: &mut dyn Console) -> Option<S> {
    match given().await {
        Some(given) => given.ok(),
        None => private(console, &mut Vec::new()).await.ok().flatten(),
    }
}

/// The server that the environment names, if it names one.
async fn given<S: Service>() -> Option<Result<S, String>> {
    let kind = S::KIND;
    let url = std::env::var(kind.variable).ok().filter(|url| !url.is_empty())?;
    let service = match Address::parse(&url, kind.schemes, kind.port) {
        Ok(address) => S::connect(address, Source::Given(kind.variable)).await,
        Err(why) => return Some(Err(format!("{} {why}.", kind.variable))),
    };
    Some(service.map_err(|why| format!("The server that {} names {why}.", kind.variable)))
}

async fn private<S: Service>(console: &mut dyn Console, tried: &mut Vec<String>) -> Result<Option<S>, Problem> {
    let found = programs::find(&S::KIND.programs, &programs::path()).await;
    if found.is_empty() {
        return Ok(None);
    }
    let work = Work::open(S::KIND.run)?;
    for programs in found {
        match S::private(&programs, &work, &mut |what| console.progress(what)).await {
            Ok(service) => return Ok(Some(service)),
            Err(why) => tried.push(format!("{} from {} {why}", S::KIND.name, programs.folder.display())),
        }
    }
    Ok(None)
}

async fn compose<S: Service>(root: &Path) -> Result<S, String> {
    let kind = S::KIND;
    let at = docker::up(root, kind.compose, kind.port).await?;
    let address = Address::parse(kind.compose_url, kind.schemes, kind.port)?;
    let address = Address { host: at.ip().to_string(), port: at.port(), ..address };
    let service = S::connect(address, Source::Compose).await;
    service.map_err(|why| format!("The container {} {why}.", kind.compose))
}

/// The problem to report when there is no service of this kind, after these sources have failed.
fn missing(kind: &Kind, tried: &[String]) -> Problem {
    let install = match packages::command(kind) {
        Some(command) => format!("Run `{command}`"),
        None => format!("Install {} with your system's package manager", kind.name),
    };
    let ways = format!("{install}, start docker, or set {} to the URL of a running server.", kind.variable);
    Problem {
        details: tried.iter().flat_map(|what| what.lines()).map(str::to_owned).collect(),
        ..Problem::new(
            format!("There is no {} that the checker could use.", kind.name),
            if tried.is_empty() { ways } else { format!("Fix what the lines below report, or try another way. {ways}") },
        )
    }
}

/// The source from which a service would come, without starting or installing anything.
pub async fn outlook<S: Service>() -> Result<String, Problem> {
    let kind = S::KIND;
    let unused = match given::<S>().await {
        Some(Ok(service)) => return Ok(service.describe()),
        Some(Err(why)) => vec![why],
        None => Vec::new(),
    };
    let found = programs::find(&kind.programs, &programs::path()).await;
    let source = match found.first() {
        Some(programs) => {
            Work::open(kind.run)?;
            format!("{}, {}", programs.version, Source::Private(programs.folder.clone()))
        }
        None => match docker::version().await {
            Some(version) => format!("{} (docker {version})", Source::Compose),
            None => return Err(missing(&kind, &unused)),
        },
    };
    Ok(unused.into_iter().fold(source, |source, why| format!("{source}. {why}")))
}
