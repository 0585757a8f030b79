//! What can be set from outside, by environment variables. An empty variable counts as unset.
//!
//! | Variable | Default | Meaning |
//! | --- | --- | --- |
//! | `HOST` | `127.0.0.1` | name or IP address to listen on; an IPv6 address in brackets |
//! | `PORT` | `8000` | TCP port to listen on; 0 lets the system choose |
//! | `RUST_LOG` | `info` | which log lines are written, such as `warn` or `info,tower_http=debug` |

use std::env;
use std::fmt;
// ANCHOR: config_imports
use std::ffi::OsString;
use std::str::FromStr;
// ANCHOR_END: config_imports
//~!

use tracing_subscriber::EnvFilter;

// ANCHOR: config
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
        Self::read(|variable| env::var_os(variable))
    }

    /// Like [`Self::from_env`], with the variables from `lookup`, so that tests need not change the environment.
    fn read(lookup: impl Fn(&str) -> Option<OsString>) -> Result<Self, ConfigError> {
        let host: String = parse(&lookup, "HOST", "127.0.0.1", "a name or an IP address")?;
        let port: u16 = parse(&lookup, "PORT", "8000", "a number from 0 to 65535")?;
        let log_filter = parse(&lookup, "RUST_LOG", "info", "a log filter such as info")?;
        Ok(Self {
            address: format!("{host}:{port}"),
            log_filter,
        })
    }
}

/// Reads one variable; `expected` says what it must be, for the error.
fn parse<T: FromStr>(
    lookup: impl Fn(&str) -> Option<OsString>,
    variable: &'static str,
    default: &str,
    expected: &'static str,
) -> Result<T, ConfigError> {
    let value = lookup(variable)
        .filter(|value| !value.is_empty())
        .unwrap_or_else(|| default.into());
    value
        .to_str()
        .and_then(|value| value.parse().ok())
        .ok_or_else(|| ConfigError {
            variable,
            value: value.to_string_lossy().into_owned(),
            expected,
        })
}
// ANCHOR_END: config
//~ // TODO(config): parse HOST, PORT and RUST_LOG here, and refuse a value that cannot be used.
//~ /// The configuration of the program.
//~ #[derive(Debug)]
//~ pub struct Config {
//~     /// Where to listen: host and port, such as `127.0.0.1:8000`.
//~     pub address: String,
//~     /// Which log lines are written.
//~     pub log_filter: EnvFilter,
//~ }
//~
//~ impl Config {
//~     /// Reads the configuration from the environment.
//~     ///
//~     /// # Errors
//~     ///
//~     /// A variable is set to something that cannot be used.
//~     pub fn from_env() -> Result<Self, ConfigError> {
//~         let host = variable("HOST", "127.0.0.1");
//~         let port = variable("PORT", "8000");
//~         Ok(Self {
//~             address: format!("{host}:{port}"),
//~             log_filter: EnvFilter::new(variable("RUST_LOG", "info")),
//~         })
//~     }
//~ }
//~
//~ /// The value of an environment variable, or `default` if it is unset or empty.
//~ fn variable(name: &str, default: &str) -> String {
//~     match env::var(name) {
//~         Ok(value) if !value.is_empty() => value,
//~         _ => default.to_owned(),
//~     }
//~ }

// ANCHOR: config_error
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
// ANCHOR_END: config_error

// ANCHOR: config_tests
#[cfg(test)]
mod tests {
    use super::*;

    /// The configuration with one variable set, or the text of the error.
    fn with(variable: &str, value: &str) -> Result<Config, String> {
        Config::read(|name| (name == variable).then(|| value.into()))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_needs_to_be_set() {
        let address = with("OTHER", "x").map(|config| config.address);
        assert_eq!(address, Ok("127.0.0.1:8000".to_owned()));
    }

    #[test]
    fn an_empty_variable_counts_as_unset() {
        let address = with("PORT", "").map(|config| config.address);
        assert_eq!(address, Ok("127.0.0.1:8000".to_owned()));
    }

    #[test]
    fn a_value_that_cannot_be_used_is_an_error_that_names_the_variable() {
        for (variable, value) in [
            ("PORT", "x"),
            ("PORT", "65536"),
            ("PORT", "-1"),
            ("RUST_LOG", "a=b=c"),
        ] {
            let error = with(variable, value).expect_err(value);
            assert!(error.contains(variable), "{error}");
        }
    }
}
// ANCHOR_END: config_tests
//~!
