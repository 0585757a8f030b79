//! An exchange with a response, and the assertions a check makes about it.

use std::rc::Rc;

use bytes::Bytes;
use model::{Exchange, Failure, Outcome, Reply, Stop, shorten, status_name};
use serde_json::Value;

/// An exchange with a response. Its methods assert, and fail with the exchange attached.
#[derive(Debug, Clone)]
pub struct Response {
    exchange: Rc<Exchange>,
    reply: Reply,
}

impl Response {
    /// The response of an exchange, or the failure that there is none.
    pub fn of(exchange: Rc<Exchange>) -> Outcome<Response> {
        let reply = match &exchange.reply {
            Ok(reply) => reply.clone(),
            Err(none) => {
                let actual = none.to_string();
                return Err(fail(&exchange, "an HTTP response", actual));
            }
        };
        Ok(Response { exchange, reply })
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

    /// Every header field in order of arrival.
    pub fn all_headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.reply.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The body.
    pub fn body(&self) -> &Bytes {
        &self.reply.body
    }

    /// The body as text; invalid UTF-8 becomes U+FFFD.
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
            return Err(self.fail("a JSON body", "a body that is too long (it was truncated)"));
        }
        serde_json::from_slice(&self.reply.body).map_err(|error| {
            let actual = match self.reply.body.is_empty() {
                true => "an empty body".to_owned(),
                false => format!("a body that is not JSON ({error}): {}", shorten(&self.text(), 200)),
            };
            self.fail("a JSON body", actual)
        })
    }

    /// Fails unless `Content-Type` is `media_type`, ignoring parameters such as `charset`.
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
