//! Parameters: values that are sent separately from the text of a statement.

use std::fmt;

use bytes::{Buf, Bytes};
use time::macros::datetime;
use time::{Date, Duration, PrimitiveDateTime, format_description::well_known::Iso8601};

/// The most characters shown of a value.
const SHOWN: usize = 80;

/// A parameter of a statement. Untrusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// The object id of its type in PostgreSQL; 0 if unknown.
    pub type_id: u32,
    /// Whether the value is in PostgreSQL's binary format rather than text.
    pub binary: bool,
    /// The value as sent, `None` for NULL.
    pub value: Option<Bytes>,
}

impl Parameter {
    /// Whether the value, or an element of it, contains these characters.
    pub fn contains(&self, marker: &str) -> bool {
        let marker = marker.as_bytes();
        self.value.as_deref().is_some_and(|value| marker.is_empty() || value.windows(marker.len()).any(|window| window == marker))
    }

    /// The memory it uses, in bytes.
    pub fn weight(&self) -> usize {
        size_of::<Self>() + self.value.as_ref().map_or(0, Bytes::len)
    }
}

impl fmt::Display for Parameter {
    /// The value as an SQL literal, if its type is known; shortened.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(value) = &self.value else { return f.write_str("NULL") };
        let readable = if self.binary {
            scalar(self.type_id, value).or_else(|| array(value))
        } else {
            std::str::from_utf8(value).ok().map(quoted)
        };
        match readable {
            Some(text) => f.write_str(&text),
            None => f.write_str(&hexadecimal(value)),
        }
    }
}

fn quoted(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN).collect::<String>().replace('\'', "''");
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    format!("'{shown}'")
}

fn hexadecimal(value: &[u8]) -> String {
    let digits: String = value.iter().take(SHOWN / 4).map(|byte| format!("{byte:02x}")).collect();
    let rest = if value.len() > SHOWN / 4 { format!("… ({} bytes)", value.len()) } else { String::new() };
    format!("'\\x{digits}{rest}'")
}

/// Parses a value in binary format. The ids are those of PostgreSQL's catalog `pg_type`, which never change.
fn scalar(type_id: u32, mut value: &[u8]) -> Option<String> {
    let text = match type_id {
        16 => (value.try_get_u8().ok()? != 0).to_string(),
        21 => value.try_get_i16().ok()?.to_string(),
        23 => value.try_get_i32().ok()?.to_string(),
        20 => value.try_get_i64().ok()?.to_string(),
        26 => value.try_get_u32().ok()?.to_string(),
        700 => value.try_get_f32().ok()?.to_string(),
        701 => value.try_get_f64().ok()?.to_string(),
        // text, varchar, char(n), name, unknown, json, xml
        25 | 1043 | 1042 | 19 | 705 | 114 | 142 => quoted(std::str::from_utf8(std::mem::take(&mut value)).ok()?),
        // jsonb: a version number, then the text
        3802 => {
            (value.try_get_u8().ok()? == 1).then_some(())?;
            quoted(std::str::from_utf8(std::mem::take(&mut value)).ok()?)
        }
        2950 => {
            let id = value.try_get_u128().ok()?;
            let digits = format!("{id:032x}");
            let groups = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
            format!("'{}'", groups.join("-"))
        }
        1082 => {
            let days = Duration::days(value.try_get_i32().ok()?.into());
            let date: Date = EPOCH.date().checked_add(days)?;
            format!("'{date}'")
        }
        // timestamp, timestamp with time zone
        1114 | 1184 => {
            let moment = EPOCH.checked_add(Duration::microseconds(value.try_get_i64().ok()?))?;
            let zone = if type_id == 1184 { "Z" } else { "" };
            format!("'{}{zone}'", moment.format(&Iso8601::DATE_TIME).ok()?)
        }
        _ => return None,
    };
    // A value with bytes left over is of another type.
    value.is_empty().then_some(text)
}

/// The epoch of PostgreSQL's dates and timestamps.
const EPOCH: PrimitiveDateTime = datetime!(2000-01-01 0:00);

/// Parses a one-dimensional array: dimensions, whether it has NULLs, type of the elements, size, lower bound, elements.
fn array(mut value: &[u8]) -> Option<String> {
    let dimensions = value.try_get_i32().ok()?;
    let nulls = value.try_get_i32().ok()?;
    let type_id = value.try_get_u32().ok()?;
    if !(0..=1).contains(&dimensions) || !(0..=1).contains(&nulls) || type_id == 0 {
        return None;
    }
    let mut shown = String::from("{");
    if dimensions == 1 {
        let size = value.try_get_i32().ok()?;
        value.try_get_i32().ok()?;
        for index in 0..size {
            let element = match value.try_get_i32().ok()? {
                -1 => "NULL".to_owned(),
                length => {
                    let length = usize::try_from(length).ok()?;
                    let (element, rest) = value.split_at_checked(length)?;
                    value = rest;
                    scalar(type_id, element).unwrap_or_else(|| hexadecimal(element))
                }
            };
            // Elements that are not shown must still be well-formed.
            if shown.len() < SHOWN * 4 {
                if index > 0 {
                    shown.push_str(", ");
                }
                shown.push_str(&element);
            } else if !shown.ends_with('…') {
                shown.push('…');
            }
        }
    }
    shown.push('}');
    value.is_empty().then_some(shown)
}
