//! `/me`: the user who is signed in.

use axum::http::StatusCode;
use serde::Serialize;
use sqlx::FromRow;
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::AppState;

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
// TODO(get): the user who is signed in; 401 if they have been deleted since.
async fn get() -> StatusCode {
    StatusCode::NOT_IMPLEMENTED
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
// TODO(delete): delete the user, and with them everything they own.
async fn delete() -> StatusCode {
    StatusCode::NOT_IMPLEMENTED
}
