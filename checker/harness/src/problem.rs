//! Errors as problem details (RFC 9457), and the internals that no error may leak.

use serde_json::Value;

use model::Outcome;
use probe::{Response, Statuses};

/// Internals that no response may leak: stack traces, source files, and library names of many languages.
const INTERNALS: &[&str] = &[
    "panicked at",
    "stack backtrace",
    "Traceback (most recent call last)",
    "at java.",
    "at node:",
    "node_modules",
    "goroutine ",
    ".rs:",
    ".py\"",
    ".py:",
    ".js:",
    ".ts:",
    ".go:",
    ".java:",
    "/src/",
    "site-packages",
    "serde",
    "axum",
    "hyper::",
    "tokio",
    "tower_http",
    "sqlx",
    "sqlstate",
    "postgres",
    "psycopg",
    "sqlalchemy",
    "hibernate",
    "jdbc",
    "duplicate key",
    // PostgreSQL's detail on a duplicate key: the columns and their values.
    ")=(",
    "server closed the connection",
    "violates ",
    "insert into ",
    "actix",
    "pydantic",
    "starlette",
    "fastapi",
    "uvicorn",
    "werkzeug",
    "flask",
    "django",
    "expressjs",
    "fastify",
    "springframework",
    "fasterxml",
    "jakarta",
    "encoding/json",
    "gin-gonic",
    "JSONDecodeError",
    "SyntaxError",
    "NullPointerException",
];

/// Fails unless the response is an error with one of these status codes and a problem details body.
pub fn expect_problem(response: &Response, statuses: impl Into<Statuses>) -> Outcome<Value> {
    response.status(statuses)?;
    response.media_type("application/problem+json")?;
    let problem = response.json()?;
    for field in ["title", "detail"] {
        if problem[field].as_str().is_none_or(|text| text.trim().is_empty()) {
            return Err(response.fail(format!("problem details with a \"{field}\""), format!("\"{field}\": {}", problem[field])));
        }
    }
    if problem["status"] != response.code() {
        let actual = format!("\"status\": {} in a response with status code {}", problem["status"], response.code());
        return Err(response.fail(format!("\"status\": {}, the status code of the response", response.code()), actual));
    }
    Ok(problem)
}

/// Fails unless the response rejects the request because of `field`. The contract asks for 400 and accepts 422.
pub fn expect_invalid(response: &Response, field: &str) -> Outcome {
    let problem = expect_problem(response, [400, 422])?;
    let errors = problem["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    let named = errors.iter().find(|error| error["field"] == field);
    match named {
        Some(error) if error["message"].as_str().is_some_and(|message| !message.trim().is_empty()) => Ok(()),
        _ => {
            let expected = format!("\"errors\": [{{\"field\": \"{field}\", \"message\": \"…\"}}]");
            Err(response.fail(expected, format!("\"errors\": {}", problem["errors"])))
        }
    }
}

/// Fails unless the response has an `x-request-id` header.
pub fn expect_request_id(response: &Response) -> Outcome {
    match response.header("x-request-id") {
        Some(id) if !id.trim().is_empty() => Ok(()),
        _ => Err(response.fail("an x-request-id header, as on every response", "no x-request-id")),
    }
}

/// Fails if the body leaks internals of the server.
pub fn expect_no_internals(response: &Response) -> Outcome {
    let text = response.text();
    let lower = text.to_lowercase();
    match INTERNALS.iter().find(|internal| lower.contains(&internal.to_lowercase())) {
        Some(internal) => {
            let actual = format!("a body with \"{internal}\": {}", model::shorten(&text, 300));
            Err(response.fail("an error in your own words, without internals", actual))
        }
        None => Ok(()),
    }
}
