//! The JSON that clients send and get.

use serde::{Deserialize, Serialize};
use time::{Date, OffsetDateTime};
use utoipa::ToSchema;

use crate::store::StoredHabit;
// ANCHOR: validation_imports
use crate::validation::{FieldError, Validate, check_description, check_name};
// ANCHOR_END: validation_imports
//~!

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
pub fn today() -> Date {
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

// ANCHOR: shapes_tests
#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

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
// ANCHOR_END: shapes_tests
//~!
