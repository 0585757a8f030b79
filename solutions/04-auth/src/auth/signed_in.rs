//! The tokens that a client gets when it has signed in.

// ANCHOR: signed_in_imports
use axum::Json;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::token::{self, Tokens};
// ANCHOR_END: signed_in_imports
//~ use axum::Json;
//~ use axum::http::header;
//~ use axum::response::{IntoResponse, Response};
//~ use serde::Serialize;
//~ use utoipa::ToSchema;

// ANCHOR: signed_in
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
    /// For `/auth/refresh`, when the access token has ended.
    pub refresh_token: String,
}

impl SignedIn {
    /// Both tokens for a user, the second of which is stored already.
    pub fn new(tokens: &Tokens, user_id: i64, refresh_token: String) -> Self {
        Self {
            access_token: tokens.issue(user_id),
            token_type: "Bearer",
            expires_in: token::LIFETIME.as_secs(),
            refresh_token,
        }
    }
}
// ANCHOR_END: signed_in
//~ /// What a client gets who has signed in (RFC 6749, section 5.1).
//~ #[derive(Serialize, ToSchema)]
//~ pub struct SignedIn {
//~     /// Goes into the header `Authorization`, after the word `Bearer`.
//~     pub access_token: String,
//~     /// How to send the token.
//~     #[schema(value_type = String, example = "Bearer")]
//~     pub token_type: &'static str,
//~     /// For how many seconds the token is good.
//~     pub expires_in: u64,
//~ }

impl IntoResponse for SignedIn {
    fn into_response(self) -> Response {
        // Nothing on the way may keep a copy (RFC 6749, section 5.1).
        ([(header::CACHE_CONTROL, "no-store")], Json(self)).into_response()
    }
}
