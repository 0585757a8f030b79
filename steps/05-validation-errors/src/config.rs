//! What can be set from outside, by environment variables. An empty variable counts as unset.
//!
//! | Variable | Default | Meaning |
//! | --- | --- | --- |
//! | `HOST` | `127.0.0.1` | name or IP address to listen on; an IPv6 address in brackets |
//! | `PORT` | `8000` | TCP port to listen on; 0 lets the system choose |
//! | `DATABASE_URL` | none, it is required | the database, such as `postgresql://user:password@host/name` |
//! | `JWT_SECRET` | none, it is required | the key for tokens, at least 32 bytes that nobody can guess |
//! | those in [`hardening`] | what each says | how much the server puts up with |
//! | those in [`oauth`] | none | a provider with which users can sign in |
//! | `RUST_LOG` | `info` | which log lines are written, such as `warn` or `info,tower_http=debug` |

pub mod hardening;
pub mod oauth;

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use sqlx::postgres::PgConnectOptions;
use tracing_subscriber::EnvFilter;

use self::hardening::Hardening;
use self::oauth::OAuth;

/// The configuration of the program.
#[derive(Debug)]
pub struct Config {
    /// Where to listen: host and port, such as `127.0.0.1:8000`.
    pub address: String,
    /// Where the database is, and how to sign in there.
    pub database_url: Secret<PgConnectOptions>,
    /// The key by which our tokens are told from others.
    pub jwt_secret: Secret<String>,
    /// With whom users can sign in, if that is set up.
    pub oauth: Option<OAuth>,
    /// What the server puts up with.
    pub hardening: Hardening,
    /// Which log lines are written.
    pub log_filter: EnvFilter,
}

