//! Extractors: how a handler gets its arguments out of a request. Ours answer with our own errors.

// ANCHOR: extract_imports
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::Error;
use crate::validation::{FieldError, Validate};
// ANCHOR_END: extract_imports
//~!

// ANCHOR: json_extractor
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
        // In two steps, because only the second one is told which field has the wrong type.
        let axum::Json(object) =
            axum::Json::<Map<String, Value>>::from_request(request, state).await?;
        let mut body: T =
            serde_path_to_error::deserialize(Value::Object(object)).map_err(|error| {
                let field = error.path().to_string();
                Error::Invalid(vec![FieldError::new(field, "has the wrong type")])
            })?;

        let errors = body.validate();
        if errors.is_empty() {
            Ok(Self(body))
        } else {
            Err(Error::Invalid(errors))
        }
    }
}

impl From<JsonRejection> for Error {
    fn from(rejection: JsonRejection) -> Self {
        match rejection {
            JsonRejection::MissingJsonContentType(_) => Self::UnsupportedMediaType,
            JsonRejection::JsonDataError(_) => Self::BadRequest("The body is not a JSON object."),
            JsonRejection::JsonSyntaxError(_) => Self::BadRequest("The body is not valid JSON."),
            other if other.status() == StatusCode::PAYLOAD_TOO_LARGE => Self::PayloadTooLarge,
            _ => Self::BadRequest("The body did not arrive as a whole."),
        }
    }
}
// ANCHOR_END: json_extractor
//~ // TODO(json_extractor): refuse a bad body with our own errors, and apply the rules of `Validate`.
//~ pub use axum::Json as ValidJson;

// ANCHOR: path_extractor
/// The id in the path.
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
            Err(_) => Err(Error::Invalid(vec![FieldError::new(
                "id",
                "must be an integer of at most 64 bits",
            )])),
        }
    }
}
// ANCHOR_END: path_extractor
//~ // TODO(path_extractor): refuse an id that is no integer with our own error.
//~ pub use axum::extract::Path;
