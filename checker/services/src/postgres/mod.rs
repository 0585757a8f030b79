//! PostgreSQL: a server, with a database for each part.

mod admin;
mod client;
mod scram;
mod shared_memory;
mod store;
mod template;

use std::ffi::OsString;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;

pub use client::{Client, Fault, Rows};
pub use store::{Held, Refusal, Rehearsal, Store, quoted};

use self::admin::Admin;
use fixtures::Backed;
use fixtures::find::{Address, Kind, PrivateServer, Programs, RunKind, Service, Source, Wanted, Work, owner};
use fixtures::{Fixture, Part, TrafficKind, Variable};
use model::Problem;
use sandbox::ports;

/// The prefix of the checker's databases.
const PREFIX: &str = "workshop_";
/// The lowest version that can drop a database while it is in use.
const LEAST: u32 = 13;
/// The default database, which exists unless someone has removed it.
const USUAL: &str = "postgres";
/// Settings of a private server: no data has to survive a crash.
const SETTINGS: &[&str] = &[
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "max_wal_size=128MB",
    "wal_level=minimal",
    "max_wal_senders=0",
    // As many for each worker as a server of its own would have: a target that opens a connection for each request must not
    // take those of another.
    "max_connections=500",
    // In its folder, which is removed with it: POSIX shared memory would stay after a SIGKILL.
    "dynamic_shared_memory_type=mmap",
    "jit=off",
    "log_statement=none",
    "logging_collector=off",
    "timezone=UTC",
];
/// The first version with strategies for copying a database.
const FIRST_WITH_STRATEGIES: u32 = 15;
/// How often to try a start, if another program takes the port meanwhile.
const ATTEMPTS: usize = 3;

/// The fixture.
pub const DATABASE: &dyn Fixture = &Backed::<Postgres>(PhantomData);

/// A PostgreSQL server.
pub struct Postgres {
    admin: Arc<Admin>,
    version: String,
    source: Source,
    instance: Option<PrivateServer>,
}

/// A database that this checker created.
pub struct Database {
    admin: Arc<Admin>,
    address: Address,
    /// Whether its server is private, so that the database is removed with the server at the latest.
    is_private: bool,
}

impl Service for Postgres {
    const KIND: Kind = Kind {
        name: "PostgreSQL",
        variable: "DATABASE_URL",
        schemes: &["postgresql", "postgres"],
        port: 5432,
        compose: "postgres",
        compose_url: "postgresql://workshop:workshop@127.0.0.1/workshop",
        run: RunKind { name: "postgres", account: "postgres", release: shared_memory::release },
        programs: Wanted {
            servers: &["postgres"],
            beside: Some("initdb"),
            places: &[
                "/usr/lib/postgresql/*/bin",
                "/usr/pgsql-*/bin",
                "/usr/libexec/postgresql*",
                "/usr/local/pgsql/bin",
                "/opt/homebrew/opt/postgresql@*/bin",
                "/usr/local/opt/postgresql@*/bin",
                "/opt/homebrew/bin",
                "/usr/local/bin",
                "/usr/bin",
                "/opt/local/lib/postgresql*/bin",
                "/Applications/Postgres.app/Contents/Versions/*/bin",
                "/Library/PostgreSQL/*/bin",
            ],
            least: LEAST,
        },
        apt: "postgresql",
        dnf: "postgresql-server",
        brew: "postgresql@17",
    };

