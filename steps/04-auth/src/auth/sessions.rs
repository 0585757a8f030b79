//! `/auth/session`: signing in with a cookie, which a browser keeps and sends by itself.
//!
//! Another site could make the browser send a request too, and the cookie with it (CSRF). It
//! cannot here: `SameSite=Lax` keeps the cookie from all such requests but a visit with GET, and
//! GET changes nothing. Besides, other sites cannot send JSON or use the other methods unless this
//! server says so (CORS), and it does not.

use utoipa_axum::router::OpenApiRouter;

use crate::AppState;

// TODO(sessions): (stretch) POST signs in with a cookie, DELETE signs out.
/// Every call under `/auth/session`.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
}
