//! What answers when no handler does.

use axum::Router;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};

use crate::error::Error;

/// Puts the answers of this file around all routes of `router`.
pub fn around(router: Router) -> Router {
    let router = router
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed);
    // A router adds `Allow` after its own layers have run, so this layer goes around a second one.
    Router::new()
        .fallback_service(router)
        .layer(map_response(allow_options))
}

async fn not_found() -> Error {
    Error::NotFound
}

/// Answers when the path has a route, but not for this method; axum adds the header `Allow`.
async fn method_not_allowed(method: Method) -> Response {
    if method == Method::OPTIONS {
        StatusCode::NO_CONTENT.into_response()
    } else {
        Error::MethodNotAllowed.into_response()
    }
}

/// Adds OPTIONS, which axum does not know of, to the methods that `Allow` lists.
async fn allow_options(mut response: Response) -> Response {
    let allow = response.headers().get(header::ALLOW);
    if let Some(methods) = allow.and_then(|methods| methods.to_str().ok())
        && let Ok(methods) = HeaderValue::try_from(format!("{methods},OPTIONS"))
    {
        response.headers_mut().insert(header::ALLOW, methods);
    }
    response
}
