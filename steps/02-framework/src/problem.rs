//! How errors are told: as problem details (RFC 9457).

// TODO(problem): answer every error with problem details (RFC 9457) as the body.
use axum::response::{IntoResponse, Response};

use crate::error::Error;

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        self.status().into_response()
    }
}
