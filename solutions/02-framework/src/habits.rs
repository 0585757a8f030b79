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
// ANCHOR: validation_imports
use crate::validation::{FieldError, Validate, check_description, check_name};
// ANCHOR_END: validation_imports
//~!

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
    // A name left out is read as a blank one, which `validate` refuses.
    #[serde(default)]
    #[schema(required, min_length = 1, max_length = 100)]
    pub name: String,
    /// More about it.
    #[schema(max_length = 500)]
    pub description: Option<String>,
}

impl Validate for NewHabit {
    fn validate(&mut self) -> Vec<FieldError> {
        let name = check_name(&mut self.name);
        let description = check_description(self.description.as_deref());
        name.into_iter().chain(description).collect()
    }
}
// ANCHOR_END: new_habit
//~ // TODO(new_habit): implement `Validate`; name the field when `name` is missing, too.
//~ /// What a client sends to create a habit.
//~ #[derive(Debug, Deserialize, ToSchema)]
//~ pub struct NewHabit {
//~     /// What to do.
//~     pub name: String,
//~     /// More about it.
//~     pub description: Option<String>,
//~ }

// ANCHOR: habit_patch
/// What a client sends to change some fields of a habit: those it leaves out stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
pub struct HabitPatch {
    /// The new name.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 100)]
    pub name: Option<String>,
    /// The new description; `null` clears it.
    // In Rust, `None` is "not sent" and `Some(None)` is "sent as `null`".
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>, max_length = 500)]
    pub description: Option<Option<String>>,
    /// Whether it is done for the present day (UTC).
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = bool, required = false)]
    pub completed_today: Option<bool>,
}

impl Validate for HabitPatch {
    fn validate(&mut self) -> Vec<FieldError> {
        let name = self.name.as_mut().and_then(check_name);
        let description = self.description.as_ref().and_then(Option::as_deref);
        name.into_iter()
            .chain(check_description(description))
            .collect()
    }
}
// ANCHOR_END: habit_patch
//~ // TODO(habit_patch): implement `Validate`; refuse `null` where only the description may be null.
//~ /// What a client sends to change some fields of a habit: those it leaves out stay as they are.
//~ #[derive(Debug, Deserialize, ToSchema)]
//~ pub struct HabitPatch {
//~     /// The new name.
//~     pub name: Option<String>,
//~     /// The new description; `null` clears it.
//~     // In Rust, `None` is "not sent" and `Some(None)` is "sent as `null`".
//~     #[serde(default, deserialize_with = "sent")]
//~     #[schema(value_type = Option<String>)]
//~     pub description: Option<Option<String>>,
//~     /// Whether it is done for the present day (UTC).
//~     pub completed_today: Option<bool>,
//~ }

// ANCHOR: sent
/// Reads a field that was sent, be it as `null`. Serde does not call this for one left out.
fn sent<'de, D, T>(field: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(field).map(Some)
}
// ANCHOR_END: sent

// ANCHOR: habit_replacement
/// What a client sends to replace a habit: fields it leaves out go back to their defaults.
#[derive(Debug, Deserialize, ToSchema)]
pub struct HabitReplacement {
    /// What to do.
    // A name left out is read as a blank one, which `validate` refuses.
    #[serde(default)]
    #[schema(required, min_length = 1, max_length = 100)]
    pub name: String,
    /// More about it.
    #[schema(max_length = 500)]
    pub description: Option<String>,
    /// Whether it is done for the present day (UTC).
    #[serde(default)]
    pub completed_today: bool,
}

impl Validate for HabitReplacement {
    fn validate(&mut self) -> Vec<FieldError> {
        let name = check_name(&mut self.name);
        let description = check_description(self.description.as_deref());
        name.into_iter().chain(description).collect()
    }
}
// ANCHOR_END: habit_replacement
//~ // TODO(habit_replacement): (stretch) implement `Validate` here as well.
//~ /// What a client sends to replace a habit: fields it leaves out go back to their defaults.
//~ #[derive(Debug, Deserialize, ToSchema)]
//~ pub struct HabitReplacement {
//~     /// What to do.
//~     pub name: String,
//~     /// More about it.
//~     pub description: Option<String>,
//~     /// Whether it is done for the present day (UTC).
//~     #[serde(default)]
//~     pub completed_today: bool,
//~ }

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
