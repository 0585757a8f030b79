//! `/auth/login`: a token for an e-mail address and a password.

use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::AppState;
use crate::auth::signed_in::SignedIn;
use crate::auth::{password, refresh};
use crate::config::Secret;
use crate::error::Error;
use crate::extract::ValidJson;
use crate::validation::{FieldError, Validate, check_email};

/// The call `/auth/login`.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(login))
}

/// What a client sends to sign in.
#[derive(Debug, Deserialize, ToSchema)]
// ANCHOR: credentials_fields
#[serde(deny_unknown_fields)]
// ANCHOR_END: credentials_fields
//~ // TODO(credentials_fields): refuse fields that are not among these.
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
// ANCHOR: login
async fn login(
    State(state): State<AppState>,
    ValidJson(credentials): ValidJson<Credentials>,
) -> Result<SignedIn, Error> {
    let user_id = authenticate(&state, credentials).await?;
    refresh::sign_in(&state, user_id).await
}

/// The id of the user with this e-mail address and password.
///
/// # Errors
///
/// The same one for an unknown address and a wrong password.
pub async fn authenticate(state: &AppState, credentials: Credentials) -> Result<i64, Error> {
    let user: Option<(i64, Option<String>)> =
        sqlx::query_as("SELECT id, password_hash FROM users WHERE lower(email) = lower($1)")
            .bind(credentials.email)
            .fetch_optional(&state.db)
            .await?;
    let (id, hash) = user.unzip();
    let matches = password::verify(credentials.password.0, hash.flatten()).await;
    id.filter(|_| matches).ok_or(Error::Unauthorized)
}
// ANCHOR_END: login
