//! Responses as a sabotage sees them: whole, with the parts of the contract within easy reach.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use hyper::StatusCode;
use hyper::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderValue};
use hyper::http::response::Parts;
use serde_json::{Map, Value, json};

/// A response on its way to the client.
pub struct Response {
    /// Status and headers.
    pub head: Parts,
    /// The whole body.
    pub body: Bytes,
}

impl Response {
    /// The status code.
    pub fn status(&self) -> u16 {
        self.head.status.as_u16()
    }

    /// Whether the status code is 2xx.
    pub fn is_success(&self) -> bool {
        self.head.status.is_success()
    }

    /// Replaces the status code.
    pub fn set_status(&mut self, status: u16) {
        self.head.status = StatusCode::from_u16(status).expect("a sabotage sets a status code of three digits");
    }

    /// A header, if it is present and text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok()
    }

    /// Sets a header and drops all others of that name.
    pub fn set_header(&mut self, name: &'static str, value: &str) {
        let value = HeaderValue::from_str(value).expect("a sabotage sets plain header values");
        self.head.headers.insert(name, value);
    }

    /// Removes a header.
    pub fn remove_header(&mut self, name: &'static str) {
        self.head.headers.remove(name);
    }

    /// The decompressed body as JSON; `None` if it is not JSON, or compressed with anything but gzip.
    pub fn json(&self) -> Option<Value> {
        match self.header("content-encoding") {
            None => serde_json::from_slice(&self.body).ok(),
            Some("gzip") => serde_json::from_reader(GzDecoder::new(self.body.as_ref())).ok(),
            Some(_) => None,
        }
    }

    /// Replaces the body with JSON.
    pub fn set_json(&mut self, media_type: &'static str, body: &Value) {
        self.set_body(media_type, body.to_string());
    }

    /// Replaces the body and its media type.
    pub fn set_body(&mut self, media_type: &'static str, body: impl Into<Bytes>) {
        self.set_header("content-type", media_type);
        self.remove_header("content-encoding");
        self.set_bytes(body);
    }

    /// Replaces the bytes of the body, and no header but its length.
    pub fn set_bytes(&mut self, body: impl Into<Bytes>) {
        self.body = body.into();
        self.head.headers.insert(CONTENT_LENGTH, self.body.len().into());
    }

    /// Removes the body.
    pub fn clear(&mut self) {
        self.remove_header("content-type");
        self.remove_header("content-encoding");
        self.set_bytes("");
        if self.head.status == StatusCode::NO_CONTENT {
            self.remove_header("content-length");
        }
    }

    /// Changes the body, if it is JSON. Its media type and its compression stay.
    pub fn edit(&mut self, change: impl FnOnce(&mut Value)) {
        if let Some(mut value) = self.json() {
            change(&mut value);
            let plain = value.to_string();
            match self.head.headers.contains_key(CONTENT_ENCODING) {
                true => self.set_bytes(gzip(plain.as_bytes(), Compression::fast())),
                false => self.set_bytes(plain),
            }
        }
    }

    /// Changes every habit of a successful response: the one it is, or those in its array.
    pub fn edit_habits(&mut self, mut change: impl FnMut(&mut Map<String, Value>)) {
        if !self.is_success() {
            return;
        }
        let mut change = |value: &mut Value| match value.as_object_mut() {
            Some(fields) if fields.contains_key("id") => change(fields),
            _ => {}
        };
        self.edit(|body| match body {
            Value::Array(items) => items.iter_mut().for_each(&mut change),
            other => change(other),
        });
    }

    /// Changes the items of the body, if it is an array.
    pub fn edit_list(&mut self, change: impl FnOnce(&mut Vec<Value>)) {
        self.edit(|body| {
            if let Value::Array(items) = body {
                change(items);
            }
        });
    }

    /// The id of the single habit in the body.
    pub fn id(&self) -> Option<i64> {
        self.json()?.get("id")?.as_i64()
    }

    /// Becomes an error in plain JSON, not in problem details.
    pub fn set_plain_error(&mut self, status: u16, message: &str) {
        self.set_status(status);
        self.set_json("application/json", &json!({ "error": message }));
    }
}

/// Compresses bytes (RFC 1952).
pub fn gzip(plain: &[u8], level: Compression) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), level);
    let compressed = encoder.write_all(plain).and_then(|()| encoder.finish());
    compressed.expect("writing to memory cannot fail")
}
