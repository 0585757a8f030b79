//! Redis: a server, with a logical database for each part.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::marker::PhantomData;
use std::os::unix::fs::OpenOptionsExt;
use std::rc::Rc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use fixtures::Backed;
use fixtures::find::{Address, Kind, PrivateServer, Programs, RunKind, Service, Source, Wanted, Work, owner};
use fixtures::{Fixture, Part, Variable};
use model::Problem;
use sandbox::ports;

/// The key that names the owner of a logical database.
const CLAIM: &str = "workshop:checker";
/// Atomically empties the selected logical database if it has the given claim.
const EMPTY_IF_CLAIMED: &str = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('FLUSHDB') end";
/// An upper bound: no server has more logical databases.
const MOST: u32 = 1024;
/// How long connecting, or one command, may take.
const ANSWER: Duration = Duration::from_secs(5);
/// The largest reply accepted, in bytes; nothing that we ask for is larger.
const LARGEST: u64 = 16 * 1024 * 1024;
/// How often to try a start, if another program takes the port meanwhile.
const ATTEMPTS: usize = 3;

/// The fixture.
pub const REDIS: &dyn Fixture = &Backed::<Redis>(PhantomData);

/// A Redis server.
pub struct Redis {
    address: Address,
    version: String,
    source: Source,
    instance: Option<PrivateServer>,
}

/// A logical database that was empty and is claimed for this checker.
pub struct Database {
    address: Address,
    claim: String,
}

impl Service for Redis {
    const KIND: Kind = Kind {
        name: "Redis",
        variable: "REDIS_URL",
        schemes: &["redis"],
        port: 6379,
        compose: "redis",
        compose_url: "redis://:workshop@127.0.0.1",
        run: RunKind { name: "redis", account: "redis", release: |_| () },
        programs: Wanted {
            servers: &["redis-server", "valkey-server"],
            beside: None,
            places: &["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin", "/opt/local/bin"],
            least: 6,
        },
        apt: "redis-server",
        dnf: "redis",
        brew: "redis",
    };

    const VARIABLES: &'static [Variable] =
        &[Variable { name: "REDIS_URL", by_hand: "`cargo run -p checker -- up` starts Redis and prints its REDIS_URL." }];
    const DISTURBED: &'static str = "Redis or its settings";

    async fn connect(address: Address, source: Source) -> Result<Self, String> {
        let info = async { Client::connect(&address).await?.ask(&["INFO", "server"]).await };
        let Reply::Text(info) = info.await.map_err(|error| format!("cannot be used at {address}: {error}"))? else {
            return Err(format!("at {address} does not report what it is"));
        };
        let version = |name| info.lines().find_map(|line: &str| line.strip_prefix(name));
        let version = version("redis_version:").ok_or_else(|| format!("at {address} does not report its version"))?.to_owned();
        Ok(Redis { address, version, source, instance: None })
    }

    async fn private(programs: &Programs, work: &Work, progress: &mut dyn FnMut(&str)) -> Result<Self, String> {
        progress("Starting Redis");
        let mut attempt = 1;
        loop {
            match start(programs, work).await {
                Err(error) if error.contains("Address already in use") && attempt < ATTEMPTS => attempt += 1,
                result => return result,
            }
        }
    }

    fn version(&self) -> &str {
        &self.version
    }

    fn source(&self) -> &Source {
        &self.source
    }

    fn private_server(&mut self) -> &mut Option<PrivateServer> {
        &mut self.instance
    }

    async fn isolate(&self) -> Result<Rc<dyn Part>, Problem> {
        Ok(Rc::new(self.database().await?))
    }

    async fn lend(&self) -> Result<Rc<dyn Part>, Problem> {
        Ok(Rc::new(self.database().await?))
    }
}

