//! How long a body may be.

use axum::Router;
// ANCHOR: body_limit
use axum::extract::DefaultBodyLimit;

/// Most bytes in a body. A call that takes more says so itself.
const BODY_MAX: usize = 64 * 1024;

/// Reads no more than that of the body of a request.
pub fn around(router: Router) -> Router {
    router.layer(DefaultBodyLimit::max(BODY_MAX))
}
// ANCHOR_END: body_limit
//~
//~ // TODO(body_limit): answer 413 to a body of more than 64 KiB.
//~ /// The same router.
//~ pub fn around(router: Router) -> Router {
//~     router
//~ }
