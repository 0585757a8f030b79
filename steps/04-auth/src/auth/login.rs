//! `/auth/login`: a token for an e-mail address and a password.

use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::AppState;
use crate::auth::signed_in::SignedIn;
use crate::config::Secret;
use crate::validation::{FieldError, Validate, check_email};

/// The call `/auth/login`.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(login))
}

/// What a client sends to sign in.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Credentials {
    /// The e-mail address.
    #[serde(default)]
    #[schema(required)]
    pub email: String,
    /// The password.
    #[serde(default)]
    #[schema(required, value_type = String, format = Password)]
    pub password: Secret<String>,
}

impl Validate for Credentials {
    fn validate(&mut self) -> Vec<FieldError> {
        check_email(&mut self.email).into_iter().collect()
    }
}

/// Signs in.
#[utoipa::path(
    post,
    path = "/auth/login",
    request_body = Credentials,
    responses(
        (status = OK, description = "A token", body = SignedIn),
        (status = UNAUTHORIZED, description = "The e-mail address or the password is wrong")
    ),
    security(())
)]
// TODO(login): a token for a right e-mail address and password. Whichever is wrong, answer the same.
async fn login() -> StatusCode {
    StatusCode::NOT_IMPLEMENTED
}
