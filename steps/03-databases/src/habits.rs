//! `/habits`: the calls, and the code and SQL that answer them.

use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::AppState;
use crate::day::today;
use crate::error::Error;
use crate::extract::{Path, ValidJson};
use crate::page::Page;
use crate::shapes::{Habit, HabitPatch, HabitReplacement, NewHabit};
use crate::store::Store;

/// Every call under `/habits`, each with the function below that answers it.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, replace, patch, delete))
}

/// Lists habits, oldest first: all of them, or page by page.
#[utoipa::path(
    get,
    path = "/habits",
    params(Page),
    responses(
        (
            status = OK,
            description = "The habits",
            body = [Habit],
            headers(("link" = String, description = "The next page, if there is one"))
        ),
        (status = BAD_REQUEST, description = "limit or after cannot be used")
    )
)]
// TODO(list): read the habits and their days from the database, with one query for all of them.
async fn list(State(store): State<Store>) -> Json<Vec<Habit>> {
    Json(store.all().into_iter().map(Habit::from).collect())
}

/// Creates a habit.
#[utoipa::path(
    post,
    path = "/habits",
    request_body = NewHabit,
    responses(
        (status = CREATED, description = "The new habit", body = Habit),
        (status = CONFLICT, description = "The name is taken")
    )
)]
// TODO(create): store the habit in the database; a name that is taken is a conflict.
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
// TODO(get): read the habit and its days from the database.
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
        (status = NOT_FOUND, description = "No habit has this id"),
        (status = CONFLICT, description = "The name is taken")
    )
)]
// TODO(patch): change the habit in the database, and its completion of today, both or neither.
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

/// Replaces a habit. The days before today on which it was done stay.
#[utoipa::path(
    put,
    path = "/habits/{id}",
    params(("id" = i64, Path)),
    request_body = HabitReplacement,
    responses(
        (status = OK, description = "The habit", body = Habit),
        (status = NOT_FOUND, description = "No habit has this id"),
        (status = CONFLICT, description = "The name is taken")
    )
)]
// TODO(put): replace the habit in the database, and its completion of today, both or neither.
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

/// Deletes a habit, and with it the days on which it was done.
#[utoipa::path(
    delete,
    path = "/habits/{id}",
    params(("id" = i64, Path)),
    responses(
        (status = NO_CONTENT, description = "The habit is gone"),
        (status = NOT_FOUND, description = "No habit has this id")
    )
)]
// TODO(delete): delete the habit from the database.
async fn delete(State(store): State<Store>, Path(id): Path<i64>) -> Result<StatusCode, Error> {
    store.remove(id).ok_or(Error::NotFound)?;
    Ok(StatusCode::NO_CONTENT)
}
