//! Errors as problem details (RFC 9457), and what no error may show.

use serde_json::Value;

use model::Outcome;
use probe::{Answer, Statuses};

/// Traces of the inside that have no place in an answer: stack traces, source files, libraries of many languages.
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
    // PostgreSQL's detail on a key that is there: columns, and the values in them.
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

/// Fails unless the answer is an error with one of these statuses, told as problem details.
pub fn expect_problem(answer: &Answer, statuses: impl Into<Statuses>) -> Outcome<Value> {
    answer.status(statuses)?;
    answer.media_type("application/problem+json")?;
    let problem = answer.json()?;
    for field in ["title", "detail"] {
        if problem[field].as_str().is_none_or(|text| text.trim().is_empty()) {
            return Err(answer.fail(format!("problem details with a \"{field}\""), format!("\"{field}\": {}", problem[field])));
        }
    }
    if problem["status"] != answer.code() {
        let actual = format!("\"status\": {} in an answer {}", problem["status"], answer.code());
        return Err(answer.fail(format!("\"status\": {}, as in the status line", answer.code()), actual));
    }
    Ok(problem)
}

/// Fails unless the answer refuses the request because of `field`. 422 is accepted where the contract asks for 400.
pub fn expect_invalid(answer: &Answer, field: &str) -> Outcome {
    let problem = expect_problem(answer, [400, 422])?;
    let errors = problem["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    let named = errors.iter().find(|error| error["field"] == field);
    match named {
        Some(error) if error["message"].as_str().is_some_and(|message| !message.trim().is_empty()) => Ok(()),
        _ => {
            let expected = format!("\"errors\": [{{\"field\": \"{field}\", \"message\": \"…\"}}]");
            Err(answer.fail(expected, format!("\"errors\": {}", problem["errors"])))
        }
    }
}

/// Fails unless the answer has the id under which the log tells of it.
pub fn expect_request_id(answer: &Answer) -> Outcome {
    match answer.header("x-request-id") {
        Some(id) if !id.trim().is_empty() => Ok(()),
        _ => Err(answer.fail("an x-request-id, as on every answer", "no x-request-id")),
    }
}

/// Fails when the body shows something of the server's inside.
pub fn expect_no_internals(answer: &Answer) -> Outcome {
    let text = answer.text();
    let lower = text.to_lowercase();
    match INTERNALS.iter().find(|trace| lower.contains(&trace.to_lowercase())) {
        Some(trace) => {
            let actual = format!("a body with \"{trace}\": {}", model::shorten(&text, 300));
            Err(answer.fail("an error told in your own words", actual))
        }
        None => Ok(()),
    }
}
