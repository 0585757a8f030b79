//! An HTTP exchange: a request, and its response or the reason for having none.

use std::rc::Rc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method, such as `GET`.
    pub method: String,
    /// Path and query, starting with `/`.
    pub path: String,
    /// Header fields other than `host`, `connection` and `content-length`, which the client sets.
    pub headers: Vec<(String, String)>,
    /// The body, if there is one.
    pub body: Option<Bytes>,
    /// The access token in the header fields, if the server issued it.
    pub token: Option<Token>,
}

/// An access token. People who repeat the request replace it by one of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The token as issued.
    pub text: Rc<str>,
    /// Its holder.
    pub holder: Holder,
}

/// The holder of a token, from the check's point of view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holder {
    /// The one it is about.
    Oneself,
    /// Somebody else.
    Other,
}

impl Request {
    /// A request without header fields or body.
    pub fn new(method: &str, path: impl Into<String>) -> Self {
        Request { method: method.to_owned(), path: path.into(), headers: Vec::new(), body: None, token: None }
    }

    /// Whether it has this header field; `name` in lower case.
    pub fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(key, _)| key == name)
    }

    /// Adds an access token that the server issued (RFC 6750, section 2.1).
    #[must_use]
    pub fn bearer(self, token: &Token) -> Self {
        let field = format!("Bearer {}", token.text);
        self.authorization(&field, token)
    }

    /// Adds a header field `Authorization` that contains such a token.
    #[must_use]
    pub fn authorization(self, field: &str, token: &Token) -> Self {
        Request { token: Some(token.clone()), ..self.header("authorization", field) }
    }

    /// Adds a header field.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Sets a JSON body and its media type.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    /// Sets the body without a media type.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Some(body.into());
        self
    }
}

impl Token {
    /// A token of the check's own user.
    pub fn own(text: &str) -> Token {
        Token { text: text.into(), holder: Holder::Oneself }
    }
}

/// A server's response. Everything in it is untrusted.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status code (RFC 9110, section 15).
    pub status: u16,
    /// Header fields in order of arrival, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, truncated at the probe's limit.
    pub body: Bytes,
    /// Whether the body was longer than the probe keeps.
    pub cut: bool,
}

/// Why there is no response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoResponse {
    /// The connection was refused: nobody listens.
    Refused,
    /// The connection was closed or reset before a complete response.
    Closed(String),
    /// No complete response before the deadline.
    TimedOut(Duration),
    /// The bytes received are not an HTTP response; the text says what was wrong.
    NotHttp(String),
}

/// A request and its outcome.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// Scheme, host and port the request went to, without a trailing slash.
    pub base: String,
    /// The request.
    pub request: Request,
    /// The response, or why there is none.
    pub reply: Result<Reply, NoResponse>,
    /// Wall-clock time at which the request was sent.
    pub started: SystemTime,
    /// From opening the connection to the last byte.
    pub duration: Duration,
}

/// The first `limit` characters of `text`, with an ellipsis if it was truncated.
pub fn shorten(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A status code with its registered name.
pub fn status_name(code: u16) -> String {
    let known = http::StatusCode::from_u16(code).ok();
    match known.and_then(|status| status.canonical_reason()) {
        Some(reason) => format!("{code} {reason}"),
        None => code.to_string(),
    }
}

impl std::fmt::Display for NoResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NoResponse::Refused => write!(f, "no response: the connection was refused, nothing listens there"),
            NoResponse::Closed(why) => write!(f, "no complete response: the connection was closed ({why})"),
            NoResponse::TimedOut(limit) => write!(f, "no complete response within {:.1} s", limit.as_secs_f32()),
            NoResponse::NotHttp(why) => write!(f, "bytes that are not an HTTP response ({why})"),
        }
    }
}
