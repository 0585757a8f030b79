//! Everything that can be wrong with a request.

use axum::http::StatusCode;

use crate::validation::FieldError;

/// Why a request is refused. Each variant is one meaning in HTTP (RFC 9110, section 15.5).
#[derive(Debug)]
pub enum Error {
    /// 400: the body cannot be read; the text says in what way.
    BadRequest(&'static str),
    /// 400: the body can be read, but these fields break a rule.
    Invalid(Vec<FieldError>),
    /// 404: nothing has this address.
    NotFound,
    /// 405: the address exists, but not for this method.
    MethodNotAllowed,
    /// 413: the body is longer than this server reads.
    PayloadTooLarge,
    /// 415: the body does not say that it is JSON.
    UnsupportedMediaType,
}

impl Error {
    /// The status code of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) | Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        }
    }
}
