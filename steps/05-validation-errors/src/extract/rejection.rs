//! What axum's own extractors refuse, as our errors.

use std::error::Error as StdError;

use axum::extract::path::ErrorKind;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::http::StatusCode;
use serde::de;
use serde_path_to_error::Segment;
use tower_http::timeout::TimeoutError;

use crate::day;
use crate::error::Error;
use crate::validation::FieldError;

/// The field that does not fit the shape, if `rejection` is about one.
fn wrong_field<E>(rejection: &(dyn StdError + 'static)) -> Option<FieldError>
where
    E: de::Error + 'static,
{
    let error: &serde_path_to_error::Error<E> = find_source(rejection)?;
    let mut path: Vec<String> = error.path().iter().map(segment).collect();
    // Which rule is broken, serde says in words only.
    let words = error.inner().to_string();
    let message = if words.starts_with("unknown field") {
        "is not known here"
    } else if let Some(field) = words.strip_prefix("duplicate field `") {
        path.extend(field.split('`').next().map(str::to_owned));
        "must be given only once"
    } else if words.starts_with(day::EXPECTED) {
        day::EXPECTED
    } else {
        "has the wrong type"
    };
    (!path.is_empty()).then(|| FieldError::new(path.join("."), message))
}

/// The name of a field, or the place of an item.
fn segment(segment: &Segment) -> String {
    match segment {
        Segment::Map { key } => key.clone(),
        Segment::Seq { index } => index.to_string(),
        other => other.to_string(),
    }
}

/// Looks for an error of type `E` among the reasons for `error`.
fn find_source<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    match error.downcast_ref() {
        Some(found) => Some(found),
        None => find_source(error.source()?),
    }
}

impl From<JsonRejection> for Error {
    fn from(rejection: JsonRejection) -> Self {
        match &rejection {
            JsonRejection::MissingJsonContentType(_) => Self::UnsupportedMediaType,
            JsonRejection::JsonDataError(error) => match wrong_field::<serde_json::Error>(error) {
                Some(field) => Self::Invalid(vec![field]),
                None => Self::BadRequest("The body is not the kind of JSON that belongs here."),
            },
            JsonRejection::JsonSyntaxError(_) => Self::BadRequest("The body is not valid JSON."),
            other if other.status() == StatusCode::PAYLOAD_TOO_LARGE => Self::PayloadTooLarge,
            other if find_source::<TimeoutError>(other).is_some() => Self::RequestTimeout,
            _ => Self::BadRequest("The body did not arrive as a whole."),
        }
    }
}

impl From<QueryRejection> for Error {
    fn from(rejection: QueryRejection) -> Self {
        match wrong_field::<de::value::Error>(&rejection) {
            Some(field) => Self::Invalid(vec![field]),
            None => Self::BadRequest("The parameters cannot be read."),
        }
    }
}

impl From<PathRejection> for Error {
    fn from(rejection: PathRejection) -> Self {
        Self::Invalid(vec![wrong_value(&rejection)])
    }
}

/// Says which value in the path is wrong.
fn wrong_value(rejection: &PathRejection) -> FieldError {
    if let PathRejection::FailedToDeserializePathParams(failure) = rejection
        && let ErrorKind::DeserializeError { key, .. } = failure.kind()
        && key == "date"
    {
        return FieldError::new("date", day::EXPECTED);
    }
    FieldError::new("id", "must be an integer of at most 64 bits")
}
