//! Days: dates without a time, all of them in UTC.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::format_description::StaticFormatDescription;
use time::macros::format_description;
use time::{Date, OffsetDateTime};
use utoipa::ToSchema;

/// A day as clients write it, in JSON and in addresses: `2026-01-31` (RFC 3339, `full-date`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ToSchema)]
#[schema(value_type = String, format = Date, example = "2026-01-31")]
pub struct Day(pub Date);

/// The present day (UTC).
pub fn today() -> Date {
    OffsetDateTime::now_utc().date()
}

const FORMAT: StaticFormatDescription = format_description!("[year]-[month]-[day]");
/// What a text must be to be a day, in words that go on from the name of its field.
pub const EXPECTED: &str = "must be a day such as 2026-01-31";

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.format(FORMAT).map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}

/// A text that is no day: in another form, or not in the calendar.
#[derive(Debug)]
pub struct NoDay;

impl fmt::Display for NoDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }
}

impl FromStr for Day {
    type Err = NoDay;

    fn from_str(text: &str) -> Result<Self, NoDay> {
        // The year of `FORMAT` may have a sign before it; the year of RFC 3339 may not.
        if !text.starts_with(|first: char| first.is_ascii_digit()) {
            return Err(NoDay);
        }
        Date::parse(text, FORMAT).map(Self).map_err(|_| NoDay)
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(DayVisitor)
    }
}

/// Reads a day from a string. Only in a visitor can an error still say which field it is about.
struct DayVisitor;

impl Visitor<'_> for DayVisitor {
    type Value = Day;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a day")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Day, E> {
        text.parse().map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_written_as_it_is_read() {
        for text in ["2026-01-31", "2024-02-29", "0001-01-01", "9999-12-31"] {
            let day = text.parse().map(|day: Day| day.to_string());
            assert_eq!(day.ok().as_deref(), Some(text));
        }
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for text in [
            "",
            "2026-02-29",
            "2026-13-01",
            "2026-1-31",
            "20260131",
            "-2026-01-31",
            "+2026-01-31",
            "2026-01-31 ",
            "2026-01-31T00:00:00Z",
            "today",
        ] {
            assert!(text.parse::<Day>().is_err(), "{text}");
        }
    }
}
