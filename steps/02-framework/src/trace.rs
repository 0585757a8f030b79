//! One log line for every request.

// TODO(trace): log one line for every request: method, path, request id, status and latency.
use axum::Router;

/// Logs one line for every request of `router`: method, path, request id, status and latency.
pub fn around(router: Router) -> Router {
    router
}
