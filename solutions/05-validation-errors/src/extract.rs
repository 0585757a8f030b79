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

// ANCHOR: object
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
// ANCHOR_END: object

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

// ANCHOR: extract_tests
#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::header;

    use super::*;
    use crate::import::ImportedHabit;
    use crate::page::Page;
    use crate::shapes::HabitPatch;

    /// The fields that are wrong in a request with this body; none if it has no fields, or is right.
    async fn wrong_fields<T: FromRequest<()>>(body: &str) -> Vec<String>
    where
        Error: From<T::Rejection>,
    {
        let request = Request::post("/").header(header::CONTENT_TYPE, "application/json");
        let request = request
            .body(Body::from(body.to_owned()))
            .expect("a request");
        match T::from_request(request, &()).await.map_err(Error::from) {
            Err(Error::Invalid(errors)) => errors.into_iter().map(|error| error.field).collect(),
            Err(Error::BadRequest(_)) => vec![String::new()],
            Err(other) => vec![format!("{other:?}")],
            Ok(_) => Vec::new(),
        }
    }

    #[tokio::test]
    async fn a_field_that_does_not_fit_is_named() {
        for (body, field) in [
            (r#"{"name": 7}"#, "name"),
            (r#"{"name": null}"#, "name"),
            (r#"{"completed_today": "true"}"#, "completed_today"),
            (r#"{"user_id": 1}"#, "user_id"),
            (r#"{"name": "a", "name": "b"}"#, "name"),
        ] {
            assert_eq!(
                wrong_fields::<ValidJson<HabitPatch>>(body).await,
                [field],
                "{body}"
            );
        }
    }

    #[tokio::test]
    async fn in_a_list_the_field_has_its_place_before_it() {
        for (body, field) in [
            (r#"[{"name": 7}]"#, "0.name"),
            (
                r#"[{"name": "a"}, {"name": "b", "user_id": 1}]"#,
                "1.user_id",
            ),
            (
                r#"[{"name": "a", "completions": ["2026-02-30"]}]"#,
                "0.completions.0",
            ),
            (
                r#"[{"name": "a", "completions": ["9999-12-31"]}]"#,
                "0.completions",
            ),
            (r#"[["a"]]"#, "0"),
        ] {
            let fields = wrong_fields::<ValidJsonList<ImportedHabit, 9>>(body).await;
            assert_eq!(fields, [field], "{body}");
        }
    }

    #[tokio::test]
    async fn what_is_no_json_object_has_no_fields() {
        let deep = format!("{{\"name\":{}", "[".repeat(10_000));
        for body in [
            "",
            "{",
            "[]",
            "7",
            "null",
            r#"["a"]"#,
            r#"{"name": "\ud800"}"#,
            r#"{"name": "a"} {}"#,
        ] {
            assert_eq!(
                wrong_fields::<ValidJson<HabitPatch>>(body).await,
                [""],
                "{body}"
            );
        }
        assert_ne!(wrong_fields::<ValidJson<HabitPatch>>(&deep).await, [""; 0]);
    }

    #[tokio::test]
    async fn a_parameter_that_does_not_fit_is_named() {
        for (query, field) in [
            ("limit=ten", "limit"),
            ("limit=", "limit"),
            ("limit=0", "limit"),
            ("limit=1&limit=2", "limit"),
            ("limit=1&after=1.5", "after"),
            ("page=1", "page"),
        ] {
            let request = Request::get(format!("/?{query}")).body(());
            let (mut parts, ()) = request.expect("a request").into_parts();
            match ValidQuery::<Page>::from_request_parts(&mut parts, &()).await {
                Err(Error::Invalid(errors)) => assert_eq!(errors[0].field, field, "{query}"),
                other => panic!("{query}: {other:?}"),
            }
        }
    }
}
// ANCHOR_END: extract_tests
//~!
