//! `/habits/import`: many habits at once, all of them or none.

// ANCHOR: import_imports
use std::collections::BTreeSet;

use axum::Json;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::auth::auth_user::AuthUser;
use crate::day::{Day, today};
use crate::error::Error;
use crate::extract::ValidJsonList;
use crate::shapes::Habit;
use crate::validation::{FieldError, Validate, check_description, check_name};
use crate::{AppState, habits};
// ANCHOR_END: import_imports
//~<

/// Most bytes in the body of an import.
const BODY_MAX: usize = 1024 * 1024;

/// The call `/habits/import`.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(import))
        .layer(DefaultBodyLimit::max(BODY_MAX))
}

// ANCHOR: imported_habit
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
// ANCHOR_END: imported_habit

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
// ANCHOR: import
async fn import(
    State(state): State<AppState>,
    user: AuthUser,
    ValidJsonList(habits): ValidJsonList<ImportedHabit, 100>,
) -> Result<(StatusCode, Json<Vec<Habit>>), Error> {
    let today = today();
    let mut imported = Vec::with_capacity(habits.len());

    let mut transaction = state.db.begin().await?;
    // Imports of one user take turns. Otherwise each of two could wait for a name the other has.
    sqlx::query("SELECT id FROM users WHERE id = $1 FOR NO KEY UPDATE")
        .bind(user.id)
        .execute(&mut *transaction)
        .await?;
    for (index, habit) in habits.into_iter().enumerate() {
        let description = habit.description.as_deref();
        let mut row = habits::insert(&mut *transaction, user, &habit.name, description)
            .await
            .map_err(|error| error.within(index))?;
        row.days = habit.completions.into_iter().map(|Day(day)| day).collect();
        sqlx::query("INSERT INTO completions (habit_id, completed_on) SELECT $1, unnest($2)")
            .bind(row.id)
            .bind(&row.days)
            .execute(&mut *transaction)
            .await?;
        imported.push(row.on(today));
    }
    transaction.commit().await?;

    Ok((StatusCode::CREATED, Json(imported)))
}
// ANCHOR_END: import
//~ // TODO(import): the new habits belong to whoever is signed in.
//~<
