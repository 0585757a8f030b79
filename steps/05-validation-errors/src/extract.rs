//! Extractors: how a handler gets its arguments out of a request. Ours answer with our own errors.

mod rejection;

use std::fmt;
use std::marker::PhantomData;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, Deserializer, MapAccess, Visitor};

use crate::error::Error;
use crate::validation::Validate;

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
        struct ObjectVisitor<T>(PhantomData<T>);

        impl<'de, T: DeserializeOwned> Visitor<'de> for ObjectVisitor<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(object)).map(Object)
            }
        }

        deserializer.deserialize_map(ObjectVisitor(PhantomData))
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
            Err(rejection) => Err(rejection.into()),
        }
    }
}
