//! One log line for every request.

use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use tower_http::trace::TraceLayer;
use tracing::{Span, error, error_span, info};

use crate::request_id;

/// Logs one line for every request of `router`: method, path, request id, status and latency.
pub fn around(router: Router) -> Router {
    router.layer(
        TraceLayer::new_for_http()
            .make_span_with(span)
            .on_request(())
            .on_response(answered)
            .on_failure(()),
    )
}

/// What every log line says that is written while `request` is being answered.
fn span(request: &Request) -> Span {
    let id = request.headers().get(request_id::HEADER);
    let id = id.and_then(|id| id.to_str().ok()).unwrap_or_default();
    // A span of a lower level would be missing from errors when RUST_LOG lets only errors through.
    error_span!(
        "request",
        method = %request.method(),
        path = %request.uri().path(),
        request_id = %id,
    )
}

fn answered(response: &Response, latency: Duration, _span: &Span) {
    let status = response.status().as_u16();
    let latency_ms = latency.as_micros() as f64 / 1000.0;
    if response.status().is_server_error() {
        error!(status, latency_ms, "answered");
    } else {
        info!(status, latency_ms, "answered");
    }
}
