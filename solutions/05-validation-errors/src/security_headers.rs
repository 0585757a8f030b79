//! What browsers are told to do no more than they must.

// ANCHOR: security_headers
use axum::Router;
use axum::http::{HeaderName, HeaderValue, header};
use tower_http::set_header::SetResponseHeaderLayer;

/// Puts the headers on every answer of `router`.
pub fn around(router: Router) -> Router {
    [
        // Believe the `Content-Type`, and look for no script in what is none.
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Let no other site show `/docs` in a frame, where clicks on it could be caught.
        (header::CONTENT_SECURITY_POLICY, "frame-ancestors 'none'"),
        // The same for old browsers.
        (header::X_FRAME_OPTIONS, "DENY"),
        // Tell no other site the address of the page that a link to it is on.
        (header::REFERRER_POLICY, "no-referrer"),
    ]
    .into_iter()
    .fold(router, |router, (name, value)| {
        router.layer(set(name, HeaderValue::from_static(value)))
    })
}

fn set(name: HeaderName, value: HeaderValue) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, value)
}
// ANCHOR_END: security_headers
//~ use axum::Router;
//~
//~ // TODO(security_headers): (stretch) tell browsers not to guess types, and not to show us in frames.
//~ /// The same router.
//~ pub fn around(router: Router) -> Router {
//~     router
//~ }
