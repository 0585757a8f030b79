//! `/auth/oauth`: signing in with an account at a provider (OAuth 2, code flow with PKCE).
//!
//! The browser goes to the provider and comes back with a code, which we exchange there for what
//! the provider knows of the user. Three things keep others out: a code that was intercepted is
//! worth nothing without the verifier, which never leaves this server; `state` works once, so an
//! answer cannot be sent again; and only in the browser that has its cookie, so nobody can be made
//! to finish what somebody else began.

use utoipa_axum::router::OpenApiRouter;

use crate::AppState;

// TODO(oauth): (stretch) `start` sends the browser to the provider, `callback` takes it back.
/// Every call under `/auth/oauth`.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
}
