//! Starts the server: reads where to listen, listens, and answers until told to stop.

use std::env;
use std::error::Error;

use solution_01_api_basics::store::Store;
use solution_01_api_basics::{app, shutdown};
use tokio::net::TcpListener;

// ANCHOR: main
#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let host = variable("HOST", "127.0.0.1");
    let port = variable("PORT", "8000");

    let listener = TcpListener::bind(format!("{host}:{port}"))
        .await
        .map_err(|error| format!("cannot listen on HOST {host}, PORT {port}: {error}"))?;
    println!("listening, try http://{}/docs", listener.local_addr()?);

    axum::serve(listener, app(Store::default()))
        .with_graceful_shutdown(shutdown::requested())
        .await?;
    Ok(())
}

/// The value of an environment variable, or `default` if it is unset or empty.
fn variable(name: &str, default: &str) -> String {
    match env::var(name) {
        Ok(value) if !value.is_empty() => value,
        _ => default.to_owned(),
    }
}
// ANCHOR_END: main
