//! `/habits/{id}/completions`: the days on which a habit was done.

// ANCHOR: completions_imports
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgExecutor};
use time::Date;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::AppState;
use crate::auth::auth_user::AuthUser;
use crate::day::Day;
use crate::error::{Error, OnConstraint};
use crate::extract::{Path, ValidQuery};
use crate::validation::{FieldError, Validate};
// ANCHOR_END: completions_imports
//~<

/// Every call under `/habits/{id}/completions`.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(put, delete))
}

// ANCHOR: completion
/// A day on which a habit was done.
#[derive(Debug, Serialize, ToSchema)]
pub struct Completion {
    /// The day (UTC).
    pub date: Day,
}

/// The address of a completion.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct CompletionPath {
    /// Id of the habit.
    pub id: i64,
    /// The day (UTC).
    pub date: Day,
}

/// The days that a client asks for, both ends included.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Range {
    /// The first day (UTC); without it, there is no first.
    pub from: Option<Day>,
    /// The last day (UTC); without it, there is no last.
    pub to: Option<Day>,
}

impl Validate for Range {
    fn validate(&mut self) -> Vec<FieldError> {
        Vec::new()
    }
}
// ANCHOR_END: completion

/// Lists the days on which a habit was done, ascending.
#[utoipa::path(
    get,
    path = "/habits/{id}/completions",
    params(("id" = i64, Path), Range),
    responses(
        (status = OK, description = "The days", body = [Completion]),
        (status = BAD_REQUEST, description = "from or to is no day"),
        (status = NOT_FOUND, description = "No habit has this id")
    )
)]
// ANCHOR: list_completions
async fn list(
    State(state): State<AppState>,
    user: AuthUser,
    Path(id): Path<i64>,
    ValidQuery(range): ValidQuery<Range>,
) -> Result<Json<Vec<Completion>>, Error> {
    require_habit(&state.db, user, id).await?;
    let days: Vec<Date> = sqlx::query_scalar(
        "SELECT completed_on FROM completions
         WHERE habit_id = $1
           AND completed_on BETWEEN COALESCE($2, '-infinity') AND COALESCE($3, 'infinity')
         ORDER BY completed_on",
    )
    .bind(id)
    .bind(range.from.map(|Day(from)| from))
    .bind(range.to.map(|Day(to)| to))
    .fetch_all(&state.db)
    .await?;
    let completions = days.into_iter().map(|day| Completion { date: Day(day) });
    Ok(Json(completions.collect()))
}

/// Refuses the id of a habit that does not exist.
async fn require_habit(db: impl PgExecutor<'_>, user: AuthUser, id: i64) -> Result<(), Error> {
    let found: Option<i64> =
        sqlx::query_scalar("SELECT id FROM habits WHERE id = $1 AND user_id = $2")
            .bind(id)
            .bind(user.id)
            .fetch_optional(db)
            .await?;
    found.map(|_| ()).ok_or(Error::NotFound)
}
// ANCHOR_END: list_completions
//~ // TODO(list_completions): only for a habit of whoever is signed in.
//~<

/// Says that a habit was done on a day.
#[utoipa::path(
    put,
    path = "/habits/{id}/completions/{date}",
    params(CompletionPath),
    responses(
        (status = CREATED, description = "This was new", body = Completion),
        (status = OK, description = "This was known", body = Completion),
        (status = BAD_REQUEST, description = "The date is no day"),
        (status = NOT_FOUND, description = "No habit has this id")
    )
)]
// ANCHOR: put_completion
async fn put(
    State(state): State<AppState>,
    user: AuthUser,
    Path(CompletionPath { id, date }): Path<CompletionPath>,
) -> Result<(StatusCode, Json<Completion>), Error> {
    require_habit(&state.db, user, id).await?;
    let status = match add(&state.db, id, date.0).await? {
        true => StatusCode::CREATED,
        false => StatusCode::OK,
    };
    Ok((status, Json(Completion { date })))
}

/// Stores that a habit was done on a day, and tells whether that is new.
async fn add(db: impl PgExecutor<'_>, id: i64, day: Date) -> Result<bool, Error> {
    let done = sqlx::query(
        "INSERT INTO completions (habit_id, completed_on) VALUES ($1, $2)
         ON CONFLICT (habit_id, completed_on) DO NOTHING",
    )
    .bind(id)
    .bind(day)
    .execute(db)
    .await
    // The habit may have been deleted since somebody looked.
    .on_constraint("completions_habit_id_fkey", Error::NotFound)?;
    Ok(done.rows_affected() == 1)
}
// ANCHOR_END: put_completion
//~ // TODO(put_completion): only for a habit of whoever is signed in.
//~<

/// Says that a habit was not done on a day.
#[utoipa::path(
    delete,
    path = "/habits/{id}/completions/{date}",
    params(CompletionPath),
    responses(
        (status = NO_CONTENT, description = "The completion is gone"),
        (status = BAD_REQUEST, description = "The date is no day"),
        (status = NOT_FOUND, description = "No habit has this id, or it was not done on this day")
    )
)]
// ANCHOR: delete_completion
async fn delete(
    State(state): State<AppState>,
    user: AuthUser,
    Path(CompletionPath { id, date }): Path<CompletionPath>,
) -> Result<StatusCode, Error> {
    require_habit(&state.db, user, id).await?;
    match remove(&state.db, id, date.0).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Error::NotFound),
    }
}

/// Stores that a habit was not done on a day, and tells whether that is new.
async fn remove(db: impl PgExecutor<'_>, id: i64, day: Date) -> Result<bool, Error> {
    let done = sqlx::query("DELETE FROM completions WHERE habit_id = $1 AND completed_on = $2")
        .bind(id)
        .bind(day)
        .execute(db)
        .await?;
    Ok(done.rows_affected() == 1)
}
// ANCHOR_END: delete_completion
//~ // TODO(delete_completion): only for a habit of whoever is signed in.
//~<

// ANCHOR: set_completion
/// Stores, as a part of a transaction, whether a habit was done on a day.
///
/// # Errors
///
/// No habit has this id.
pub async fn set(db: &mut PgConnection, id: i64, day: Date, done: bool) -> Result<(), Error> {
    if done {
        add(db, id, day).await?;
    } else {
        remove(db, id, day).await?;
    }
    Ok(())
}
// ANCHOR_END: set_completion
