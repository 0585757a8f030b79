//! The time that an answer may take.

// ANCHOR: timeout
use std::time::Duration;

use axum::error_handling::HandleErrorLayer;
use axum::{BoxError, Router};
use tower::timeout::TimeoutLayer;
use tower_http::timeout::RequestBodyDeadlineLayer;

use crate::error::Error;

/// Answers with an error whatever takes `router` longer than `limit`. Its work stops where it waits,
/// and gives back what it holds: a connection to the database, for one.
///
/// A client has half of that time to send a body, so that it learns that it was too slow.
pub fn around(router: Router, limit: Duration) -> Router {
    router
        .layer(RequestBodyDeadlineLayer::new(limit / 2))
        .layer((
            HandleErrorLayer::new(|_: BoxError| async { Error::TimedOut }),
            TimeoutLayer::new(limit),
        ))
}
// ANCHOR_END: timeout
//~ use std::time::Duration;
//~
//~ use axum::Router;
//~
//~ // TODO(timeout): answer 503 when a request takes longer than `limit`.
//~ /// The same router.
//~ pub fn around(router: Router, _limit: Duration) -> Router {
//~     router
//~ }

// ANCHOR: timeout_tests
#[cfg(test)]
mod tests {
    use std::future::pending;

    use axum::body::Body;
    use axum::http::{Request, StatusCode};
    use axum::routing::get;
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn what_never_ends_is_answered_all_the_same() {
        let never = Router::new().route("/", get(pending::<()>));
        let app = around(never, Duration::from_millis(1));
        let answer = app.oneshot(Request::new(Body::empty())).await;
        let status = answer.map(|answer| answer.status());
        assert_eq!(status, Ok(StatusCode::SERVICE_UNAVAILABLE));
    }
}
// ANCHOR_END: timeout_tests
//~!
