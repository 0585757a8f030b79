//! What answers when no handler does.

// TODO(fallback): answer 404 and 405 with our own errors; (stretch) answer OPTIONS with `Allow`.
use axum::Router;
use axum::http::StatusCode;

/// Puts the answers of this file around all routes of `router`.
pub fn around(router: Router) -> Router {
    router.fallback(not_found)
}

async fn not_found() -> StatusCode {
    StatusCode::NOT_FOUND
}
