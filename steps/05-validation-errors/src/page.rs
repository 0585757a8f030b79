//! Long lists in pages.

use axum::http::Uri;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::validation::{FieldError, Validate};

/// Which part of a list a client wants (keyset pagination).
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
// TODO(page_fields): refuse fields that are not among these.
pub struct Page {
    /// At most so many; without it, all of them.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<i64>,
    /// Only those that come after the one with this id.
    pub after: Option<i64>,
}

/// Most items on one page.
const LIMIT_MAX: i64 = 100;

impl Validate for Page {
    fn validate(&mut self) -> Vec<FieldError> {
        match self.limit {
            Some(limit) if !(1..=LIMIT_MAX).contains(&limit) => {
                vec![FieldError::new("limit", "must be from 1 to 100")]
            }
            _ => Vec::new(),
        }
    }
}

impl Page {
    /// How many rows to ask the database for: one more than fit on the page, to see whether there
    /// is more. `None` means all of them, in SQL too.
    pub fn rows(&self) -> Option<i64> {
        self.limit.map(|limit| limit + 1)
    }

    /// Drops the row that does not fit on the page. If there was one, returns the header `Link`
    /// (RFC 8288) with the address of the next page.
    pub fn cut<T>(&self, uri: &Uri, rows: &mut Vec<T>, id: impl Fn(&T) -> i64) -> Option<String> {
        let limit = self.limit?;
        let fits = usize::try_from(limit).ok()?;
        if rows.len() <= fits {
            return None;
        }
        rows.truncate(fits);
        let last = id(rows.last()?);
        let path = uri.path();
        Some(format!("<{path}?limit={limit}&after={last}>; rel=\"next\""))
    }
}