async fn start(programs: &Programs, work: &Work) -> Result<Redis, String> {
    let message = |error: io::Error| error.to_string();
    let folder = work.run_folder().await.map_err(message)?;
    let port = ports::claim().map_err(|problem| problem.title)?;
    let password: String = std::iter::repeat_with(fastrand::alphanumeric).take(24).collect();
    let (data, configuration) = (folder.data(), folder.path().join("redis.conf"));
    // In a file, because every user of a machine can see the arguments of a program.
    let settings = format!(
        "bind 127.0.0.1\nport {}\nrequirepass {password}\ndir {}\nsave \"\"\nappendonly no\ndaemonize no\nlogfile \"\"\n",
        port.number,
        quoted(&data.display().to_string()),
    );
    let prepare = || {
        fs::create_dir(&data)?;
        work.give(&data)?;
        let file = fs::File::options().write(true).create_new(true).mode(0o600).open(&configuration)?;
        io::Write::write_all(&mut &file, settings.as_bytes())?;
        work.give(&configuration)
    };
    prepare().map_err(message)?;
    let address = Address {
        scheme: Redis::KIND.schemes[0],
        host: "127.0.0.1".into(),
        port: port.number,
        user: String::new(),
        password: Some(password),
        database: String::new(),
    };
    let args: Vec<OsString> = vec![configuration.into()];
    let mut instance = PrivateServer::start(programs.server(), args, port, folder, work)?;
    // No other server knows the password.
    instance.ready(async || Client::connect(&address).await.ok()?.ask(&["PING"]).await.ok()).await?;
    let source = Source::Private(programs.folder.clone());
    Ok(Redis { address, version: programs.version.clone(), source, instance: Some(instance) })
}

/// A path as one word of a configuration file.
fn quoted(path: &str) -> String {
    format!("\"{}\"", path.replace('\\', "\\\\").replace('"', "\\\""))
}

impl Redis {
    /// Claims a logical database that is empty or that a dead checker has claimed.
    ///
    /// # Errors
    ///
    /// Every one is in use, or the server is gone.
    pub async fn database(&self) -> Result<Database, Problem> {
        let claim = format!("{}_{}", owner::this(), fastrand::u32(..));
        match claim_one(&self.address, &claim).await {
            Ok(Some(number)) => Ok(Database { address: self.address.with_database(&number.to_string()), claim }),
            Ok(None) => Err(Problem::new(
                format!("Every logical database of Redis at {} is in use.", self.address),
                format!(
                    "Empty one that you no longer need, or unset {} so that the checker starts its own Redis.",
                    Redis::KIND.variable
                ),
            )),
            Err(error) => Err(Problem::new(
                format!("Redis at {} cannot be used: {error}.", self.address),
                "Try again; if it happens again, see the log of that server.",
            )),
        }
    }
}

impl Part for Database {
    fn environment(&self) -> Vec<(&'static str, String)> {
        vec![(Redis::KIND.variable, self.address.url())]
    }

    /// Removes the stored data and releases the logical database.
    fn remove(self: Rc<Self>) -> LocalBoxFuture<'static, ()> {
        async move {
            if let Ok(mut client) = Client::connect(&self.address).await {
                let _ = empty(&mut client, &self.claim).await;
            }
        }
        .boxed_local()
    }
}

/// Claims a logical database and returns its number; `None` if every one is in use.
async fn claim_one(address: &Address, claim: &str) -> Result<Option<u32>, Fault> {
    let mut client = Client::connect(address).await?;
    for number in 0..MOST {
        match client.ask(&["SELECT", &number.to_string()]).await {
            Ok(_) => {}
            // There are no more logical databases.
            Err(Fault::Refused(_)) if number > 0 => return Ok(None),
            Err(fault) => return Err(fault),
        }
        let of_the_dead = |claim: &str| claim.rsplit_once('_').is_some_and(|(owner, _)| owner::is_dead(owner));
        if let Some(claim) = claim_of(&mut client).await?.filter(|claim| of_the_dead(claim)) {
            empty(&mut client, &claim).await?;
        }
        let is_empty = |size: &Reply, expected| matches!(size, Reply::Number(size) if *size == expected);
        if !is_empty(&client.ask(&["DBSIZE"]).await?, 0) {
            continue;
        }
        let ours = !matches!(client.ask(&["SET", CLAIM, claim, "NX"]).await?, Reply::Nothing);
        // If another client has stored something meanwhile, the database is not ours.
        if ours && is_empty(&client.ask(&["DBSIZE"]).await?, 1) {
            return Ok(Some(number));
        }
        if ours {
            client.ask(&["DEL", CLAIM]).await?;
        }
    }
    Ok(None)
}

