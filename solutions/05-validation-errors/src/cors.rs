//! Cross-origin resource sharing: which web sites' pages may use the API from a browser.

// ANCHOR: cors
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::CorsLayer;

use crate::request_id;

/// How long a browser may remember what it was told.
const MAX_AGE: Duration = Duration::from_secs(60 * 60);

/// Lets pages of `origins` use `router`, with tokens, but not with cookies. Without origins, nothing
/// changes: browsers then keep pages of other sites away from it.
pub fn around(router: Router, origins: &[HeaderValue]) -> Router {
    if origins.is_empty() {
        return router;
    }
    let request_id = HeaderName::from_static(request_id::HEADER);
    router.layer(
        CorsLayer::new()
            .allow_origin(origins.to_vec())
            .allow_methods([
                Method::GET,
                Method::POST,
                Method::PUT,
                Method::PATCH,
                Method::DELETE,
            ])
            .allow_headers([
                header::AUTHORIZATION,
                header::CONTENT_TYPE,
                request_id.clone(),
            ])
            // What a page may read of an answer besides its body.
            .expose_headers([
                header::LINK,
                header::LOCATION,
                header::RETRY_AFTER,
                request_id,
            ])
            .max_age(MAX_AGE),
    )
}
// ANCHOR_END: cors
//~ use axum::Router;
//~ use axum::http::HeaderValue;
//~
//~ // TODO(cors): (stretch) let pages of `origins`, and of no others, use the API.
//~ /// The same router.
//~ pub fn around(router: Router, _origins: &[HeaderValue]) -> Router {
//~     router
//~ }
