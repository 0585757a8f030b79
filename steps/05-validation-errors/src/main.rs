//! Starts the server: reads the configuration, listens, and answers until told to stop.

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;

use mimalloc::MiMalloc;
use step_05_validation_errors::auth::{provider::Provider, token::Tokens};
use step_05_validation_errors::config::Config;
use step_05_validation_errors::{AppState, app, database, logging, shutdown};
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

    let database = config.database_url.0;
    database::migrate(database.clone()).await.map_err(|error| {
        format!("cannot use the database (DATABASE_URL), is it running? {error}")
    })?;
    let db = database::connect(database, config.hardening.request_timeout);

    let listener = TcpListener::bind(&config.address)
        .await
        .map_err(|error| format!("cannot listen on {} (HOST, PORT): {error}", config.address))?;
    info!("listening, try http://{}/docs", listener.local_addr()?);

    let tokens = Tokens::new(&config.jwt_secret);
    let provider = config.oauth.map(Provider::new).transpose()?;
    let app = app(AppState::new(db, tokens, provider, config.hardening));
    // With the client's address, for the rate limit.
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app)
        .with_graceful_shutdown(shutdown::requested())
        .await?;
    Ok(())
}
