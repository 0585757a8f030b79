//! Cross-origin resource sharing: which web sites' pages may use the API from a browser.

use axum::Router;
use axum::http::HeaderValue;

// TODO(cors): (stretch) let pages of `origins`, and of no others, use the API.
/// The same router.
pub fn around(router: Router, _origins: &[HeaderValue]) -> Router {
    router
}
