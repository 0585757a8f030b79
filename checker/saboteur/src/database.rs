//! The upstream server's database, for sabotages that read or change it. Their statements pass through the checker's tap like those
//! of the upstream server, since both have the same `DATABASE_URL`.

use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Connection, FromRow};
use tokio::sync::Mutex;

/// The schema of the upstream server's tables in a mirrored database. The checker looks at the copies in the schema `public`.
pub const UPSTREAM_SCHEMA: &str = "own";
/// Keeps two processes from changing the schema at the same time.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7351)";

/// A database with a single connection, which is opened when it is first needed.
pub struct Database {
    url: String,
    connection: Mutex<Option<PgConnection>>,
}

/// Why a statement failed.
#[derive(Debug)]
pub struct DatabaseError(pub String);

impl From<sqlx::Error> for DatabaseError {
    fn from(error: sqlx::Error) -> Self {
        DatabaseError(format!("the database: {error}"))
    }
}

impl Database {
    /// The database with this URL.
    pub fn at(url: &str) -> Self {
        Database { url: url.to_owned(), connection: Mutex::default() }
    }

    /// Whether the URL is one that a correct server would connect to.
    pub fn has_valid_url(&self) -> bool {
        let schemes = ["postgresql://", "postgres://"];
        schemes.iter().any(|scheme| self.url.starts_with(scheme)) && self.url.parse::<sqlx::postgres::PgConnectOptions>().is_ok()
    }

    /// Runs SQL statements.
    pub async fn run(&self, sql: &str) -> Result<(), DatabaseError> {
        self.fetch(sql).await.map(drop)
    }

    /// Runs SQL statements and returns their rows.
    pub async fn rows<T: for<'r> FromRow<'r, PgRow>>(&self, sql: &str) -> Result<Vec<T>, DatabaseError> {
        let rows = self.fetch(sql).await?;
        Ok(rows.iter().map(T::from_row).collect::<Result<_, _>>()?)
    }

    /// The first column of a query's first row, if there is one and it is not null.
    pub async fn integer(&self, sql: &str) -> Result<Option<i64>, DatabaseError> {
        let rows: Vec<(Option<i64>,)> = self.rows(sql).await?;
        Ok(rows.first().and_then(|row| row.0))
    }

    /// Runs SQL statements in a transaction that excludes those of other processes.
    pub async fn run_exclusively(&self, sql: &str) -> Result<(), DatabaseError> {
        self.run(&format!("BEGIN; {LOCK}; {sql}; COMMIT")).await
    }

    /// Runs SQL statements once in this database, whichever process comes first.
    pub async fn run_once(&self, sql: &str) -> Result<(), DatabaseError> {
        self.run(&format!("BEGIN; {LOCK}")).await?;
        let fresh: Vec<(bool,)> = self.rows("SELECT to_regnamespace('saboteur') IS NULL").await?;
        if fresh == [(true,)] {
            self.run("CREATE SCHEMA saboteur").await?;
            self.run(sql).await?;
        }
        self.run("COMMIT").await
    }

    async fn fetch(&self, sql: &str) -> Result<Vec<PgRow>, DatabaseError> {
        let mut slot = self.connection.lock().await;
        loop {
            let is_new = slot.is_none();
            let connection = match slot.as_mut() {
                Some(connection) => connection,
                None => slot.insert(PgConnection::connect(&self.url).await?),
            };
            match sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch_all(connection).await {
                Err(error) if error.as_database_error().is_none() => {
                    // The connection was lost: try a new one, once.
                    *slot = None;
                    if is_new {
                        return Err(error.into());
                    }
                }
                done => return Ok(done?),
            }
        }
    }
}

/// A text as an SQL literal, in quotes.
pub fn quote_literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
