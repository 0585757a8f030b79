//! What can be set from outside, by environment variables. An empty variable counts as unset.
//!
//! | Variable | Default | Meaning |
//! | --- | --- | --- |
//! | `HOST` | `127.0.0.1` | name or IP address to listen on; an IPv6 address in brackets |
//! | `PORT` | `8000` | TCP port to listen on; 0 lets the system choose |
//! | `RUST_LOG` | `info` | which log lines are written, such as `warn` or `info,tower_http=debug` |

use std::env;
use std::fmt;

use tracing_subscriber::EnvFilter;

// TODO(config): parse HOST, PORT and RUST_LOG here, and refuse a value that cannot be used.
/// The configuration of the program.
#[derive(Debug)]
pub struct Config {
    /// Where to listen: host and port, such as `127.0.0.1:8000`.
    pub address: String,
    /// Which log lines are written.
    pub log_filter: EnvFilter,
}

impl Config {
    /// Reads the configuration from the environment.
    ///
    /// # Errors
    ///
    /// A variable is set to something that cannot be used.
    pub fn from_env() -> Result<Self, ConfigError> {
        let host = variable("HOST", "127.0.0.1");
        let port = variable("PORT", "8000");
        Ok(Self {
            address: format!("{host}:{port}"),
            log_filter: EnvFilter::new(variable("RUST_LOG", "info")),
        })
    }
}

/// The value of an environment variable, or `default` if it is unset or empty.
fn variable(name: &str, default: &str) -> String {
    match env::var(name) {
        Ok(value) if !value.is_empty() => value,
        _ => default.to_owned(),
    }
}

/// A variable that cannot be used. Its text names the variable and shows its value.
#[derive(Debug)]
pub struct ConfigError {
    /// Name of the variable.
    pub variable: &'static str,
    /// What it was set to.
    pub value: String,
    /// What it must be.
    pub expected: &'static str,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            variable,
            value,
            expected,
        } = self;
        write!(f, "{variable} must be {expected}, but it is {value:?}")
    }
}

impl std::error::Error for ConfigError {}
