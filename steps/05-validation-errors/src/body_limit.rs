//! How long a body may be.

use axum::Router;

// TODO(body_limit): answer 413 to a body of more than 64 KiB.
/// The same router.
pub fn around(router: Router) -> Router {
    router
}
