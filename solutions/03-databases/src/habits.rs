//! `/habits`: the calls, and the code and SQL that answer them.

use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
// ANCHOR: habits_imports
use sqlx::PgExecutor;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::database::BUILT_IN_USER;
use crate::day::today;
use crate::error::{Error, OnConstraint};
use crate::extract::{Path, ValidJson, ValidQuery};
use crate::page::Page;
use crate::shapes::{Habit, HabitPatch, HabitReplacement, HabitRow, NewHabit};
use crate::validation::FieldError;
use crate::{AppState, completions};
// ANCHOR_END: habits_imports
//~ use utoipa_axum::{router::OpenApiRouter, routes};
//~
//~ use crate::AppState;
//~ use crate::day::today;
//~ use crate::error::Error;
//~ use crate::extract::{Path, ValidJson};
//~ use crate::page::Page;
//~ use crate::shapes::{Habit, HabitPatch, HabitReplacement, NewHabit};
//~ use crate::store::Store;

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
// ANCHOR: list
async fn list(
    State(state): State<AppState>,
    OriginalUri(uri): OriginalUri,
    ValidQuery(page): ValidQuery<Page>,
) -> Result<impl IntoResponse, Error> {
    let mut rows: Vec<HabitRow> = sqlx::query_as(
        "SELECT id, name, description, created_at,
                ARRAY(SELECT completed_on FROM completions
                      WHERE habit_id = habits.id ORDER BY completed_on) AS days
         FROM habits
         WHERE user_id = $1 AND ($2 IS NULL OR id > $2)
         ORDER BY id
         LIMIT $3",
    )
    .bind(BUILT_IN_USER)
    .bind(page.after)
    .bind(page.rows())
    .fetch_all(&state.db)
    .await?;

    let next = page.cut(&uri, &mut rows, |row| row.id);
    let today = today();
    let habits: Vec<Habit> = rows.into_iter().map(|row| row.on(today)).collect();
    Ok((next.map(|next| [(header::LINK, next)]), Json(habits)))
}
// ANCHOR_END: list
//~ // TODO(list): read the habits and their days from the database, with one query for all of them.
//~<

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
// ANCHOR: create
async fn create(
    State(state): State<AppState>,
    OriginalUri(uri): OriginalUri,
    ValidJson(new): ValidJson<NewHabit>,
) -> Result<impl IntoResponse, Error> {
    let row = insert(&state.db, &new.name, new.description.as_deref()).await?;
    let location = format!("{}/{}", uri.path(), row.id);
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, location)],
        Json(row.on(today())),
    ))
}

/// Adds a habit that was not done on any day yet.
///
/// # Errors
///
/// A conflict if the name is taken.
pub async fn insert(
    db: impl PgExecutor<'_>,
    name: &str,
    description: Option<&str>,
) -> Result<HabitRow, Error> {
    sqlx::query_as(
        "INSERT INTO habits (user_id, name, description) VALUES ($1, $2, $3)
         RETURNING id, name, description, created_at, '{}'::date[] AS days",
    )
    .bind(BUILT_IN_USER)
    .bind(name)
    .bind(description)
    .fetch_one(db)
    .await
    .on_constraint("habits_name_key", name_taken())
}

/// Two habits of one user have the same name, whatever its letter case.
fn name_taken() -> Error {
    Error::Conflict(FieldError::new("name", "is taken by another habit"))
}
// ANCHOR_END: create
//~ // TODO(create): store the habit in the database; a name that is taken is a conflict.
//~<

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
async fn get(State(state): State<AppState>, Path(id): Path<i64>) -> Result<Json<Habit>, Error> {
    let row = find(&state.db, id).await?;
    Ok(Json(row.on(today())))
}

/// Reads the habit with this id.
async fn find(db: impl PgExecutor<'_>, id: i64) -> Result<HabitRow, Error> {
    sqlx::query_as(
        "SELECT id, name, description, created_at,
                ARRAY(SELECT completed_on FROM completions
                      WHERE habit_id = habits.id ORDER BY completed_on) AS days
         FROM habits
         WHERE id = $1 AND user_id = $2",
    )
    .bind(id)
    .bind(BUILT_IN_USER)
    .fetch_optional(db)
    .await?
    .ok_or(Error::NotFound)
}
// ANCHOR_END: get
//~ // TODO(get): read the habit and its days from the database.
//~<

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
// ANCHOR: patch
async fn patch(
    State(state): State<AppState>,
    Path(id): Path<i64>,
    ValidJson(patch): ValidJson<HabitPatch>,
) -> Result<Json<Habit>, Error> {
    let today = today();
    let mut transaction = state.db.begin().await?;
    let done = sqlx::query(
        "UPDATE habits
         SET name = COALESCE($3, name),
             description = CASE WHEN $4 THEN $5 ELSE description END
         WHERE id = $1 AND user_id = $2",
    )
    .bind(id)
    .bind(BUILT_IN_USER)
    .bind(patch.name)
    .bind(patch.description.is_some())
    .bind(patch.description.flatten())
    .execute(&mut *transaction)
    .await
    .on_constraint("habits_name_key", name_taken())?;
    if done.rows_affected() == 0 {
        return Err(Error::NotFound);
    }
    if let Some(completed) = patch.completed_today {
        completions::set(&mut transaction, id, today, completed).await?;
    }
    let row = find(&mut *transaction, id).await?;
    transaction.commit().await?;
    Ok(Json(row.on(today)))
}
// ANCHOR_END: patch
//~ // TODO(patch): change the habit in the database, and its completion of today, both or neither.
//~<

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
// ANCHOR: put
async fn replace(
    State(state): State<AppState>,
    Path(id): Path<i64>,
    ValidJson(new): ValidJson<HabitReplacement>,
) -> Result<Json<Habit>, Error> {
    let today = today();
    let mut transaction = state.db.begin().await?;
    let done =
        sqlx::query("UPDATE habits SET name = $3, description = $4 WHERE id = $1 AND user_id = $2")
            .bind(id)
            .bind(BUILT_IN_USER)
            .bind(new.name)
            .bind(new.description)
            .execute(&mut *transaction)
            .await
            .on_constraint("habits_name_key", name_taken())?;
    if done.rows_affected() == 0 {
        return Err(Error::NotFound);
    }
    completions::set(&mut transaction, id, today, new.completed_today).await?;
    let row = find(&mut *transaction, id).await?;
    transaction.commit().await?;
    Ok(Json(row.on(today)))
}
// ANCHOR_END: put
//~ // TODO(put): replace the habit in the database, and its completion of today, both or neither.
//~<

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
// ANCHOR: delete
async fn delete(State(state): State<AppState>, Path(id): Path<i64>) -> Result<StatusCode, Error> {
    let done = sqlx::query("DELETE FROM habits WHERE id = $1 AND user_id = $2")
        .bind(id)
        .bind(BUILT_IN_USER)
        .execute(&state.db)
        .await?;
    if done.rows_affected() == 0 {
        return Err(Error::NotFound);
    }
    Ok(StatusCode::NO_CONTENT)
}
// ANCHOR_END: delete
//~ // TODO(delete): delete the habit from the database.
//~<
