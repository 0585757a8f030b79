//! Everything that can be wrong with a request.

use axum::http::StatusCode;

use crate::validation::FieldError;

/// What went wrong at another service.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

// ANCHOR: error
/// Why a request is refused. Each variant is one meaning in HTTP (RFC 9110, section 15.5).
#[derive(Debug)]
pub enum Error {
    /// 400: the body cannot be read; the text says in what way.
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
    /// 413: the body is longer than this server reads.
    PayloadTooLarge,
    /// 415: the body does not say that it is JSON.
    UnsupportedMediaType,
    /// 500: the database failed us. The log says why, the answer does not.
    Internal(sqlx::Error),
    /// 502: another service that we need failed us. The log says why, the answer does not.
    BadGateway(Cause),
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
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::BadGateway(_) => StatusCode::BAD_GATEWAY,
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

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Internal(error)
    }
}
// ANCHOR_END: error

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
