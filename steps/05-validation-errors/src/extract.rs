//! Extractors: how a handler gets its arguments out of a request. Ours answer with our own errors.

use std::error::Error as StdError;
use std::fmt;

use axum::extract::path::ErrorKind;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_path_to_error::Segment;
use tower_http::timeout::TimeoutError;

use crate::day;
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
        let axum::Json(Object(value)) = axum::Json::from_request(request, state).await?;
        valid(value).map(Self)
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
        let axum::Json(items) = axum::Json::<Vec<Object<T>>>::from_request(request, state).await?;
        if items.len() > MAX {
            return Err(Error::BadRequest("The list in the body is too long."));
        }
        let items = items.into_iter().enumerate();
        let items = items.map(|(index, Object(item))| valid(item).map_err(|e| e.within(index)));
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
        let axum::extract::Query(value) =
            axum::extract::Query::from_request_parts(parts, state).await?;
        valid(value).map(Self)
    }
}

/// Applies the rules of `T`.
fn valid<T: Validate>(mut value: T) -> Result<T, Error> {
    let errors = value.validate();
    if errors.is_empty() {
        Ok(value)
    } else {
        Err(Error::Invalid(errors))
    }
}

/// A value that stands in JSON as an object. Serde alone would take an array too, its items for the
/// fields in their order.
struct Object<T>(T);

impl<'de, T: DeserializeOwned> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(std::marker::PhantomData<T>);

        impl<'de, T: DeserializeOwned> Visitor<'de> for ObjectVisitor<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(object)).map(Object)
            }
        }

        deserializer.deserialize_map(ObjectVisitor(std::marker::PhantomData))
    }
}

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
        return FieldError::new("date", day::EXPECTED);
    }
    FieldError::new("id", "must be an integer of at most 64 bits")
}
