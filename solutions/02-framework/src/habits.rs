//! `/habits`: the calls, and the code that answers them.

use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::error::Error;
use crate::extract::{Path, ValidJson};
use crate::shapes::{Habit, HabitPatch, HabitReplacement, NewHabit, today};
use crate::store::Store;

// ANCHOR: router
/// Every call under `/habits`, each with the function below that answers it.
pub fn router() -> OpenApiRouter<Store> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, replace, patch, delete))
}
// ANCHOR_END: router

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

/// Creates a habit.
#[utoipa::path(
    post,
    path = "/habits",
    request_body = NewHabit,
    responses((status = CREATED, description = "The new habit", body = Habit))
)]
// ANCHOR: create
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
// ANCHOR_END: create

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
async fn get(State(store): State<Store>, Path(id): Path<i64>) -> Result<Json<Habit>, Error> {
    let habit = store.find(id).ok_or(Error::NotFound)?;
    Ok(Json(habit.into()))
}
// ANCHOR_END: get

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
// ANCHOR_END: patch

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
// ANCHOR_END: put

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
async fn delete(State(store): State<Store>, Path(id): Path<i64>) -> Result<StatusCode, Error> {
    store.remove(id).ok_or(Error::NotFound)?;
    Ok(StatusCode::NO_CONTENT)
}
// ANCHOR_END: delete
