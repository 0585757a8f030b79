//! What the server puts up with.
//!
//! | Variable | Default | Meaning |
//! | --- | --- | --- |
//! | `REQUEST_TIMEOUT_MS` | `5000` | how long one answer may take, in milliseconds |
//! | `CORS_ALLOWED_ORIGINS` | none | web sites whose pages may use the API: `https://habits.example`, more after commas |
//! | `RATE_LIMIT_PER_MINUTE` | `0` | calls under `/auth` that one client may make in a minute; 0 means as many as it likes |

use std::ffi::OsString;
use std::num::NonZeroU32;
use std::time::Duration;

use axum::http::HeaderValue;
use url::Url;

use super::{ConfigError, parse};

/// Longest that an answer may be allowed to take: an hour, in milliseconds.
const TIMEOUT_MAX: u32 = 60 * 60 * 1000;

/// What we put up with.
#[derive(Debug, Clone)]
pub struct Hardening {
    /// How long one answer may take.
    pub request_timeout: Duration,
    /// The origins (RFC 6454) of the web sites whose pages may use the API.
    pub cors_allowed_origins: Vec<HeaderValue>,
    /// How many calls under `/auth` one client may make in a minute; none if that does not count.
    pub rate_limit_per_minute: Option<NonZeroU32>,
}

impl Hardening {
    /// Reads the variables from `lookup`.
    pub(super) fn read(lookup: impl Fn(&str) -> Option<OsString>) -> Result<Self, ConfigError> {
        let origins: String = parse(&lookup, "CORS_ALLOWED_ORIGINS", "", ORIGINS_EXPECTED)?;
        let expected = "a number, or 0 for no limit";
        let rate_limit: u32 = parse(&lookup, "RATE_LIMIT_PER_MINUTE", "0", expected)?;
        Ok(Self {
            request_timeout: request_timeout(&lookup)?,
            cors_allowed_origins: parse_origins(&origins)?,
            rate_limit_per_minute: NonZeroU32::new(rate_limit),
        })
    }
}

fn request_timeout(lookup: impl Fn(&str) -> Option<OsString>) -> Result<Duration, ConfigError> {
    let (variable, expected) = ("REQUEST_TIMEOUT_MS", "a number from 1 to 3600000");
    let milliseconds: u32 = parse(lookup, variable, "5000", expected)?;
    if !(1..=TIMEOUT_MAX).contains(&milliseconds) {
        return Err(ConfigError::Unusable {
            variable,
            value: milliseconds.to_string(),
            expected,
        });
    }
    Ok(Duration::from_millis(milliseconds.into()))
}

const ORIGINS_EXPECTED: &str = "origins such as https://habits.example, with commas between them";

/// Splits the list. Browsers send an origin in one form only, so one in another form matches none.
fn parse_origins(list: &str) -> Result<Vec<HeaderValue>, ConfigError> {
    let origins = list.split(',').map(str::trim).filter(|o| !o.is_empty());
    let parse_origin = |origin: &str| {
        is_origin(origin)
            .then(|| HeaderValue::try_from(origin).ok())
            .flatten()
            .ok_or_else(|| ConfigError::Unusable {
                variable: "CORS_ALLOWED_ORIGINS",
                value: origin.to_owned(),
                expected: ORIGINS_EXPECTED,
            })
    };
    origins.map(parse_origin).collect()
}

/// Whether a browser would write an origin like this: scheme, host, and a port if it is unusual.
fn is_origin(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "https" | "http") && url.origin().ascii_serialization() == text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The configuration with one variable set, or the text of the error.
    fn with(variable: &str, value: &str) -> Result<Hardening, String> {
        let lookup = |name: &str| (name == variable).then(|| value.into());
        Hardening::read(lookup).map_err(|error| error.to_string())
    }

    #[test]
    fn each_has_a_default() {
        let default = with("OTHER", "x").expect("a right configuration");
        assert_eq!(default.request_timeout, Duration::from_secs(5));
        assert!(default.cors_allowed_origins.is_empty());
        assert_eq!(default.rate_limit_per_minute, None);
    }

    #[test]
    fn origins_are_a_list_with_commas() {
        let list = "https://habits.example, http://localhost:5173,";
        let origins = with("CORS_ALLOWED_ORIGINS", list).map(|config| config.cors_allowed_origins);
        let expected = ["https://habits.example", "http://localhost:5173"];
        assert_eq!(origins, Ok(expected.map(HeaderValue::from_static).into()));
    }

    #[test]
    fn a_value_that_cannot_be_used_is_an_error_that_names_the_variable() {
        for (variable, value) in [
            ("REQUEST_TIMEOUT_MS", "0"),
            ("REQUEST_TIMEOUT_MS", "-1"),
            ("REQUEST_TIMEOUT_MS", "5s"),
            ("REQUEST_TIMEOUT_MS", "3600001"),
            ("RATE_LIMIT_PER_MINUTE", "-1"),
            ("RATE_LIMIT_PER_MINUTE", "many"),
            ("CORS_ALLOWED_ORIGINS", "*"),
            ("CORS_ALLOWED_ORIGINS", "null"),
            ("CORS_ALLOWED_ORIGINS", "habits.example"),
            ("CORS_ALLOWED_ORIGINS", "https://habits.example/"),
            ("CORS_ALLOWED_ORIGINS", "https://habits.example:443"),
            (
                "CORS_ALLOWED_ORIGINS",
                "https://ok.example,ftp://habits.example",
            ),
        ] {
            let error = with(variable, value).expect_err(value);
            assert!(error.starts_with(variable), "{error}");
        }
    }
}
