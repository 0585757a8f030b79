//! `/auth/signup`: a new user.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use sqlx::PgExecutor;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::AppState;
use crate::auth::password::{self, check_password};
use crate::config::Secret;
use crate::error::{Error, OnConstraint};
use crate::extract::ValidJson;
use crate::me::User;
use crate::validation::{FieldError, Validate, check_email, check_name};

/// The call `/auth/signup`.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(signup))
}

/// What a client sends to sign up.
#[derive(Debug, Deserialize, ToSchema)]
// TODO(new_user_fields): refuse fields that are not among these.
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
async fn signup(
    State(state): State<AppState>,
    ValidJson(new): ValidJson<NewUser>,
) -> Result<(StatusCode, Json<User>), Error> {
    let hash = password::hash(new.password.0).await;
    let user = insert(&state.db, new.email, new.name, Some(hash)).await?;
    Ok((StatusCode::CREATED, Json(user)))
}

/// Adds a user. Without the hash of a password, they cannot sign in with one.
///
/// # Errors
///
/// A conflict if the e-mail address is taken.
pub async fn insert(
    db: impl PgExecutor<'_>,
    email: String,
    name: Option<String>,
    password_hash: Option<String>,
) -> Result<User, Error> {
    sqlx::query_as(
        "INSERT INTO users (email, name, password_hash) VALUES ($1, $2, $3)
         RETURNING id, email, name, created_at",
    )
    .bind(email)
    .bind(name)
    .bind(password_hash)
    .fetch_one(db)
    .await
    .on_constraint("users_email_key", email_taken())
}

/// Two users have the same e-mail address, whatever its letter case.
pub fn email_taken() -> Error {
    Error::Conflict(FieldError::new("email", "is taken by another user"))
}
