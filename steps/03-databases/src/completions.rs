//! `/habits/{id}/completions`: the days on which a habit was done.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::AppState;
use crate::day::Day;
use crate::validation::{FieldError, Validate};

/// Every call under `/habits/{id}/completions`.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(put, delete))
}

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
// TODO(list_completions): the days from `from` to `to` on which the habit was done, ascending.
async fn list() -> StatusCode {
    StatusCode::NOT_IMPLEMENTED
}

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
// TODO(put_completion): store the day and answer 201; if it was there before, answer 200.
async fn put() -> StatusCode {
    StatusCode::NOT_IMPLEMENTED
}

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
// TODO(delete_completion): remove the day and answer 204; if it is not there, answer 404.
async fn delete() -> StatusCode {
    StatusCode::NOT_IMPLEMENTED
}

// TODO(set_completion): what `completed_today` does in PATCH and PUT: within their transaction, store
// the completion of a day, or remove it. It may be there already, or gone.
