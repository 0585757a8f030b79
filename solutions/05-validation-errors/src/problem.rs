//! How errors are told: as problem details (RFC 9457).

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tracing::error;

use crate::error::Error;
use crate::validation::FieldError;

/// Problem details, the body of every error.
#[derive(Serialize)]
struct Problem<'a> {
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

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        match &self {
            Self::Internal(cause) => error!(?cause, "the database failed us"),
            Self::BadGateway(cause) | Self::GatewayTimeout(cause) => {
                error!(?cause, "another service failed us");
            }
            _ => {}
        }
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
            Self::Internal(_) => ("Something went wrong on our side.", &[]),
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
        (
            status,
            [(header::CONTENT_TYPE, "application/problem+json")],
            challenge,
            Json(problem),
        )
            .into_response()
    }
}
