//! Habits as the upstream server keeps them.

use hyper::Method;
use serde_json::Value;

use crate::http::{ConnectionLost, Request, Upstream};

/// The habit in the path; null if there is none.
pub async fn read_habit(request: &Request, upstream: &Upstream) -> Result<Value, ConnectionLost> {
    let response = upstream.send(request.another(Method::GET, request.path(), None)).await?;
    Ok(response.json().filter(|_| response.is_success()).unwrap_or_default())
}
