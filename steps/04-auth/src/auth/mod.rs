//! Who somebody is (authentication): signing up, signing in, and how a request proves it.

pub mod auth_user;
pub mod hs256;
pub mod login;
pub mod password;
pub mod signup;
pub mod token;

use utoipa_axum::router::OpenApiRouter;

use crate::AppState;

/// Every call under `/auth`.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(signup::router())
        .merge(login::router())
}
