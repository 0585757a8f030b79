//! How errors are told: as problem details (RFC 9457).

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tracing::error;
use utoipa::ToSchema;

use crate::error::Error;
use crate::validation::FieldError;

/// Problem details, the body of every error.
#[derive(Serialize, ToSchema)]
pub struct Problem<'a> {
    /// The meaning of the status code: the same for every error with this code.
    title: &'a str,
    /// The status code again, for readers that see only the body.
    status: u16,
    /// What was wrong with this request, for people.
    detail: &'a str,
    /// The fields that break a rule, for programs.
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    errors: &'a [FieldError],
}

impl Error {
    /// The media type of problem details.
    pub const MEDIA_TYPE: &str = "application/problem+json";
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        // ANCHOR: log_in_full
        match &self {
            Self::Internal(cause) => error!(?cause, "the database refuses what we ask"),
            Self::Unavailable(cause) => error!(?cause, "the database cannot be asked"),
            Self::Panic(cause) => error!(cause, "a handler panicked"),
            Self::TimedOut => error!("the answer took too long"),
            Self::BadGateway(cause) | Self::GatewayTimeout(cause) => {
                error!(?cause, "another service failed us");
            }
            _ => {}
        }
        // ANCHOR_END: log_in_full
        let (detail, errors): (&str, &[FieldError]) = match &self {
            Self::BadRequest(detail) => (detail, &[]),
            Self::Invalid(errors) => ("Some values break a rule; see errors.", errors),
            Self::Unauthorized => (
                "Sign in with a right e-mail address and password, and send the token.",
                &[],
            ),
            Self::Forbidden => ("You may not do this.", &[]),
            Self::NotFound => ("There is nothing at this address.", &[]),
            Self::MethodNotAllowed => (
                "This address does not take this method; the header Allow lists those it takes.",
                &[],
            ),
            Self::Conflict(error) => (
                "A value is at odds with what is stored; see errors.",
                std::slice::from_ref(error),
            ),
            Self::PayloadTooLarge => ("The body is too long.", &[]),
            Self::UnsupportedMediaType => ("Send the body as application/json.", &[]),
            Self::RequestTimeout => ("The body took too long to arrive.", &[]),
            Self::TooManyRequests(_) => (
                "You ask too often; the header Retry-After says how many seconds to wait.",
                &[],
            ),
            Self::Internal(_) | Self::Panic(_) => ("Something went wrong on our side.", &[]),
            Self::Unavailable(_) | Self::TimedOut => {
                ("This does not work at the moment. Try again later.", &[])
            }
            Self::BadGateway(_) | Self::GatewayTimeout(_) => (
                "Another service that this takes does not work. Try again later.",
                &[],
            ),
        };
        let status = self.status();
        let problem = Problem {
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail,
            errors,
        };
        // A 401 says how to sign in (RFC 9110, section 11.6.1).
        let challenge =
            (status == StatusCode::UNAUTHORIZED).then_some([(header::WWW_AUTHENTICATE, "Bearer")]);
        // A 429 says when to come back (RFC 9110, section 10.2.3); whole seconds, none too few.
        let retry_after = match &self {
            Self::TooManyRequests(wait) => Some([(header::RETRY_AFTER, wait.as_secs() + 1)]),
            _ => None,
        };
        (
            status,
            [(header::CONTENT_TYPE, Error::MEDIA_TYPE)],
            challenge,
            retry_after,
            Json(problem),
        )
            .into_response()
    }
}
