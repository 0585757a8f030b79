//! The JSON of habits, as clients send and get it, and the rows that the database gives.

use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use time::{Date, OffsetDateTime};
use utoipa::ToSchema;

use crate::streak::streak;
use crate::validation::{FieldError, Validate, check_description, check_name};

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
    /// How many days in a row it was done, up to today, or up to yesterday if today is still to do.
    pub streak: u32,
    /// When it was added (UTC, RFC 3339).
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// A habit as the database gives it: each field is the column of that name.
#[derive(Debug, FromRow)]
pub struct HabitRow {
    /// Primary key.
    pub id: i64,
    /// What to do.
    pub name: String,
    /// More about it.
    pub description: Option<String>,
    /// When it was added (UTC).
    pub created_at: OffsetDateTime,
    /// The days (UTC) on which it was done, ascending.
    pub days: Vec<Date>,
}

impl HabitRow {
    /// The habit as it is on the day `today`.
    pub fn on(self, today: Date) -> Habit {
        Habit {
            completed_today: self.days.binary_search(&today).is_ok(),
            streak: streak(&self.days, today),
            id: self.id,
            name: self.name,
            description: self.description,
            created_at: self.created_at,
        }
    }
}

/// What a client sends to create a habit.
#[derive(Debug, Deserialize, ToSchema)]
// TODO(new_habit_fields): refuse fields that are not among these.
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

/// What a client sends to change some fields of a habit: those it leaves out stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
// TODO(habit_patch_fields): refuse fields that are not among these.
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

/// Reads a field that was sent, be it as `null`. Serde does not call this for one left out.
fn sent<'de, D, T>(field: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(field).map(Some)
}

/// What a client sends to replace a habit: fields it leaves out go back to their defaults.
#[derive(Debug, Deserialize, ToSchema)]
// TODO(habit_replacement_fields): refuse fields that are not among these.
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
