//! A name for each request, by which its log lines can be found: the header `x-request-id`.

use axum::Router;
use axum::extract::Request;
use axum::middleware::map_request;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};

/// Name of the header.
pub const HEADER: &str = "x-request-id";

/// Gives every request of `router` an id, unless it brings a safe one, and puts it on the answer.
pub fn around(router: Router) -> Router {
    // Read from below: the last layer is the outermost.
    router
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
        .layer(map_request(drop_unsafe))
}

/// Drops the id that the client sent, unless it is one and safe to write into a log.
async fn drop_unsafe(mut request: Request) -> Request {
    let mut ids = request.headers().get_all(HEADER).iter();
    let keep = match (ids.next(), ids.next()) {
        (Some(id), None) => is_safe(id.as_bytes()),
        _ => false,
    };
    if !keep {
        request.headers_mut().remove(HEADER);
    }
    request
}

/// Whether `id` matches `[A-Za-z0-9._-]{1,128}`.
fn is_safe(id: &[u8]) -> bool {
    (1..=128).contains(&id.len())
        && id
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_digits_dots_dashes_and_underscores_are_safe() {
        assert!(is_safe(b"Az-09._"));
        assert!(is_safe(&[b'a'; 128]));
    }

    #[test]
    fn anything_else_is_not() {
        for id in [
            b"".as_slice(),
            b"a b",
            b"a\nb",
            "ä".as_bytes(),
            &[b'a'; 129],
        ] {
            assert!(!is_safe(id), "{id:?}");
        }
    }
}
