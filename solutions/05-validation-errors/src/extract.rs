//! Extractors: how a handler gets its arguments out of a request. Ours answer with our own errors.

use std::fmt::Display;
use std::str::FromStr;

use axum::extract::path::ErrorKind;
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::error::Error;
use crate::validation::{FieldError, Validate};

/// A request body that is a JSON object, has the shape of `T` and keeps the rules of `T`.
#[derive(Debug)]
pub struct ValidJson<T>(pub T);

impl<S, T> FromRequest<S> for ValidJson<T>
where
    S: Send + Sync,
    T: DeserializeOwned + Validate,
{
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let axum::Json(object) = axum::Json::from_request(request, state).await?;
        read(object).map(Self)
    }
}

/// A request body that is a JSON array of at most `MAX` such objects.
#[derive(Debug)]
pub struct ValidJsonList<T, const MAX: usize>(pub Vec<T>);

impl<S, T, const MAX: usize> FromRequest<S> for ValidJsonList<T, MAX>
where
    S: Send + Sync,
    T: DeserializeOwned + Validate,
{
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let axum::Json(objects) = axum::Json::<Vec<_>>::from_request(request, state).await?;
        if objects.len() > MAX {
            return Err(Error::BadRequest("The list in the body is too long."));
        }
        let objects = objects.into_iter().enumerate();
        let items = objects.map(|(index, object)| read(object).map_err(|e| e.within(index)));
        items.collect::<Result<_, _>>().map(Self)
    }
}

/// The parameters behind the `?` of the address, with the shape and the rules of `T`.
#[derive(Debug)]
pub struct ValidQuery<T>(pub T);

impl<S, T> FromRequestParts<S> for ValidQuery<T>
where
    S: Send + Sync,
    T: DeserializeOwned + Validate,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        match axum::extract::Query::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(texts)) => read(texts).map(Self),
            Err(_) => Err(Error::BadRequest("The parameters cannot be read.")),
        }
    }
}

/// Reads a number, or another value that is no text in JSON, from the text of a parameter.
///
/// # Errors
///
/// The text is no `T`.
pub fn from_text<'de, D, T>(field: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    let text = String::deserialize(field)?;
    text.parse().map(Some).map_err(D::Error::custom)
}

/// Gives an object the shape of `T`, and applies the rules of `T`.
fn read<T>(object: Map<String, Value>) -> Result<T, Error>
where
    T: DeserializeOwned + Validate,
{
    // The JSON was parsed before, because only this second step is told which field is wrong.
    let mut value: T =
        serde_path_to_error::deserialize(Value::Object(object)).map_err(|error| {
            let field = error.path().to_string().replace('[', ".").replace(']', "");
            Error::Invalid(vec![FieldError::new(field, "has the wrong type")])
        })?;

    let errors = value.validate();
    if errors.is_empty() {
        Ok(value)
    } else {
        Err(Error::Invalid(errors))
    }
}

impl From<JsonRejection> for Error {
    fn from(rejection: JsonRejection) -> Self {
        match rejection {
            JsonRejection::MissingJsonContentType(_) => Self::UnsupportedMediaType,
            JsonRejection::JsonDataError(_) => {
                Self::BadRequest("The body is not the kind of JSON that belongs here.")
            }
            JsonRejection::JsonSyntaxError(_) => Self::BadRequest("The body is not valid JSON."),
            other if other.status() == StatusCode::PAYLOAD_TOO_LARGE => Self::PayloadTooLarge,
            _ => Self::BadRequest("The body did not arrive as a whole."),
        }
    }
}

/// The values in the path, such as an id.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<S, T> FromRequestParts<S> for Path<T>
where
    S: Send + Sync,
    T: DeserializeOwned + Send,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(rejection) => Err(Error::Invalid(vec![wrong_value(&rejection)])),
        }
    }
}

/// Says which value in the path is wrong.
fn wrong_value(rejection: &PathRejection) -> FieldError {
    if let PathRejection::FailedToDeserializePathParams(failure) = rejection
        && let ErrorKind::DeserializeError { key, .. } = failure.kind()
        && key == "date"
    {
        return FieldError::new("date", "must be a day such as 2026-01-31");
    }
    FieldError::new("id", "must be an integer of at most 64 bits")
}
