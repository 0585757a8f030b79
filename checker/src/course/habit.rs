//! The habit as the contract shows it.

use std::time::SystemTime;

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::outcome::Outcome;
use crate::probe::Answer;

/// What the contract names; a server may send more.
const FIELDS: [&str; 5] = ["id", "name", "description", "completed_today", "created_at"];
/// How far a server's clock may be from ours, in seconds.
const CLOCK_DRIFT: i64 = 300;
/// How much of a moment may be lost between an answer and the store, in seconds.
const ROUNDING: f64 = 1.0;

/// A habit as a server sent it.
#[derive(Debug, Clone)]
pub struct Habit {
    /// Its id.
    pub id: i64,
    fields: Map<String, Value>,
}

impl Habit {
    /// The habit in an answer; a failure unless it is a JSON object with an integer `id`.
    pub fn of(answer: &Answer) -> Outcome<Habit> {
        Habit::from_value(answer, answer.json()?)
    }

    /// The habits in an answer; a failure unless it is a JSON array of objects with integer ids.
    pub fn list(answer: &Answer) -> Outcome<Vec<Habit>> {
        match answer.json()? {
            Value::Array(items) => items.into_iter().map(|item| Habit::from_value(answer, item)).collect(),
            other => Err(answer.fail("a JSON array of habits", kind(&other))),
        }
    }

    fn from_value(answer: &Answer, value: Value) -> Outcome<Habit> {
        let Value::Object(fields) = value else {
            return Err(answer.fail("a habit as a JSON object", kind(&value)));
        };
        let Some(id) = fields.get("id").and_then(Value::as_i64) else {
            let actual = fields.get("id").map_or("no id".to_owned(), |id| format!("\"id\": {id}"));
            return Err(answer.fail("a habit with an integer id", actual));
        };
        Ok(Habit { id, fields })
    }

    /// `/habits/{id}`.
    pub fn path(&self) -> String {
        format!("/habits/{}", self.id)
    }

    /// A field; `null` where it is missing.
    pub fn get(&self, field: &str) -> Value {
        self.fields.get(field).cloned().unwrap_or_default()
    }

    /// The same habit with a field changed: what a right server answers after a change.
    #[must_use]
    pub fn with(&self, field: &str, value: impl Into<Value>) -> Habit {
        let mut changed = self.clone();
        changed.fields.insert(field.to_owned(), value.into());
        changed
    }

    /// Fails unless a field has this value.
    pub fn expect(&self, answer: &Answer, field: &str, value: impl Into<Value>) -> Outcome<&Self> {
        let value = value.into();
        if self.fields.get(field) == Some(&value) {
            return Ok(self);
        }
        let actual = self.fields.get(field).map_or(format!("no {field}"), |actual| format!("\"{field}\": {actual}"));
        Err(answer.fail(format!("\"{field}\": {value}"), actual))
    }

    /// Fails unless `created_at` is an RFC 3339 date and time close to now.
    pub fn expect_created_now(&self, answer: &Answer) -> Outcome<&Self> {
        let expected = "\"created_at\": the present moment as an RFC 3339 date and time, such as \"2026-01-31T08:00:00Z\"";
        let now = OffsetDateTime::from(SystemTime::now());
        match self.created_at() {
            Some(created) if (now - created).whole_seconds().abs() <= CLOCK_DRIFT => Ok(self),
            _ => Err(answer.fail(expected, format!("\"created_at\": {}", self.get("created_at")))),
        }
    }

    /// Fails unless the fields of the contract are the same in both habits.
    pub fn expect_same(&self, answer: &Answer, expected: &Habit) -> Outcome<&Self> {
        let mut actual = self.shown();
        let expected_value = expected.shown();
        // Rounding a moment on its way through a store is no change of it.
        if let (Some(ours), Some(theirs)) = (expected.created_at(), self.created_at())
            && (ours - theirs).as_seconds_f64().abs() <= ROUNDING
        {
            actual["created_at"] = expected_value["created_at"].clone();
        }
        answer.same(&expected_value, &actual)?;
        Ok(self)
    }

    fn shown(&self) -> Value {
        let known = FIELDS.iter().filter_map(|field| Some(((*field).to_owned(), self.fields.get(*field)?.clone())));
        Value::Object(known.collect())
    }

    fn created_at(&self) -> Option<OffsetDateTime> {
        OffsetDateTime::parse(self.fields.get("created_at")?.as_str()?, &Rfc3339).ok()
    }
}

/// A JSON value's type, in words.
pub fn kind(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) => "a boolean".into(),
        Value::Number(_) => "a number".into(),
        Value::String(_) => "a string".into(),
        Value::Array(_) => "an array".into(),
        Value::Object(fields) => {
            let names: Vec<_> = fields.keys().take(8).map(String::as_str).collect();
            format!("an object with {}", if names.is_empty() { "no fields".into() } else { names.join(", ") })
        }
    }
}
