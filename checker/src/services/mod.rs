//! The services that a learner's server talks to, each from the first source that works: a URL in the environment,
//! programs found on this machine, `docker compose`, or the system's package manager.
//!
//! A private service is a checker's own: its data is a copy made for it, it listens on the loopback address alone, it
//! runs under a guard, and all of it is gone when the checker is. A service that others use too is only ever asked for
//! a database of our own.

mod account;
mod address;
pub mod docker;
mod instance;
pub mod oauth;
mod owner;
mod packages;
pub mod postgres;
mod programs;
pub mod redis;
mod work;

use std::fmt;
use std::path::{Path, PathBuf};

use crate::outcome::Problem;
use address::Address;
use instance::Instance;
use programs::{Programs, Wanted};
use work::Work;

pub use postgres::{Client, Database, Fault, Postgres, Rows};
pub use redis::Redis;

/// Whoever waits for a service.
pub trait Audience {
    /// Hears what is going on.
    fn hear(&mut self, what: &str);

    /// Hears of a source that does not work, in one or more sentences, before the next one is tried.
    fn learn(&mut self, what: &str) {
        self.hear(what);
    }

    /// Is asked whether a service may be installed by this command.
    async fn allows(&mut self, service: &str, command: &str) -> bool;
}

/// Where a service comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// This variable of the environment names a server that runs.
    Given(&'static str),
    /// A server of the checker's own, from the programs in this folder.
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

/// What has to be known of a service to find one.
pub struct Kind {
    /// Its name.
    pub name: &'static str,
    /// The variable that may name a running server, and by which a learner's server is told.
    pub variable: &'static str,
    /// Schemes of its URLs, the usual one first.
    schemes: &'static [&'static str],
    /// The port it has by default.
    port: u16,
    /// Its name in `docker-compose.yml`.
    compose: &'static str,
    /// As whom one uses the container; the port is asked from docker.
    compose_url: &'static str,
    programs: Wanted,
    /// The packages that hold its programs.
    apt: &'static str,
    dnf: &'static str,
    brew: &'static str,
}

/// A service of one kind.
pub trait Service: Sized {
    /// Its kind.
    const KIND: Kind;

    /// Uses a server that runs. An error says why that cannot be, after the words "the server".
    async fn connect(address: Address, source: Source) -> Result<Self, String>;

    /// Starts a private server. An error says what failed.
    async fn private(programs: &Programs, work: &Work, progress: &mut dyn FnMut(&str)) -> Result<Self, String>;

    /// Its version, such as `15.18`.
    fn version(&self) -> &str;

    /// Where it comes from.
    fn source(&self) -> &Source;

    /// The processes, where they are ours.
    fn instance(&mut self) -> &mut Option<Instance>;

    /// Version and source, such as `15.18, a private server from /usr/lib/postgresql/15/bin`.
    fn describe(&self) -> String {
        format!("{}, {}", self.version(), self.source())
    }

    /// Waits until a private server has ended by itself, and says how; for a server of others, for ever.
    async fn ended(&mut self) -> String {
        match self.instance() {
            Some(instance) => format!("{} {}", Self::KIND.name, instance.ended().await),
            None => std::future::pending().await,
        }
    }

    /// Ends a private server, and waits until nothing of it is left. Dropping it does the same, without waiting.
    async fn stop(mut self) {
        if let Some(instance) = self.instance().take() {
            instance.stop().await;
        }
    }
}

/// PostgreSQL from the first source that works; `root` is the workshop's folder.
///
/// # Errors
///
/// There is none; the details say what was tried.
pub async fn postgres(root: &Path, audience: &mut impl Audience) -> Result<Postgres, Problem> {
    first(root, audience).await
}

