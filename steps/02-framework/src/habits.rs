//! `/habits`: the calls, the JSON they take and give, and the code that answers them.

use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use time::{Date, OffsetDateTime};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::error::Error;
use crate::extract::{Path, ValidJson};
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

// TODO(new_habit): implement `Validate`; name the field when `name` is missing, too.
/// What a client sends to create a habit.
#[derive(Debug, Deserialize, ToSchema)]
pub struct NewHabit {
    /// What to do.
    pub name: String,
    /// More about it.
    pub description: Option<String>,
}

// TODO(habit_patch): implement `Validate`; refuse `null` where only the description may be null.
/// What a client sends to change some fields of a habit: those it leaves out stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
pub struct HabitPatch {
    /// The new name.
    pub name: Option<String>,
    /// The new description; `null` clears it.
    // In Rust, `None` is "not sent" and `Some(None)` is "sent as `null`".
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>)]
    pub description: Option<Option<String>>,
    /// Whether it is done for the present day (UTC).
    pub completed_today: Option<bool>,
}

/// Reads a field that was sent, be it as `null`. Serde does not call this for one left out.
fn sent<'de, D, T>(field: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(field).map(Some)
}

// TODO(habit_replacement): (stretch) implement `Validate` here as well.
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
async fn list(State(store): State<Store>) -> Json<Vec<Habit>> {
    Json(store.all().into_iter().map(Habit::from).collect())
}

/// Creates a habit.
#[utoipa::path(
    post,
    path = "/habits",
    request_body = NewHabit,
    responses((status = CREATED, description = "The new habit", body = Habit))
)]
async fn create(
    State(store): State<Store>,
    OriginalUri(uri): OriginalUri,
    ValidJson(new): ValidJson<NewHabit>,
) -> impl IntoResponse {
    let habit = Habit::from(store.add(new.name, new.description));
    let location = format!("{}/{}", uri.path(), habit.id);
    (
        StatusCode::CREATED,
        [(header::LOCATION, location)],
        Json(habit),
    )
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
async fn get(State(store): State<Store>, Path(id): Path<i64>) -> Result<Json<Habit>, Error> {
    let habit = store.find(id).ok_or(Error::NotFound)?;
    Ok(Json(habit.into()))
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
async fn patch(
    State(store): State<Store>,
    Path(id): Path<i64>,
    ValidJson(patch): ValidJson<HabitPatch>,
) -> Result<Json<Habit>, Error> {
    let habit = store
        .update(id, |habit| {
            if let Some(name) = patch.name {
                habit.name = name;
            }
            if let Some(description) = patch.description {
                habit.description = description;
            }
            if let Some(completed) = patch.completed_today {
                habit.completed_on = completed.then(today);
            }
        })
        .ok_or(Error::NotFound)?;
    Ok(Json(habit.into()))
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
async fn replace(
    State(store): State<Store>,
    Path(id): Path<i64>,
    ValidJson(new): ValidJson<HabitReplacement>,
) -> Result<Json<Habit>, Error> {
    let habit = store
        .update(id, |habit| {
            habit.name = new.name;
            habit.description = new.description;
            habit.completed_on = new.completed_today.then(today);
        })
        .ok_or(Error::NotFound)?;
    Ok(Json(habit.into()))
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
async fn delete(State(store): State<Store>, Path(id): Path<i64>) -> Result<StatusCode, Error> {
    store.remove(id).ok_or(Error::NotFound)?;
    Ok(StatusCode::NO_CONTENT)
}
