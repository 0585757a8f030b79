//! `/me`: the user who is signed in.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use sqlx::FromRow;
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::AppState;
use crate::auth::auth_user::AuthUser;
use crate::error::Error;

/// Every call under `/me`.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(get, delete))
}

/// A user as the API shows them.
#[derive(Debug, Serialize, FromRow, ToSchema)]
pub struct User {
    /// Different for every user.
    pub id: i64,
    /// The e-mail address.
    pub email: String,
    /// How the user wants to be called.
    pub name: Option<String>,
    /// When they signed up (UTC, RFC 3339).
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// Tells who is signed in.
#[utoipa::path(
    get,
    path = "/me",
    responses(
        (status = OK, description = "The user", body = User),
        (status = UNAUTHORIZED, description = "Nobody is signed in")
    )
)]
async fn get(State(state): State<AppState>, user: AuthUser) -> Result<Json<User>, Error> {
    let user = sqlx::query_as("SELECT id, email, name, created_at FROM users WHERE id = $1")
        .bind(user.id)
        .fetch_optional(&state.db)
        .await?;
    user.map(Json).ok_or(Error::Unauthorized)
}

/// Deletes the user who is signed in, and everything they own.
#[utoipa::path(
    delete,
    path = "/me",
    responses(
        (status = NO_CONTENT, description = "The user is gone"),
        (status = UNAUTHORIZED, description = "Nobody is signed in")
    )
)]
async fn delete(State(state): State<AppState>, user: AuthUser) -> Result<StatusCode, Error> {
    let done = sqlx::query("DELETE FROM users WHERE id = $1")
        .bind(user.id)
        .execute(&state.db)
        .await?;
    match done.rows_affected() {
        0 => Err(Error::Unauthorized),
        _ => Ok(StatusCode::NO_CONTENT),
    }
}
