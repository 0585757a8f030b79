//! Everything that can be wrong with a request.

use std::time::Duration;

use axum::http::StatusCode;

use crate::validation::FieldError;

/// What went wrong at another service.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

// ANCHOR: error
/// Why a request is refused. Each variant is one meaning in HTTP (RFC 9110, section 15.5).
#[derive(Debug)]
pub enum Error {
    /// 400: the request cannot be read; the text says in what way.
    BadRequest(&'static str),
    /// 400: the body can be read, but these fields break a rule.
    Invalid(Vec<FieldError>),
    /// 401: the client must prove who it is, and did not (RFC 9110, section 11.6.1).
    Unauthorized,
    /// 403: the client has proved who it is, and that is not enough.
    Forbidden,
    /// 404: nothing has this address.
    NotFound,
    /// 405: the address exists, but not for this method.
    MethodNotAllowed,
    /// 409: this field is at odds with what is stored.
    Conflict(FieldError),
    /// 408: the body did not arrive in time.
    RequestTimeout,
    /// 413: the body is longer than this server reads.
    PayloadTooLarge,
    /// 415: the body does not say that it is JSON.
    UnsupportedMediaType,
    /// 429: the client asks too often, and may ask again after so long (RFC 6585, section 4).
    TooManyRequests(Duration),
    /// 500: the database refuses what we ask. The log says why, the answer does not.
    Internal(sqlx::Error),
    /// 500: the code has a mistake. The log says which, the answer does not.
    Panic(String),
    /// 502: another service that we need failed us. The log says why, the answer does not.
    BadGateway(Cause),
    /// 503: the database cannot be asked. The log says why, the answer does not.
    Unavailable(sqlx::Error),
    /// 503: an answer took us too long.
    TimedOut,
    /// 504: another service that we need did not answer in time.
    GatewayTimeout(Cause),
}

impl Error {
    /// The status code of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) | Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooManyRequests(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal(_) | Self::Panic(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::BadGateway(_) => StatusCode::BAD_GATEWAY,
            Self::Unavailable(_) | Self::TimedOut => StatusCode::SERVICE_UNAVAILABLE,
            Self::GatewayTimeout(_) => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// The same error, if it is about fields of one item of a list: `name` becomes `0.name`.
    pub fn within(self, index: usize) -> Self {
        match self {
            Self::Invalid(errors) => Self::Invalid(
                errors
                    .into_iter()
                    .map(|error| error.within(index))
                    .collect(),
            ),
            Self::Conflict(error) => Self::Conflict(error.within(index)),
            other => other,
        }
    }
}
// ANCHOR_END: error

// ANCHOR: unavailable
impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed => Self::Unavailable(error),
            sqlx::Error::Database(refusal) if refusal.code().as_deref().is_some_and(passes) => {
                Self::Unavailable(error)
            }
            _ => Self::Internal(error),
        }
    }
}

/// Whether a refusal of PostgreSQL with this code (SQLSTATE) says that it cannot work now, and not
/// that what we ask is wrong. The first two characters are the class.
fn passes(code: &str) -> bool {
    // Lost connections, conflicts of transactions, too few resources, locks, stopping, I/O.
    const CLASSES: [&str; 6] = ["08", "40", "53", "55", "57", "58"];
    /// A transaction was idle for too long.
    const IDLE_IN_TRANSACTION: &str = "25P03";
    CLASSES.iter().any(|class| code.starts_with(class)) || code == IDLE_IN_TRANSACTION
}
// ANCHOR_END: unavailable
//~ // TODO(unavailable): when the database cannot be reached, that is `Unavailable`.
//~ impl From<sqlx::Error> for Error {
//~     fn from(error: sqlx::Error) -> Self {
//~         Self::Internal(error)
//~     }
//~ }

// ANCHOR: on_constraint
/// Gives the violation of a constraint its meaning in HTTP.
pub trait OnConstraint<T> {
    /// If a query failed because it would break the constraint `name`, returns `error` instead.
    ///
    /// # Errors
    ///
    /// Any other failure stays what it is: an internal error.
    fn on_constraint(self, name: &str, error: Error) -> Result<T, Error>;
}

impl<T, E: Into<Error>> OnConstraint<T> for Result<T, E> {
    fn on_constraint(self, name: &str, error: Error) -> Result<T, Error> {
        self.map_err(|cause| match cause.into() {
            Error::Internal(sqlx::Error::Database(refusal))
                if refusal.constraint() == Some(name) =>
            {
                error
            }
            other => other,
        })
    }
}
// ANCHOR_END: on_constraint

// ANCHOR: error_tests
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_temporary_errors_pass() {
        // Shutting down, cancelled, too many connections, deadlock, a transaction that was idle.
        for code in ["57P01", "57014", "53300", "40P01", "25P03"] {
            assert!(passes(code), "{code}");
        }
        // A unique name is taken, a syntax error, a character that cannot be stored.
        for code in ["23505", "42601", "22021"] {
            assert!(!passes(code), "{code}");
        }
    }
}
// ANCHOR_END: error_tests
//~!
