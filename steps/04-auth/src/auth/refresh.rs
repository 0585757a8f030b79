//! `/auth/refresh`: a new access token without the password, for a refresh token.
//!
//! Each refresh token is good for one use and gives the next one. A second use means that two have
//! it, one of whom stole it; nobody can tell which, so both are signed out (RFC 9700, section 4.14).

use utoipa_axum::router::OpenApiRouter;

use crate::AppState;

// TODO(refresh_tokens): (stretch) POST gives the next tokens; a second use of one ends them all.
/// Every call under `/auth/refresh`.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
}