/// A value that nobody may see, in a log least of all.
#[derive(Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct Secret<T>(pub T);

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Config {
    /// Reads the configuration from the environment.
    ///
    /// # Errors
    ///
    /// A variable is set to something that cannot be used, or a required one is not set.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::read(|variable| env::var_os(variable))
    }

    /// Like [`Self::from_env`], with the variables from `lookup`, so that tests need not change the environment.
    fn read(lookup: impl Fn(&str) -> Option<OsString>) -> Result<Self, ConfigError> {
        let host: String = parse(&lookup, "HOST", "127.0.0.1", "a name or an IP address")?;
        let port: u16 = parse(&lookup, "PORT", "8000", "a number from 0 to 65535")?;
        let database_url = parse_database_url(&lookup)?;
        let jwt_secret = parse_jwt_secret(&lookup)?;
        let oauth = OAuth::read(&lookup)?;
        let hardening = Hardening::read(&lookup)?;
        let log_filter = parse(&lookup, "RUST_LOG", "info", "a log filter such as info")?;
        Ok(Self {
            address: format!("{host}:{port}"),
            database_url,
            jwt_secret,
            oauth,
            hardening,
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
        .ok_or_else(|| ConfigError::Unusable {
            variable,
            value: value.to_string_lossy().into_owned(),
            expected,
        })
}

/// Reads `DATABASE_URL`, which has no default and may hold a password.
fn parse_database_url(
    lookup: impl Fn(&str) -> Option<OsString>,
) -> Result<Secret<PgConnectOptions>, ConfigError> {
    let variable = "DATABASE_URL";
    let expected = "a URL such as postgresql://user:password@host/database";
    let url = lookup(variable)
        .filter(|url| !url.is_empty())
        .ok_or(ConfigError::Missing { variable, expected })?;
    url.to_str()
        .filter(|url| url.starts_with("postgresql://") || url.starts_with("postgres://"))
        .and_then(|url| url.parse().ok())
        .map(Secret)
        .ok_or(ConfigError::UnusableSecret { variable, expected })
}

/// Fewest bytes of `JWT_SECRET`: as many as an HS256 signature has (RFC 7518, section 3.2).
const JWT_SECRET_MIN: usize = 32;

/// Reads `JWT_SECRET`, which has no default: everybody could look one up here, and sign with it.
fn parse_jwt_secret(
    lookup: impl Fn(&str) -> Option<OsString>,
) -> Result<Secret<String>, ConfigError> {
    let variable = "JWT_SECRET";
    let expected = "at least 32 random bytes";
    let secret = lookup(variable)
        .filter(|secret| !secret.is_empty())
        .ok_or(ConfigError::Missing { variable, expected })?;
    secret
        .into_string()
        .ok()
        .filter(|secret| secret.len() >= JWT_SECRET_MIN)
        .map(Secret)
        .ok_or(ConfigError::UnusableSecret { variable, expected })
}

/// A variable that cannot be used. Its text names the variable, and shows its value if that is no secret.
#[derive(Debug)]
pub enum ConfigError {
    /// The variable is not set, and there is no default.
    Missing {
        /// Name of the variable.
        variable: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// The variable is set to something else than it must be.
    Unusable {
        /// Name of the variable.
        variable: &'static str,
        /// What it was set to.
        value: String,
        /// What it must be.
        expected: &'static str,
    },
    /// Like [`Self::Unusable`], for a value that nobody may see.
    UnusableSecret {
        /// Name of the variable.
        variable: &'static str,
        /// What it must be.
        expected: &'static str,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { variable, expected } => {
                write!(f, "{variable} must be set to {expected}")
            }
            Self::Unusable {
                variable,
                value,
                expected,
            } => write!(f, "{variable} must be {expected}, but it is {value:?}"),
            Self::UnusableSecret { variable, expected } => {
                write!(f, "{variable} must be {expected}, but it is something else")
            }
        }
    }
}

impl std::error::Error for ConfigError {}

#[cfg(test)]
mod tests {
    use super::*;

    const DATABASE_URL: &str = "postgresql://me:s3cret@127.0.0.1/habits";
    const JWT_SECRET: &str = "s3cret-s3cret-s3cret-s3cret-s3cr";

    /// The configuration with what is required and one more variable set, or the text of the error.
    fn with(variable: &str, value: &str) -> Result<Config, String> {
        let lookup = |name: &str| match name {
            _ if name == variable => Some(value.into()),
            "DATABASE_URL" => Some(DATABASE_URL.into()),
            "JWT_SECRET" => Some(JWT_SECRET.into()),
            _ => None,
        };
        Config::read(lookup).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_but_the_database_and_the_key_needs_to_be_set() {
        let address = with("OTHER", "x").map(|config| config.address);
        assert_eq!(address, Ok("127.0.0.1:8000".to_owned()));
    }

    #[test]
    fn an_empty_variable_counts_as_unset() {
        let address = with("PORT", "").map(|config| config.address);
        assert_eq!(address, Ok("127.0.0.1:8000".to_owned()));

        for variable in ["DATABASE_URL", "JWT_SECRET"] {
            let error = with(variable, "").expect_err("it is required");
            assert!(error.starts_with(variable), "{error}");
        }
    }

    #[test]
    fn a_value_that_cannot_be_used_is_an_error_that_names_the_variable() {
        for (variable, value) in [
            ("PORT", "x"),
            ("PORT", "65536"),
            ("PORT", "-1"),
            ("DATABASE_URL", "habits"),
            ("DATABASE_URL", "mysql://127.0.0.1/habits"),
            ("DATABASE_URL", "postgresql://127.0.0.1:x/habits"),
            ("JWT_SECRET", &JWT_SECRET[1..]),
            ("RUST_LOG", "a=b=c"),
        ] {
            let error = with(variable, value).expect_err(value);
            assert!(error.contains(variable), "{error}");
        }
    }

    #[test]
    fn a_secret_is_never_shown() {
        let config = with("PORT", "1").expect("a right configuration");
        assert!(!format!("{config:?}").contains("s3cret"));

        let error = with("DATABASE_URL", "postgresql://me:s3cret@:x").expect_err("a wrong URL");
        assert!(!error.contains("s3cret"), "{error}");

        let error = with("JWT_SECRET", "s3cret").expect_err("a short key");
        assert!(!error.contains("s3cret"), "{error}");
    }
}
