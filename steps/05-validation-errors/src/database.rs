//! The connections to PostgreSQL, and the tables.

use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

/// Most connections that are open at once: more requests than this wait for each other.
const MAX_CONNECTIONS: u32 = 10;

// TODO(connect): let no request, and no connection, wait for the database for much longer than `request_timeout`.
/// A pool of connections: requests borrow one each and give it back. None is opened before it is
/// needed, so this does not fail.
pub fn connect(options: PgConnectOptions, _request_timeout: Duration) -> PgPool {
    PgPoolOptions::new()
        .max_connections(MAX_CONNECTIONS)
        .connect_lazy_with(options)
}

/// The files in `migrations/`, in the order of their numbers.
static MIGRATOR: Migrator = sqlx::migrate!();

/// How long the start of the program waits for the database.
const START_TIMEOUT: Duration = Duration::from_secs(5);

/// Runs the migrations that this database has not seen yet. Programs that start at the same time
/// take turns: the first one holds a lock while it works. That can take longer than any request
/// may, so it has a connection of its own.
///
/// # Errors
///
/// The database cannot be reached, or does not let us in. A migration fails, or one that was run
/// before has changed since.
pub async fn migrate(options: PgConnectOptions) -> Result<(), MigrateError> {
    let db = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(START_TIMEOUT)
        .connect_with(options)
        .await?;
    MIGRATOR.run(&db).await?;
    db.close().await;
    Ok(())
}