    const VARIABLES: &'static [Variable] = &[Variable {
        name: "DATABASE_URL",
        by_hand: "`cargo run -p checker -- up` starts a database and prints its DATABASE_URL.",
    }];
    const TRAFFIC: Option<TrafficKind> = Some(TrafficKind { key: "sql", file: "statements.sql", peer: "the database" });
    const DISTURBED: &'static str = "database or its settings";

    async fn connect(address: Address, source: Source) -> Result<Self, String> {
        let user = if address.user.is_empty() { std::env::var("USER").unwrap_or_default() } else { address.user.clone() };
        let mut address = Address { user, ..address };
        let mut client = match Client::connect(&address).await {
            // The database in the URL may not exist yet.
            Err(Fault::Refused { code, .. }) if code == "3D000" => {
                address.database = USUAL.into();
                Client::connect(&address).await
            }
            other => other,
        }
        .map_err(|fault| format!("cannot be used at {address}: {fault}"))?;
        let asked = "SELECT current_setting('server_version_num'), split_part(version(), ' ', 2), rolsuper OR rolcreatedb, \
                     rolname FROM pg_roles WHERE rolname = current_user";
        let rows = client.query(asked).await.map_err(|fault| format!("cannot be used at {address}: {fault}"))?;
        let [Some(number), Some(version), Some(may_create), Some(role)] = rows.first().map_or(&[][..], Vec::as_slice) else {
            return Err(format!("at {address} does not report what it is"));
        };
        if number.parse::<u32>().unwrap_or_default() / 10_000 < LEAST {
            return Err(format!("at {address} has version {version}; the checker needs {LEAST} or later"));
        }
        if may_create != "t" {
            return Err(format!("at {address} does not let {role} create databases; `ALTER ROLE \"{role}\" CREATEDB` allows it"));
        }
        remove_those_of_dead_checkers(&mut client).await;
        Ok(Postgres { admin: Arc::new(Admin::new(address)), version: version.clone(), source, instance: None })
    }

    async fn private(programs: &Programs, work: &Work, progress: &mut dyn FnMut(&str)) -> Result<Self, String> {
        let mut attempt = 1;
        loop {
            match start(programs, work, progress).await {
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
        Ok(Rc::new(Store::make(self).await?))
    }

    async fn lend(&self) -> Result<Rc<dyn Part>, Problem> {
        Ok(Rc::new(self.database().await?))
    }
}

async fn start(programs: &Programs, work: &Work, progress: &mut dyn FnMut(&str)) -> Result<Postgres, String> {
    let folder = work.run_folder().await.map_err(|error| error.to_string())?;
    let data = folder.data();
    let password = template::copy(programs, work, &data, progress).await?;
    progress("Starting PostgreSQL");
    let port = ports::claim().map_err(|problem| problem.title)?;
    let address = Address {
        scheme: Postgres::KIND.schemes[0],
        host: "127.0.0.1".into(),
        port: port.number,
        user: template::USER.into(),
        password: Some(password),
        database: USUAL.into(),
    };
    let mut args: Vec<OsString> = vec!["-D".into(), data.clone().into(), "-p".into(), port.number.to_string().into()];
    args.extend(SETTINGS.iter().flat_map(|setting| ["-c", *setting]).map(Into::into));
    let mut instance = PrivateServer::start(programs.server(), args, port, folder, work)?;
    let is_ours = async || {
        let mut client = Client::connect(&address).await.ok()?;
        let rows = client.query("SHOW data_directory").await.ok()?;
        // Any other server that listens there has another data directory.
        (rows.first()?.first()?.as_deref()? == data.to_str()?).then_some(())
    };
    instance.ready(is_ours).await?;
    let source = Source::Private(programs.folder.clone());
    Ok(Postgres { admin: Arc::new(Admin::new(address)), version: programs.version.clone(), source, instance: Some(instance) })
}

impl Postgres {
    /// Creates an empty database in UTF-8.
    ///
    /// # Errors
    ///
    /// The server reports an error, or is gone.
    pub async fn database(&self) -> Result<Database, Problem> {
        let random: String = std::iter::repeat_with(|| fastrand::char('a'..='z')).take(6).collect();
        let name = format!("{PREFIX}{}_{random}", owner::this());
        // A private server has no other load, so the checkpoint that FILE_COPY needs costs next to nothing.
        let copies_files = self.instance.is_some() && major(&self.version) >= FIRST_WITH_STRATEGIES;
        let strategy = if copies_files { " STRATEGY FILE_COPY" } else { "" };
        let sql = format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'{strategy}");
        let address = &self.admin.address;
        match self.admin.query(&sql).await {
            Ok(_) => Ok(Database {
                admin: self.admin.clone(),
                address: address.with_database(&name),
                is_private: self.instance.is_some(),
            }),
            Err(fault) => Err(Problem::new(
                format!("PostgreSQL at {address} cannot create a database: {fault}."),
                "Try again; if it happens again, see the log of that server.",
            )),
        }
    }
}

impl Database {
    /// Its address and credentials.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Removes it, even if clients are still connected. If that fails, a later checker removes it.
    pub async fn remove(self) {
        let removal = async move { self.admin.query(&removal_of(&self.address.database)).await.map(drop) };
        if self.is_private {
            // Nobody has to wait, because the database is removed with the server at the latest.
            drop(tokio::spawn(removal));
        } else {
            let _ = removal.await;
        }
    }
}

impl Part for Database {
    fn environment(&self) -> Vec<(&'static str, String)> {
        vec![(Postgres::KIND.variable, self.address.url())]
    }

    fn remove(self: Rc<Self>) -> LocalBoxFuture<'static, ()> {
        async move {
            if let Some(database) = Rc::into_inner(self) {
                Database::remove(database).await;
            }
        }
        .boxed_local()
    }
}

/// The major version, such as 15 for `15.18`.
fn major(version: &str) -> u32 {
    version.split(|c: char| !c.is_ascii_digit()).next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

fn removal_of(name: &str) -> String {
    format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")
}

/// Removes the databases of dead checkers, and never any other database.
async fn remove_those_of_dead_checkers(client: &mut Client) {
    let rows = client.query("SELECT datname FROM pg_database").await.unwrap_or_default();
    for name in rows.into_iter().flatten().flatten().filter(|name| is_of_a_dead_checker(name)) {
        let _ = client.query(&removal_of(&name)).await;
    }
}

fn is_of_a_dead_checker(name: &str) -> bool {
    let plain = name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.rsplit_once('_')).map(|(owner, _)| owner);
    plain && owner.is_some_and(owner::is_dead)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_of_another_owner_is_never_removed() {
        for name in ["habits", "workshop", "workshop_", "workshop_habits", "workshop_1_2_3", "workshop_a_b_c_d"] {
            assert!(!is_of_a_dead_checker(name), "{name}");
        }
        assert!(!is_of_a_dead_checker(&format!("{PREFIX}{}_abcdef", owner::this())), "its checker lives");
    }
}
