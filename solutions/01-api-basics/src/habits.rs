//! `/habits`: the calls, the JSON they take and give, and the code that answers them.

// ANCHOR: imports
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
// ANCHOR_END: imports
//~ // TODO(imports): import what your handlers use: `axum::Json`, `axum::extract::{Path, State}`.
//~ use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use time::{Date, OffsetDateTime};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::store::{Store, StoredHabit};

// ANCHOR: router
/// Every call under `/habits`, each with the function below that answers it.
pub fn router() -> OpenApiRouter<Store> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, replace, patch, delete))
}
// ANCHOR_END: router

// ANCHOR: habit
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
// ANCHOR_END: habit

// ANCHOR: new_habit
/// What a client sends to create a habit.
#[derive(Debug, Deserialize, ToSchema)]
pub struct NewHabit {
    /// What to do.
    pub name: String,
    /// More about it.
    pub description: Option<String>,
}
// ANCHOR_END: new_habit

// ANCHOR: habit_patch
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
// ANCHOR_END: habit_patch
//~ // TODO(habit_patch): tell a description that was sent as `null` from one that was not sent.
//~ /// What a client sends to change some fields of a habit: those it leaves out stay as they are.
//~ #[derive(Debug, Deserialize, ToSchema)]
//~ pub struct HabitPatch {
//~     /// The new name.
//~     pub name: Option<String>,
//~     /// The new description.
//~     pub description: Option<String>,
//~     /// Whether it is done for the present day (UTC).
//~     pub completed_today: Option<bool>,
//~ }

// ANCHOR: habit_replacement
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
// ANCHOR_END: habit_replacement

/// Lists every habit, oldest first.
#[utoipa::path(
    get,
    path = "/habits",
    responses((status = OK, description = "Every habit", body = [Habit]))
)]
// ANCHOR: list
async fn list(State(store): State<Store>) -> Json<Vec<Habit>> {
    Json(store.all().into_iter().map(Habit::from).collect())
}
// ANCHOR_END: list
//~ // TODO(list): answer 200 with every habit as a JSON array, oldest first.
//~ async fn list() -> StatusCode {
//~     StatusCode::NOT_IMPLEMENTED
//~ }

/// Creates a habit.
#[utoipa::path(
    post,
    path = "/habits",
    request_body = NewHabit,
    responses((status = CREATED, description = "The new habit", body = Habit))
)]
// ANCHOR: create
async fn create(State(store): State<Store>, Json(new): Json<NewHabit>) -> impl IntoResponse {
    let habit = Habit::from(store.add(new.name, new.description));
    let location = format!("/habits/{}", habit.id);
    (
        StatusCode::CREATED,
        [(header::LOCATION, location)],
        Json(habit),
    )
}
// ANCHOR_END: create
//~ // TODO(create): store the habit that was sent and answer 201 with it.
//~ async fn create() -> StatusCode {
//~     StatusCode::NOT_IMPLEMENTED
//~ }

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
// ANCHOR: get
async fn get(State(store): State<Store>, Path(id): Path<i64>) -> Result<Json<Habit>, StatusCode> {
    let habit = store.find(id).ok_or(StatusCode::NOT_FOUND)?;
    Ok(Json(habit.into()))
}
// ANCHOR_END: get
//~ // TODO(get): answer 200 with the habit that has the id in the path, or 404 if none has it.
//~ async fn get() -> StatusCode {
//~     StatusCode::NOT_IMPLEMENTED
//~ }

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
// ANCHOR: patch
async fn patch(
    State(store): State<Store>,
    Path(id): Path<i64>,
    Json(patch): Json<HabitPatch>,
) -> Result<Json<Habit>, StatusCode> {
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
        .ok_or(StatusCode::NOT_FOUND)?;
    Ok(Json(habit.into()))
}
// ANCHOR_END: patch
//~ // TODO(patch): change only the fields that were sent and answer 200 with the habit, or 404.
//~ async fn patch() -> StatusCode {
//~     StatusCode::NOT_IMPLEMENTED
//~ }

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
// ANCHOR: put
async fn replace(
    State(store): State<Store>,
    Path(id): Path<i64>,
    Json(new): Json<HabitReplacement>,
) -> Result<Json<Habit>, StatusCode> {
    let habit = store
        .update(id, |habit| {
            habit.name = new.name;
            habit.description = new.description;
            habit.completed_on = new.completed_today.then(today);
        })
        .ok_or(StatusCode::NOT_FOUND)?;
    Ok(Json(habit.into()))
}
// ANCHOR_END: put
//~ // TODO(put): (stretch) replace the whole habit and answer 200 with it, or 404.
//~ async fn replace() -> StatusCode {
//~     StatusCode::NOT_IMPLEMENTED
//~ }

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
// ANCHOR: delete
async fn delete(State(store): State<Store>, Path(id): Path<i64>) -> StatusCode {
    match store.remove(id) {
        Some(_) => StatusCode::NO_CONTENT,
        None => StatusCode::NOT_FOUND,
    }
}
// ANCHOR_END: delete
//~ // TODO(delete): remove the habit and answer 204, or 404 if there is none with this id.
//~ async fn delete() -> StatusCode {
//~     StatusCode::NOT_IMPLEMENTED
//~ }

// ANCHOR: habits_tests
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_habit_done_yesterday_is_not_completed_today() {
        let store = Store::default();
        let id = store.add("read".to_owned(), None).id;

        let stored = store.update(id, |habit| habit.completed_on = today().previous_day());

        assert_eq!(
            stored.map(|habit| Habit::from(habit).completed_today),
            Some(false)
        );
    }
}
// ANCHOR_END: habits_tests
//~!
