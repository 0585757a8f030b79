//! `/auth/signup`: a new user.

use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::AppState;
use crate::auth::password::check_password;
use crate::config::Secret;
use crate::me::User;
use crate::validation::{FieldError, Validate, check_email, check_name};

/// The call `/auth/signup`.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(signup))
}

/// What a client sends to sign up.
#[derive(Debug, Deserialize, ToSchema)]
pub struct NewUser {
    /// The e-mail address, which only one user can have.
    #[serde(default)]
    #[schema(required, max_length = 254)]
    pub email: String,
    /// The password.
    #[serde(default)]
    #[schema(required, value_type = String, format = Password, min_length = 8, max_length = 128)]
    pub password: Secret<String>,
    /// How the user wants to be called.
    #[schema(min_length = 1, max_length = 100)]
    pub name: Option<String>,
}

impl Validate for NewUser {
    fn validate(&mut self) -> Vec<FieldError> {
        let email = check_email(&mut self.email);
        let password = check_password(&self.password.0);
        let name = self.name.as_mut().and_then(check_name);
        email.into_iter().chain(password).chain(name).collect()
    }
}

/// Signs up.
#[utoipa::path(
    post,
    path = "/auth/signup",
    request_body = NewUser,
    responses(
        (status = CREATED, description = "The new user", body = User),
        (status = BAD_REQUEST, description = "A rule is broken"),
        (status = CONFLICT, description = "The e-mail address is taken")
    ),
    security(())
)]
// TODO(signup): store the user, with a hash of the password; an e-mail that is taken is a conflict.
async fn signup() -> StatusCode {
    StatusCode::NOT_IMPLEMENTED
}