/// PostgreSQL from a source for which nobody has to be asked, and that is there soon: a server that the environment names, or
/// programs found on this machine. `None` where [`postgres`] has to look further, or has to tell what is wrong.
pub async fn postgres_at_hand(audience: &mut impl Audience) -> Option<Postgres> {
    match given().await {
        Some(given) => given.ok(),
        None => private(audience, &mut Vec::new()).await.ok().flatten(),
    }
}

/// Redis from the first source that works; `root` is the workshop's folder.
///
/// # Errors
///
/// There is none; the details say what was tried.
pub async fn redis(root: &Path, audience: &mut impl Audience) -> Result<Redis, Problem> {
    first(root, audience).await
}

async fn first<S: Service>(root: &Path, audience: &mut impl Audience) -> Result<S, Problem> {
    let kind = S::KIND;
    let mut tried = Vec::new();
    if let Some(given) = given::<S>().await {
        match given {
            Ok(service) => return Ok(service),
            Err(why) => {
                audience.learn(&why);
                tried.push(why);
            }
        }
    }
    if let Some(service) = private::<S>(audience, &mut tried).await? {
        return Ok(service);
    }
    if docker::version().await.is_some() {
        audience.hear(&format!("Starting {} by docker compose", kind.name));
        match compose::<S>(root).await {
            Ok(service) => return Ok(service),
            Err(why) => tried.push(why),
        }
    }
    if let Some(command) = packages::command(&kind)
        && audience.allows(kind.name, &command).await
    {
        audience.hear(&format!("Installing {}", kind.name));
        match packages::install(&command).await {
            Ok(()) => match private::<S>(audience, &mut tried).await? {
                Some(service) => return Ok(service),
                None => tried.push(format!("`{command}` has brought no programs that can be used.")),
            },
            Err(why) => tried.push(why),
        }
    }
    Err(missing(&kind, &tried))
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

async fn private<S: Service>(audience: &mut impl Audience, tried: &mut Vec<String>) -> Result<Option<S>, Problem> {
    let found = programs::find(&S::KIND.programs, &programs::path()).await;
    if found.is_empty() {
        return Ok(None);
    }
    let work = Work::open()?;
    for programs in found {
        match S::private(&programs, &work, &mut |what| audience.hear(what)).await {
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

/// What to say where there is no service of this kind, after these sources have failed.
fn missing(kind: &Kind, tried: &[String]) -> Problem {
    let install = match packages::command(kind) {
        Some(command) => format!("Type `{command}`"),
        None => format!("Install {} with your system's package manager", kind.name),
    };
    let ways = format!("{install}, or start docker, or set {} to the URL of a server that runs.", kind.variable);
    Problem {
        details: tried.iter().flat_map(|what| what.lines()).map(str::to_owned).collect(),
        ..Problem::new(
            format!("There is no {} that the checker could use.", kind.name),
            if tried.is_empty() { ways } else { format!("Mend what the lines below tell of, or try another way. {ways}") },
        )
    }
}

/// What [`doctor`](crate::commands) shows: where each service would come from.
pub async fn survey() -> [(&'static str, Result<String, Problem>); 2] {
    [(Postgres::KIND.name, outlook::<Postgres>().await), (Redis::KIND.name, outlook::<Redis>().await)]
}

/// Where a service would come from, without starting or installing anything.
async fn outlook<S: Service>() -> Result<String, Problem> {
    let kind = S::KIND;
    let unused = match given::<S>().await {
        Some(Ok(service)) => return Ok(service.describe()),
        Some(Err(why)) => vec![why],
        None => Vec::new(),
    };
    let found = programs::find(&kind.programs, &programs::path()).await;
    let source = match found.first() {
        Some(programs) => {
            Work::open()?;
            format!("{}, {}", programs.version, Source::Private(programs.folder.clone()))
        }
        None => match docker::version().await {
            Some(version) => format!("{} (docker {version})", Source::Compose),
            None => return Err(missing(&kind, &unused)),
        },
    };
    Ok(unused.into_iter().fold(source, |source, why| format!("{source}. {why}")))
}