async fn claim_of(client: &mut Client) -> Result<Option<String>, Fault> {
    match client.ask(&["GET", CLAIM]).await {
        Ok(Reply::Text(claim)) => Ok(Some(claim)),
        // Another program's key of this name may have another type.
        Ok(_) | Err(Fault::Refused(_)) => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// Removes every key of the logical database that the client has selected, if it has this claim.
async fn empty(client: &mut Client, claim: &str) -> Result<(), Fault> {
    client.ask(&["EVAL", EMPTY_IF_CLAIMED, "1", CLAIM, claim]).await.map(drop)
}

/// A small client for version 2 of the protocol (<https://redis.io/docs/latest/develop/reference/protocol-spec/>).
struct Client {
    stream: BufReader<TcpStream>,
}

/// The reply to a command, of the types that the checker uses.
#[derive(Debug, PartialEq, Eq)]
enum Reply {
    Text(String),
    Number(i64),
    Nothing,
}

/// Why a command has no reply.
#[derive(Debug)]
enum Fault {
    Connection(io::Error),
    /// The server reported an error; its message is untrusted text.
    Refused(String),
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Fault::Connection(error) => write!(f, "{error}"),
            Fault::Refused(message) => write!(f, "it reports an error: {message}"),
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Fault::Connection(error)
    }
}

impl Client {
    /// Connects, and selects the logical database that the address names.
    async fn connect(address: &Address) -> Result<Self, Fault> {
        let connect = TcpStream::connect((address.host.as_str(), address.port));
        let stream = timeout(ANSWER, connect).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
        stream.set_nodelay(true)?;
        let mut client = Client { stream: BufReader::new(stream) };
        if let Some(password) = &address.password {
            let named = [address.user.as_str(), password];
            let words = if address.user.is_empty() { &named[1..] } else { &named[..] };
            client.ask(&[&["AUTH"], words].concat()).await?;
        }
        if !address.database.is_empty() {
            client.ask(&["SELECT", &address.database]).await?;
        }
        Ok(client)
    }

    async fn ask(&mut self, words: &[&str]) -> Result<Reply, Fault> {
        let mut command = format!("*{}\r\n", words.len());
        for word in words {
            command.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        let response = async {
            self.stream.write_all(command.as_bytes()).await?;
            read(&mut self.stream).await
        };
        timeout(ANSWER, response).await.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()))
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Result<Reply, Fault> {
    let mut line = String::new();
    stream.take(LARGEST).read_line(&mut line).await?;
    let line = line.strip_suffix("\r\n").ok_or_else(garbled)?;
    let rest = line.get(1..).unwrap_or_default();
    Ok(match line.as_bytes().first() {
        Some(b'+') => Reply::Text(rest.to_owned()),
        Some(b'-') => return Err(Fault::Refused(rest.to_owned())),
        Some(b':') => Reply::Number(rest.parse().map_err(|_| garbled())?),
        // A value that does not exist.
        Some(b'$') if rest == "-1" => Reply::Nothing,
        Some(b'$') => {
            let length: u64 = rest.parse().ok().filter(|length| *length <= LARGEST).ok_or_else(garbled)?;
            let mut bytes = vec![0; length as usize + 2];
            stream.read_exact(&mut bytes).await?;
            bytes.truncate(length as usize);
            Reply::Text(String::from_utf8_lossy(&bytes).into_owned())
        }
        _ => return Err(garbled().into()),
    })
}

fn garbled() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the server there does not speak Redis's protocol")
}
