//! `/admin`: what only administrators may do. Nobody becomes one through the API.

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use serde::Serialize;
use sqlx::FromRow;
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::AppState;
use crate::auth::auth_user::AuthUser;
use crate::error::Error;

/// Every call under `/admin`.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Proof that the user who is signed in is an administrator, as a parameter of a handler.
#[derive(Debug, Clone, Copy)]
pub struct Admin;

impl FromRequestParts<AppState> for Admin {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Error> {
        let user = AuthUser::from_request_parts(parts, state).await?;
        // The role is not in the token, where it would outlive a change.
        let role: Option<String> = sqlx::query_scalar("SELECT role FROM users WHERE id = $1")
            .bind(user.id)
            .fetch_optional(&state.db)
            .await?;
        match role.as_deref() {
            Some("admin") => Ok(Self),
            Some(_) => Err(Error::Forbidden),
            None => Err(Error::Unauthorized),
        }
    }
}

/// A user as administrators see them.
#[derive(Debug, Serialize, FromRow, ToSchema)]
pub struct UserRow {
    /// Different for every user.
    pub id: i64,
    /// The e-mail address.
    pub email: String,
    /// How the user wants to be called.
    pub name: Option<String>,
    /// What they may do.
    #[schema(example = "user")]
    pub role: String,
    /// When they signed up (UTC, RFC 3339).
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// Lists all users, in the order in which they signed up.
#[utoipa::path(
    get,
    path = "/admin/users",
    responses(
        (status = OK, description = "The users", body = [UserRow]),
        (status = UNAUTHORIZED, description = "Nobody is signed in"),
        (status = FORBIDDEN, description = "Not an administrator")
    )
)]
async fn list(State(state): State<AppState>, _: Admin) -> Result<Json<Vec<UserRow>>, Error> {
    let users = sqlx::query_as("SELECT id, email, name, role, created_at FROM users ORDER BY id")
        .fetch_all(&state.db)
        .await?;
    Ok(Json(users))
}
