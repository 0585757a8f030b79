//! The database of the right server, for sabotages that meddle with it. What they do there passes the checker's tap like
//! everything the right server does, for both have the same `DATABASE_URL`.

use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Connection, FromRow};
use tokio::sync::Mutex;

/// The tables of the right server in a mirrored database; the checker looks at copies in the schema `public`.
pub const OWN: &str = "own";
/// What keeps two processes from changing the schema at once.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7351)";

/// A database, with one connection of ours, made when it is needed.
pub struct Database {
    url: String,
    kept: Mutex<Option<PgConnection>>,
}

/// The database did not do it.
#[derive(Debug)]
pub struct Failed(pub String);

impl From<sqlx::Error> for Failed {
    fn from(error: sqlx::Error) -> Self {
        Failed(format!("the database: {error}"))
    }
}

impl Database {
    /// The database with this URL.
    pub fn at(url: &str) -> Self {
        Database { url: url.to_owned(), kept: Mutex::default() }
    }

    /// Whether a right server would try to connect to it.
    pub fn is_named(&self) -> bool {
        let schemes = ["postgresql://", "postgres://"];
        schemes.iter().any(|scheme| self.url.starts_with(scheme)) && self.url.parse::<sqlx::postgres::PgConnectOptions>().is_ok()
    }

    /// Runs statements.
    pub async fn run(&self, sql: &str) -> Result<(), Failed> {
        self.fetch(sql).await.map(drop)
    }

    /// The rows of statements.
    pub async fn rows<T: for<'r> FromRow<'r, PgRow>>(&self, sql: &str) -> Result<Vec<T>, Failed> {
        let rows = self.fetch(sql).await?;
        Ok(rows.iter().map(T::from_row).collect::<Result<_, _>>()?)
    }

    /// Runs statements while no other process does.
    pub async fn run_alone(&self, sql: &str) -> Result<(), Failed> {
        self.run(&format!("BEGIN; {LOCK}; {sql}; COMMIT")).await
    }

    /// Runs statements unless they have been run in this database before, by whatever process.
    pub async fn run_once(&self, sql: &str) -> Result<(), Failed> {
        self.run(&format!("BEGIN; {LOCK}")).await?;
        let fresh: Vec<(bool,)> = self.rows("SELECT to_regnamespace('saboteur') IS NULL").await?;
        if fresh == [(true,)] {
            self.run("CREATE SCHEMA saboteur").await?;
            self.run(sql).await?;
        }
        self.run("COMMIT").await
    }

    async fn fetch(&self, sql: &str) -> Result<Vec<PgRow>, Failed> {
        let mut kept = self.kept.lock().await;
        loop {
            let is_new = kept.is_none();
            let connection = match kept.as_mut() {
                Some(connection) => connection,
                None => kept.insert(PgConnection::connect(&self.url).await?),
            };
            match sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch_all(connection).await {
                Err(error) if error.as_database_error().is_none() => {
                    // The connection was cut.
                    *kept = None;
                    if is_new {
                        return Err(error.into());
                    }
                }
                done => return Ok(done?),
            }
        }
    }
}
