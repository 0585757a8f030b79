//! One request and what came back, and the assertions a check makes about it.

use std::rc::Rc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde_json::Value;

use crate::outcome::{Failure, Outcome, Stop};

/// A request as it is sent.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method, such as `GET`.
    pub method: String,
    /// Path and query, starting with `/`.
    pub path: String,
    /// Header fields beside `host`, `connection` and `content-length`, which the client sets.
    pub headers: Vec<(String, String)>,
    /// The body, if there is one.
    pub body: Option<Bytes>,
    /// The access token among the header fields that the server gave out.
    pub token: Option<Token>,
}

/// An access token, in the place of which people who repeat a request take one of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// As it was given out.
    pub text: Rc<str>,
    /// Whose it is.
    pub holder: Holder,
}

/// Who a check is, as far as it makes a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

    /// Whether it has such a header field; `name` in lower case.
    pub fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(key, _)| key == name)
    }

    /// Adds an access token that the server gave out (RFC 6750, section 2.1).
    #[must_use]
    pub fn bearer(self, token: &Token) -> Self {
        let field = format!("Bearer {}", token.text);
        self.authorization(&field, token)
    }

    /// Adds a header field `Authorization` with such a token in it.
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

    /// Sets a body of JSON and its media type.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    /// The header section as HTTP/1.1 writes it (RFC 9112, section 2.1), for a server at `host`.
    pub(super) fn head(&self, host: &str) -> String {
        let fields: String = self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        format!("{} {} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{fields}\r\n", self.method, self.path)
    }

    /// Sets the body as it is, without a media type.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Some(body.into());
        self
    }
}

impl Token {
    /// Oneself's token.
    pub fn own(text: &str) -> Token {
        Token { text: text.into(), holder: Holder::Oneself }
    }
}

/// What a server answered. Everything in it is untrusted.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status code (RFC 9110, section 15).
    pub status: u16,
    /// Header fields in the order they came, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, cut at the probe's limit.
    pub body: Bytes,
    /// Whether the body was longer than the probe keeps.
    pub cut: bool,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoAnswer {
    /// The connection was refused: nobody listens.
    Refused,
    /// The connection was closed or reset before a whole answer.
    Closed(String),
    /// Nothing, or not a whole answer, within the deadline.
    TimedOut(Duration),
    /// Bytes came that are no HTTP answer; the text says what was wrong.
    NotHttp(String),
}

/// A request and what came of it.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// Scheme, host and port the request went to, without a trailing slash.
    pub base: String,
    /// What was sent.
    pub request: Request,
    /// What came back.
    pub reply: Result<Reply, NoAnswer>,
    /// Wall-clock time at which the request was sent.
    pub started: SystemTime,
    /// From opening the connection to the last byte.
    pub duration: Duration,
}

/// An exchange that was answered. Its methods assert, and fail with the exchange attached.
#[derive(Debug, Clone)]
pub struct Answer {
    exchange: Rc<Exchange>,
    reply: Reply,
}

impl Answer {
    /// The answer of an exchange, or the failure that there is none.
    pub fn of(exchange: Rc<Exchange>) -> Outcome<Answer> {
        let reply = match &exchange.reply {
            Ok(reply) => reply.clone(),
            Err(none) => {
                let actual = none.to_string();
                return Err(fail(&exchange, "an HTTP answer", actual));
            }
        };
        Ok(Answer { exchange, reply })
    }

    /// The status code.
    pub fn code(&self) -> u16 {
        self.reply.status
    }

    /// The first value of a header field; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.reply.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Every value of a header field; `name` in lower case.
    pub fn headers(&self, name: &str) -> impl Iterator<Item = &str> {
        let found = self.reply.headers.iter().filter(move |(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Every header field in the order they came.
    pub fn all_headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.reply.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The body.
    pub fn body(&self) -> &Bytes {
        &self.reply.body
    }

    /// The body as text; bytes that are no UTF-8 become U+FFFD.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.reply.body).into_owned()
    }

    /// A failure shown by this exchange.
    pub fn fail(&self, expected: impl Into<String>, actual: impl Into<String>) -> Stop {
        fail(&self.exchange, expected, actual)
    }

    /// Fails unless the status is one of `allowed`.
    pub fn status(&self, allowed: impl Into<Statuses>) -> Outcome<&Self> {
        let Statuses(allowed) = allowed.into();
        if allowed.contains(&self.reply.status) {
            return Ok(self);
        }
        let names: Vec<_> = allowed.iter().map(|code| status_name(*code)).collect();
        let expected = format!("status {}", names.join(" or "));
        Err(self.fail(expected, format!("status {}", status_name(self.reply.status))))
    }

    /// Fails unless the body is JSON, and returns it.
    pub fn json(&self) -> Outcome<Value> {
        if self.reply.cut {
            return Err(self.fail("a JSON body", "a body that is too long to read (it was cut)"));
        }
        serde_json::from_slice(&self.reply.body).map_err(|error| {
            let actual = match self.reply.body.is_empty() {
                true => "an empty body".to_owned(),
                false => format!("a body that is not JSON ({error}): {}", shorten(&self.text(), 200)),
            };
            self.fail("a JSON body", actual)
        })
    }

    /// Fails unless `Content-Type` is `media_type`, parameters such as `charset` aside.
    pub fn media_type(&self, media_type: &str) -> Outcome<&Self> {
        let value = self.header("content-type").unwrap_or_default();
        let essence = value.split(';').next().unwrap_or_default().trim();
        if essence.eq_ignore_ascii_case(media_type) {
            return Ok(self);
        }
        let actual = match self.header("content-type") {
            Some(value) => format!("Content-Type: {value}"),
            None => "no Content-Type".to_owned(),
        };
        Err(self.fail(format!("Content-Type: {media_type}"), actual))
    }

    /// Fails unless `actual` equals `expected`; both are shown as a diff.
    pub fn same(&self, expected: &Value, actual: &Value) -> Outcome<&Self> {
        if expected == actual {
            return Ok(self);
        }
        Err(self.fail(format!("{expected:#}"), format!("{actual:#}")))
    }
}

/// The status codes an assertion accepts.
pub struct Statuses(Vec<u16>);

impl From<u16> for Statuses {
    fn from(code: u16) -> Self {
        Statuses(vec![code])
    }
}

impl<const N: usize> From<[u16; N]> for Statuses {
    fn from(codes: [u16; N]) -> Self {
        Statuses(codes.to_vec())
    }
}

/// A failure shown by `exchange`.
fn fail(exchange: &Rc<Exchange>, expected: impl Into<String>, actual: impl Into<String>) -> Stop {
    Stop::Fail(Box::new(Failure { expected: expected.into(), actual: actual.into(), exchange: Some(exchange.clone()) }))
}

/// The first `limit` characters of `text`, with an ellipsis where something was cut.
pub fn shorten(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A status code with its registered name.
pub fn status_name(code: u16) -> String {
    let known = hyper::StatusCode::from_u16(code).ok();
    match known.and_then(|status| status.canonical_reason()) {
        Some(reason) => format!("{code} {reason}"),
        None => code.to_string(),
    }
}

impl std::fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NoAnswer::Refused => write!(f, "no answer: the connection was refused, nothing listens there"),
            NoAnswer::Closed(why) => write!(f, "no whole answer: the connection was closed ({why})"),
            NoAnswer::TimedOut(limit) => write!(f, "no whole answer within {:.1} s", limit.as_secs_f32()),
            NoAnswer::NotHttp(why) => write!(f, "bytes that are no HTTP answer ({why})"),
        }
    }
}
