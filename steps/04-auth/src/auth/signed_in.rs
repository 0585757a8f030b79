//! The tokens that a client gets when it has signed in.

use axum::Json;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// What a client gets who has signed in (RFC 6749, section 5.1).
#[derive(Serialize, ToSchema)]
pub struct SignedIn {
    /// Goes into the header `Authorization`, after the word `Bearer`.
    pub access_token: String,
    /// How to send the token.
    #[schema(value_type = String, example = "Bearer")]
    pub token_type: &'static str,
    /// For how many seconds the token is good.
    pub expires_in: u64,
}

impl IntoResponse for SignedIn {
    fn into_response(self) -> Response {
        // Nothing on the way may keep a copy (RFC 6749, section 5.1).
        ([(header::CACHE_CONTROL, "no-store")], Json(self)).into_response()
    }
}
