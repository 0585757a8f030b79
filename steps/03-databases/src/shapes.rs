//! The JSON of habits, as clients send and get it, and the rows that the database gives.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::day::today;
use crate::store::StoredHabit;
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

// TODO(habit_row): describe a row as the database gives it, with its days, and make a `Habit` of
// it. What follows is for the habits in memory, until the last of them has moved.
impl From<StoredHabit> for Habit {
    fn from(stored: StoredHabit) -> Self {
        let today = today();
        Self {
            completed_today: stored.completed_on == Some(today),
            streak: streak(stored.completed_on.as_slice(), today),
            id: stored.id,
            name: stored.name,
            description: stored.description,
            created_at: stored.created_at,
        }
    }
}

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
