//! Habits, kept in memory: they are gone when the program ends.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use time::{Date, OffsetDateTime};

// ANCHOR: stored_habit
/// A habit as it is kept.
#[derive(Debug, Clone)]
pub struct StoredHabit {
    /// Different for every habit, also after one is deleted.
    pub id: i64,
    /// What to do.
    pub name: String,
    /// More about it.
    pub description: Option<String>,
    /// The last day (UTC) it was done. A `true` would still be there tomorrow; a date is not.
    pub completed_on: Option<Date>,
    /// When it was added (UTC).
    pub created_at: OffsetDateTime,
}
// ANCHOR_END: stored_habit

// ANCHOR: store
/// All habits. A clone is another handle on the same habits, so every request can have one.
#[derive(Debug, Clone, Default)]
pub struct Store {
    contents: Arc<Mutex<Contents>>,
}

#[derive(Debug, Default)]
struct Contents {
    /// Sorted by id, which is the order they were added in.
    habits: BTreeMap<i64, StoredHabit>,
    ids: Ids,
}

impl Store {
    /// Adds a habit under a new id.
    pub fn add(&self, name: String, description: Option<String>) -> StoredHabit {
        let mut contents = self.lock();
        let habit = StoredHabit {
            id: contents.ids.next(),
            name,
            description,
            completed_on: None,
            created_at: OffsetDateTime::now_utc(),
        };
        contents.habits.insert(habit.id, habit.clone());
        habit
    }

    /// Every habit, in the order they were added.
    pub fn all(&self) -> Vec<StoredHabit> {
        self.lock().habits.values().cloned().collect()
    }

    /// The habit with this id, if there is one.
    pub fn find(&self, id: i64) -> Option<StoredHabit> {
        self.lock().habits.get(&id).cloned()
    }

    /// Lets `change` alter the habit with this id, if there is one, and returns the result.
    pub fn update(&self, id: i64, change: impl FnOnce(&mut StoredHabit)) -> Option<StoredHabit> {
        let mut contents = self.lock();
        let habit = contents.habits.get_mut(&id)?;
        change(habit);
        Some(habit.clone())
    }

    /// Removes the habit with this id and returns it, if there was one.
    pub fn remove(&self, id: i64) -> Option<StoredHabit> {
        self.lock().habits.remove(&id)
    }

    /// Waits for its turn: requests are answered in parallel, but only one at a time is in here.
    fn lock(&self) -> MutexGuard<'_, Contents> {
        // A request that panicked in here must not take all later ones down with it.
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
// ANCHOR_END: store

// ANCHOR: next_id
/// Gives out ids, each one once.
#[derive(Debug, Default)]
struct Ids {
    last: i64,
}

impl Ids {
    fn next(&mut self) -> i64 {
        self.last += 1;
        self.last
    }
}
// ANCHOR_END: next_id
//~ // TODO(next_id): give out a different id each time, and never one that was given out before.
//~ #[derive(Debug, Default)]
//~ struct Ids;
//~
//~ impl Ids {
//~     fn next(&mut self) -> i64 {
//~         1
//~     }
//~ }

// ANCHOR: store_tests
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_removed_habit_is_not_given_out_again() {
        let store = Store::default();
        let first = store.add("read".to_owned(), None);
        store.remove(first.id);

        let second = store.add("write".to_owned(), None);

        assert_ne!(first.id, second.id);
    }

    #[test]
    fn habits_added_in_parallel_all_stay() {
        let store = Store::default();

        std::thread::scope(|scope| {
            for _ in 0..50 {
                scope.spawn(|| store.add("read".to_owned(), None));
            }
        });

        assert_eq!(store.all().len(), 50);
    }
}
// ANCHOR_END: store_tests
//~!
