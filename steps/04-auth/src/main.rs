//! Starts the server: reads the configuration, listens, and answers until told to stop.

use std::error::Error;
use std::process::ExitCode;

use mimalloc::MiMalloc;
use step_04_auth::auth::{provider::Provider, token::Tokens};
use step_04_auth::config::Config;
use step_04_auth::{AppState, app, database, logging, shutdown};
use tokio::net::TcpListener;
use tracing::info;

/// Hashing a password takes 19 MiB each time. This allocator gives them back; the system's own may
/// keep them, and grow by as much again and again.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let config = Config::from_env()?;
    logging::init(config.log_filter);

    let db = database::connect(config.database_url.0)
        .await
        .map_err(|error| {
            format!("cannot use the database (DATABASE_URL), is it running? {error}")
        })?;
    database::migrate(&db).await?;

    let listener = TcpListener::bind(&config.address)
        .await
        .map_err(|error| format!("cannot listen on {} (HOST, PORT): {error}", config.address))?;
    info!("listening, try http://{}/docs", listener.local_addr()?);

    let tokens = Tokens::new(&config.jwt_secret);
    let provider = config.oauth.map(Provider::new).transpose()?;
    axum::serve(listener, app(AppState::new(db, tokens, provider)))
        .with_graceful_shutdown(shutdown::requested())
        .await?;
    Ok(())
}
