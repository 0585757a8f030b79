//! Panics: mistakes of ours that only show when the program runs.

// ANCHOR: catch_panic
use std::any::Any;

use axum::Router;
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;

use crate::error::Error;

/// Answers with an error when `router` panics. Without this, the client gets no answer at all.
pub fn around(router: Router) -> Router {
    router.layer(CatchPanicLayer::custom(answer))
}

fn answer(panic: Box<dyn Any + Send>) -> Response {
    Error::Panic(message(panic.as_ref())).into_response()
}

/// What was said in `panic!`: a text, nearly always.
fn message(panic: &(dyn Any + Send)) -> String {
    let fixed = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = fixed.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "something else than a text".to_owned())
}
// ANCHOR_END: catch_panic

// ANCHOR: catch_panic_tests
#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::{Request, StatusCode};
    use axum::routing::get;
    use tower::ServiceExt;

    use super::*;

    async fn fail() {
        panic!("a mistake of ours");
    }

    #[tokio::test]
    async fn a_panic_is_an_answer() {
        let app = around(Router::new().route("/", get(fail)));
        let answer = app.oneshot(Request::new(Body::empty())).await;
        let status = answer.map(|answer| answer.status());
        assert_eq!(status, Ok(StatusCode::INTERNAL_SERVER_ERROR));
    }
}
// ANCHOR_END: catch_panic_tests
