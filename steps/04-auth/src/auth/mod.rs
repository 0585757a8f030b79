//! Who somebody is (authentication): signing up, signing in, and how a request proves it.

pub mod auth_user;
pub mod hs256;
pub mod login;
pub mod oauth;
pub mod opaque;
pub mod password;
pub mod provider;
pub mod refresh;
pub mod sessions;
pub mod signed_in;
pub mod signup;
pub mod token;

use utoipa_axum::router::OpenApiRouter;

use crate::AppState;

/// Every call under `/auth`.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(signup::router())
        .merge(login::router())
        .merge(sessions::router())
        .merge(refresh::router())
        .merge(oauth::router())
}
