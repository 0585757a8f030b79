//! `/habits`: the calls, the JSON they take and give, and the code that answers them.

// TODO(imports): import what your handlers use: `axum::Json`, `axum::extract::{Path, State}`.
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use time::{Date, OffsetDateTime};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::store::{Store, StoredHabit};

/// Every call under `/habits`, each with the function below that answers it.
pub fn router() -> OpenApiRouter<Store> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, replace, patch, delete))
}

/// A habit as the API shows it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Habit {
    /// Different for every habit.
    pub id: i64,
    /// What to do.
    pub name: String,
    /// More about it.
    pub description: Option<String>,
    /// Whether it was done on the present day (UTC).
    pub completed_today: bool,
    /// When it was added (UTC, RFC 3339).
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

impl From<StoredHabit> for Habit {
    fn from(stored: StoredHabit) -> Self {
        Self {
            id: stored.id,
            name: stored.name,
            description: stored.description,
            completed_today: stored.completed_on == Some(today()),
            created_at: stored.created_at,
        }
    }
}

/// The present day (UTC).
fn today() -> Date {
    OffsetDateTime::now_utc().date()
}

/// What a client sends to create a habit.
#[derive(Debug, Deserialize, ToSchema)]
pub struct NewHabit {
    /// What to do.
    pub name: String,
    /// More about it.
    pub description: Option<String>,
}

// TODO(habit_patch): tell a description that was sent as `null` from one that was not sent.
/// What a client sends to change some fields of a habit: those it leaves out stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
pub struct HabitPatch {
    /// The new name.
    pub name: Option<String>,
    /// The new description.
    pub description: Option<String>,
    /// Whether it is done for the present day (UTC).
    pub completed_today: Option<bool>,
}

/// What a client sends to replace a habit: fields it leaves out go back to their defaults.
#[derive(Debug, Deserialize, ToSchema)]
pub struct HabitReplacement {
    /// What to do.
    pub name: String,
    /// More about it.
    pub description: Option<String>,
    /// Whether it is done for the present day (UTC).
    #[serde(default)]
    pub completed_today: bool,
}

/// Lists every habit, oldest first.
#[utoipa::path(
    get,
    path = "/habits",
    responses((status = OK, description = "Every habit", body = [Habit]))
)]
// TODO(list): answer 200 with every habit as a JSON array, oldest first.
async fn list() -> StatusCode {
    StatusCode::NOT_IMPLEMENTED
}

/// Creates a habit.
#[utoipa::path(
    post,
    path = "/habits",
    request_body = NewHabit,
    responses((status = CREATED, description = "The new habit", body = Habit))
)]
// TODO(create): store the habit that was sent and answer 201 with it.
async fn create() -> StatusCode {
    StatusCode::NOT_IMPLEMENTED
}

/// Reads one habit.
#[utoipa::path(
    get,
    path = "/habits/{id}",
    params(("id" = i64, Path)),
    responses(
        (status = OK, description = "The habit", body = Habit),
        (status = NOT_FOUND, description = "No habit has this id")
    )
)]
// TODO(get): answer 200 with the habit that has the id in the path, or 404 if none has it.
async fn get() -> StatusCode {
    StatusCode::NOT_IMPLEMENTED
}

/// Changes the fields that were sent.
#[utoipa::path(
    patch,
    path = "/habits/{id}",
    params(("id" = i64, Path)),
    request_body = HabitPatch,
    responses(
        (status = OK, description = "The habit", body = Habit),
        (status = NOT_FOUND, description = "No habit has this id")
    )
)]
// TODO(patch): change only the fields that were sent and answer 200 with the habit, or 404.
async fn patch() -> StatusCode {
    StatusCode::NOT_IMPLEMENTED
}

/// Replaces a habit.
#[utoipa::path(
    put,
    path = "/habits/{id}",
    params(("id" = i64, Path)),
    request_body = HabitReplacement,
    responses(
        (status = OK, description = "The habit", body = Habit),
        (status = NOT_FOUND, description = "No habit has this id")
    )
)]
// TODO(put): (stretch) replace the whole habit and answer 200 with it, or 404.
async fn replace() -> StatusCode {
    StatusCode::NOT_IMPLEMENTED
}

/// Deletes a habit.
#[utoipa::path(
    delete,
    path = "/habits/{id}",
    params(("id" = i64, Path)),
    responses(
        (status = NO_CONTENT, description = "The habit is gone"),
        (status = NOT_FOUND, description = "No habit has this id")
    )
)]
// TODO(delete): remove the habit and answer 204, or 404 if there is none with this id.
async fn delete() -> StatusCode {
    StatusCode::NOT_IMPLEMENTED
}
