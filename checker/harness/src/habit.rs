//! A habit as the contract defines it.

use std::time::SystemTime;

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use model::Outcome;
use probe::Response;

/// The fields of the contract; a server may send more.
const FIELDS: [&str; 5] = ["id", "name", "description", "completed_today", "created_at"];
/// The largest accepted difference between the server's clock and ours, in seconds.
const CLOCK_DRIFT: i64 = 300;

/// A habit as a server sent it.
#[derive(Debug, Clone)]
pub struct Habit {
    /// Its id: a 64-bit integer, signed or unsigned.
    pub id: i128,
    fields: Map<String, Value>,
}

impl Habit {
    /// Parses the habit in a response; fails unless it is a JSON object with an integer `id`.
    pub fn of(response: &Response) -> Outcome<Habit> {
        Habit::from_value(response, response.json()?)
    }

    /// Parses the habits in a response; fails unless it is a JSON array of objects with integer ids.
    pub fn list(response: &Response) -> Outcome<Vec<Habit>> {
        match response.json()? {
            Value::Array(items) => items.into_iter().map(|item| Habit::from_value(response, item)).collect(),
            other => Err(response.fail("a JSON array of habits", kind(&other))),
        }
    }

    fn from_value(response: &Response, value: Value) -> Outcome<Habit> {
        let Value::Object(fields) = value else {
            return Err(response.fail("a habit as a JSON object", kind(&value)));
        };
        let Some(id) = fields.get("id").and_then(integer) else {
            let actual = fields.get("id").map_or("no id".to_owned(), |id| format!("\"id\": {id}"));
            return Err(response.fail("a habit with an integer id", actual));
        };
        Ok(Habit { id, fields })
    }

    /// `/habits/{id}`.
    pub fn path(&self) -> String {
        format!("/habits/{}", self.id)
    }

    /// A field's value; `null` if it is absent.
    pub fn get(&self, field: &str) -> Value {
        self.fields.get(field).cloned().unwrap_or_default()
    }

    /// The same habit with one field changed: what a correct server returns after the update.
    #[must_use]
    pub fn with(&self, field: &str, value: impl Into<Value>) -> Habit {
        let mut changed = self.clone();
        changed.fields.insert(field.to_owned(), value.into());
        changed
    }

    /// Fails unless the field has this value.
    pub fn expect(&self, response: &Response, field: &str, value: impl Into<Value>) -> Outcome<&Self> {
        let value = value.into();
        if self.fields.get(field) == Some(&value) {
            return Ok(self);
        }
        let actual = self.fields.get(field).map_or(format!("no {field}"), |actual| format!("\"{field}\": {actual}"));
        Err(response.fail(format!("\"{field}\": {value}"), actual))
    }

    /// Fails unless `created_at` is an RFC 3339 timestamp close to the current time.
    pub fn expect_created_now(&self, response: &Response) -> Outcome<&Self> {
        let expected = "\"created_at\": the current time as an RFC 3339 timestamp, such as \"2026-01-31T08:00:00Z\"";
        let now = OffsetDateTime::from(SystemTime::now());
        match self.created_at() {
            Some(created) if (now - created).whole_seconds().abs() <= CLOCK_DRIFT => Ok(self),
            _ => Err(response.fail(expected, format!("\"created_at\": {}", self.get("created_at")))),
        }
    }

    /// Fails unless both habits have the same values in the fields of the contract.
    pub fn expect_same(&self, response: &Response, expected: &Habit) -> Outcome<&Self> {
        let mut actual = self.contract_fields();
        let expected_value = expected.contract_fields();
        if is_same_instant(&expected_value["created_at"], &actual["created_at"]) {
            actual["created_at"] = expected_value["created_at"].clone();
        }
        response.same(&expected_value, &actual)?;
        Ok(self)
    }

    fn contract_fields(&self) -> Value {
        let known = FIELDS.iter().filter_map(|field| Some(((*field).to_owned(), self.fields.get(*field)?.clone())));
        Value::Object(known.collect())
    }

    fn created_at(&self) -> Option<OffsetDateTime> {
        timestamp(self.fields.get("created_at")?)
    }
}

fn integer(value: &Value) -> Option<i128> {
    value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from))
}

fn timestamp(value: &Value) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(value.as_str()?, &Rfc3339).ok()
}

/// Whether two timestamps are equal at the lower of their precisions: a database may round a timestamp, but not change it.
fn is_same_instant(one: &Value, other: &Value) -> bool {
    let (Some(first), Some(second)) = (timestamp(one), timestamp(other)) else { return false };
    let digits = fraction_digits(one).min(fraction_digits(other));
    // Half a nanosecond more, because the difference itself is rounded.
    (first - second).as_seconds_f64().abs() <= 0.1_f64.powi(digits) + 5e-10
}

/// The number of digits after the decimal point of the seconds.
fn fraction_digits(timestamp: &Value) -> i32 {
    let text = timestamp.as_str().unwrap_or_default();
    let fraction = text.split_once('.').map_or("", |(_, fraction)| fraction);
    fraction.chars().take_while(char::is_ascii_digit).map(|_| 1).sum()
}

/// Names the type of a JSON value.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_may_be_rounded_but_not_changed() {
        let same = |one: &str, other: &str| is_same_instant(&Value::from(one), &Value::from(other));
        assert!(same("2026-01-31T08:00:00.123456789Z", "2026-01-31T08:00:00.123457Z"));
        assert!(same("2026-01-31T08:00:00.987Z", "2026-01-31T08:00:00Z"));
        assert!(same("2026-01-31T08:00:00.5Z", "2026-01-31T09:00:00.500+01:00"));
        assert!(!same("2026-01-31T08:00:00.123456Z", "2026-01-31T08:00:00.123999Z"));
        assert!(!same("2026-01-31T08:00:00Z", "2026-01-31T08:00:02Z"));
        assert!(!same("2026-01-31T08:00:00Z", "today"));
    }
}
