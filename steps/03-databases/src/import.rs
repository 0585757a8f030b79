//! `/habits/import`: many habits at once, all of them or none.

use std::collections::BTreeSet;

use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::AppState;
use crate::day::Day;
use crate::shapes::Habit;
use crate::validation::{FieldError, Validate, check_description, check_name};

/// Most bytes in the body of an import.
const BODY_MAX: usize = 1024 * 1024;

/// The call `/habits/import`.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(import))
        .layer(DefaultBodyLimit::max(BODY_MAX))
}

/// A habit that a client brings along, with its past.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ImportedHabit {
    /// What to do.
    // A name left out is read as a blank one, which `validate` refuses.
    #[serde(default)]
    #[schema(required, min_length = 1, max_length = 100)]
    pub name: String,
    /// More about it.
    #[schema(max_length = 500)]
    pub description: Option<String>,
    /// The days (UTC) on which it was done, in any order.
    // A set is sorted, and has each day once.
    #[serde(default)]
    #[schema(value_type = Vec<Day>)]
    pub completions: BTreeSet<Day>,
}

impl Validate for ImportedHabit {
    fn validate(&mut self) -> Vec<FieldError> {
        let name = check_name(&mut self.name);
        let description = check_description(self.description.as_deref());
        name.into_iter().chain(description).collect()
    }
}

/// Adds many habits at once, or none of them if anything is wrong with one.
#[utoipa::path(
    post,
    path = "/habits/import",
    request_body = [ImportedHabit],
    responses(
        (status = CREATED, description = "The new habits, in the same order", body = [Habit]),
        (status = BAD_REQUEST, description = "A rule is broken; a field is named like `0.name`"),
        (status = CONFLICT, description = "A name is taken"),
        (status = PAYLOAD_TOO_LARGE, description = "The body has more than 1 MiB")
    )
)]
// TODO(import): store all habits with their days, or none of them; answer 201 with them, in this
// order. A name that is taken is a conflict, and its field is named like `0.name`.
async fn import() -> StatusCode {
    StatusCode::NOT_IMPLEMENTED
}
