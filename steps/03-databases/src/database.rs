//! The connections to PostgreSQL, and the tables.

use std::time::Duration;

use sqlx::migrate::MigrateError;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};

/// The user that owns every habit, as long as nobody can sign up. A migration adds it.
pub const BUILT_IN_USER: i64 = 0;

/// Most connections that are open at once: more requests than this wait for each other.
const MAX_CONNECTIONS: u32 = 10;

/// How long a request waits for a connection, and the start of the program for the database.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// Opens a pool of connections: requests borrow one each and give it back.
///
/// # Errors
///
/// The database cannot be reached, or does not let us in.
pub async fn connect(options: PgConnectOptions) -> Result<PgPool, sqlx::Error> {
    // `settle` is a warning wherever there is nothing to end.
    let options = options.options([("client_min_messages", "error")]);
    PgPoolOptions::new()
        .max_connections(MAX_CONNECTIONS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .after_release(|connection, _| Box::pin(settle(connection)))
        .connect_with(options)
        .await
}

/// Ends a transaction that is still open when a connection comes back. sqlx 0.9.0 does not know of
/// one whose `BEGIN` was under way when its client hung up, and what the next request stores in it
/// would be lost (<https://github.com/launchbadge/sqlx/issues/4393>).
async fn settle(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let ended = sqlx::raw_sql("ROLLBACK").execute(connection).await;
    ended.map(|_| true)
}

// TODO(migrate): run the migrations in `migrations/` that this database has not seen yet.
/// Runs the migrations that this database has not seen yet.
///
/// # Errors
///
/// A migration fails, or one that was run before has changed since.
pub async fn migrate(_db: &PgPool) -> Result<(), MigrateError> {
    Ok(())
}
