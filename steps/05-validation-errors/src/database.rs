//! The connections to PostgreSQL, and the tables.

use std::time::Duration;

use sqlx::Connection;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use tokio::time::timeout;

/// Most connections that are open at once: more requests than this wait for each other.
const MAX_CONNECTIONS: u32 = 10;

/// A connection that came back so recently was well then, and is not tried once more.
const FRESH: Duration = Duration::from_millis(500);

/// A pool of connections: requests borrow one each and give it back. None is opened before it is
/// needed, so this does not fail.
///
/// Whatever the database does, nothing waits for it much longer than `request_timeout`, for nobody
/// waits for the answer any more.
pub fn connect(options: PgConnectOptions, request_timeout: Duration) -> PgPool {
    // A statement that takes longer is ended by the database, and so is a transaction of ours that
    // it hears no more of: it may hold locks.
    let limit = format!("{}ms", request_timeout.as_millis());
    let options = options.options([
        ("statement_timeout", limit.as_str()),
        ("idle_in_transaction_session_timeout", &limit),
        // `settle` is a warning wherever there is nothing to end.
        ("client_min_messages", "error"),
    ]);
    // Less than a request has, so that it learns why there is no connection.
    let acquire_timeout = request_timeout * 3 / 4;
    // Leaves a request the time for a new connection when the first one it gets is dead.
    let ping_timeout = request_timeout / 4;

    PgPoolOptions::new()
        .max_connections(MAX_CONNECTIONS)
        .acquire_timeout(acquire_timeout)
        // In place of sqlx's own test, which waits as long as it takes.
        .test_before_acquire(false)
        .before_acquire(move |connection, seen| match seen.idle_for < FRESH {
            true => Box::pin(async { Ok(true) }),
            false => Box::pin(ping(connection, ping_timeout)),
        })
        .after_release(move |connection, _| Box::pin(settle(connection, request_timeout)))
        .connect_lazy_with(options)
}

/// Asks whether the database answers on this connection. Else the pool closes it; a connection that
/// is dead without knowing would keep its place in the pool for as long as TCP believes in it.
async fn ping(connection: &mut PgConnection, limit: Duration) -> Result<bool, sqlx::Error> {
    match timeout(limit, connection.ping()).await {
        Ok(answer) => answer.map(|()| true),
        Err(too_late) => Err(sqlx::Error::Io(too_late.into())),
    }
}

/// Ends a transaction that is still open when a connection comes back. sqlx 0.9.0 does not know of
/// one whose `BEGIN` was under way when its client hung up, and what the next request stores in it
/// would be lost (<https://github.com/launchbadge/sqlx/issues/4393>).
async fn settle(connection: &mut PgConnection, limit: Duration) -> Result<bool, sqlx::Error> {
    match timeout(limit, sqlx::raw_sql("ROLLBACK").execute(connection)).await {
        Ok(answer) => answer.map(|_| true),
        Err(too_late) => Err(sqlx::Error::Io(too_late.into())),
    }
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
