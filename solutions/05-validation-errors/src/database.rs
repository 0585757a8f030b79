//! The connections to PostgreSQL, and the tables.

use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
// ANCHOR: built_in_user
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
// ANCHOR_END: built_in_user

// ANCHOR: connect
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
    PgPoolOptions::new()
        .max_connections(MAX_CONNECTIONS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_with(options)
        .await
}
// ANCHOR_END: connect

// ANCHOR: migrate
/// The files in `migrations/`, in the order of their numbers.
static MIGRATOR: Migrator = sqlx::migrate!();

/// Runs the migrations that this database has not seen yet. Programs that start at the same time
/// take turns: the first one holds a lock while it works.
///
/// # Errors
///
/// A migration fails, or one that was run before has changed since.
pub async fn migrate(db: &PgPool) -> Result<(), MigrateError> {
    MIGRATOR.run(db).await
}
// ANCHOR_END: migrate
