//! Long lists in pages.

use serde::Deserialize;
use utoipa::IntoParams;

use crate::extract::from_text;
use crate::validation::{FieldError, Validate};

/// Which part of a list a client wants (keyset pagination).
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// At most so many; without it, all of them.
    #[serde(default, deserialize_with = "from_text")]
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<i64>,
    /// Only those that come after the one with this id.
    #[serde(default, deserialize_with = "from_text")]
    pub after: Option<i64>,
}

// TODO(page_limit): (stretch) refuse a `limit` that is not from 1 to 100.
impl Validate for Page {
    fn validate(&mut self) -> Vec<FieldError> {
        Vec::new()
    }
}

// TODO(next_page): (stretch) tell a list how many rows it needs, and the client where to go on: the
// header `Link`.
