//! Requests and answers as a sabotage sees them: whole, with the parts of the contract within easy reach.

use std::io::Write;
use std::net::SocketAddr;

use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use hyper::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use hyper::http::{request, response};
use hyper::{Method, StatusCode, Uri};
use serde_json::{Map, Value, json};

/// A request on its way to the right server.
#[derive(Clone)]
pub struct Request {
    /// Method, path and headers.
    pub head: request::Parts,
    /// The whole body.
    pub body: Bytes,
    /// Where the client's connection comes from.
    pub peer: SocketAddr,
}

impl Request {
    /// The path without the query, and without the prefix of stretch `/v1`.
    pub fn path(&self) -> &str {
        let path = self.head.uri.path();
        path.strip_prefix("/v1").unwrap_or(path)
    }

    /// What stands in the place of the id in `/habits/{id}`, be it an id or not.
    pub fn id_text(&self) -> Option<&str> {
        let id = self.path().strip_prefix("/habits/")?;
        (!id.is_empty() && !id.contains('/')).then_some(id)
    }

    /// The id in `/habits/{id}`.
    pub fn id(&self) -> Option<i64> {
        self.id_text()?.parse().ok()
    }

    /// The same request for another habit.
    pub fn set_id(&mut self, id: impl ToString) {
        let path = self.head.uri.path();
        let prefix = path.rsplit_once('/').map_or("", |(prefix, _)| prefix);
        self.set_path(&format!("{prefix}/{}", id.to_string()));
    }

    /// The same request at another path, without a query.
    pub fn set_path(&mut self, path: &str) {
        self.head.uri = path.parse::<Uri>().expect("a path made of a right path and an id is right");
    }

    /// A header, where it is there and text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok()
    }

    /// Sets a header, in place of those of that name.
    pub fn set_header(&mut self, name: &'static str, value: &str) {
        let value = HeaderValue::from_str(value).expect("a sabotage sets plain header values");
        self.head.headers.insert(name, value);
    }

    /// The body as a JSON object.
    pub fn json(&self) -> Option<Map<String, Value>> {
        serde_json::from_slice(&self.body).ok()
    }

    /// A field of the body; `None` when it was not sent.
    pub fn field(&self, name: &str) -> Option<Value> {
        self.json()?.remove(name)
    }

    /// Changes the body, where it is a JSON object.
    pub fn edit(&mut self, change: impl FnOnce(&mut Map<String, Value>)) {
        if let Some(mut fields) = self.json() {
            change(&mut fields);
            self.set_json(&Value::Object(fields));
        }
    }

    /// Sets one field of the body.
    pub fn set_field(&mut self, name: &str, value: impl Into<Value>) {
        self.edit(|fields| drop(fields.insert(name.to_owned(), value.into())));
    }

    /// Another request of the same client: its headers, but another method, path and JSON body.
    pub fn another(&self, method: Method, path: &str, body: Option<&Value>) -> Request {
        let mut other = self.clone();
        other.head.method = method;
        other.set_path(path);
        match body {
            Some(body) => {
                other.set_header("content-type", "application/json");
                other.set_json(body);
            }
            None => {
                other.body = Bytes::new();
                other.head.headers.remove(CONTENT_LENGTH);
                other.head.headers.remove(CONTENT_TYPE);
            }
        }
        other
    }

    /// Replaces the body.
    pub fn set_json(&mut self, body: &Value) {
        self.body = body.to_string().into();
        self.head.headers.insert(CONTENT_LENGTH, self.body.len().into());
    }
}

/// Whether a request is `POST /habits`.
pub fn creates(request: &Request) -> bool {
    request.head.method == Method::POST && request.path() == "/habits"
}

/// Whether a request is `GET /habits`.
pub fn lists(request: &Request) -> bool {
    request.head.method == Method::GET && request.path() == "/habits"
}

/// Whether a request is `GET /habits/{id}`.
pub fn reads(request: &Request) -> bool {
    request.head.method == Method::GET && request.id_text().is_some()
}

/// Whether a request is `PATCH /habits/{id}`.
pub fn patches(request: &Request) -> bool {
    request.head.method == Method::PATCH && request.id_text().is_some()
}

/// Whether a request is `PUT /habits/{id}`.
pub fn puts(request: &Request) -> bool {
    request.head.method == Method::PUT && request.id_text().is_some()
}

/// Whether a request is `DELETE /habits/{id}`.
pub fn deletes(request: &Request) -> bool {
    request.head.method == Method::DELETE && request.id_text().is_some()
}

/// Whether a request is `GET` of anything.
pub fn gets(request: &Request) -> bool {
    request.head.method == Method::GET
}

/// Every request.
pub fn any(_: &Request) -> bool {
    true
}

/// An answer on its way to the client.
pub struct Answer {
    /// Status and headers.
    pub head: response::Parts,
    /// The whole body.
    pub body: Bytes,
}

impl Answer {
    /// The status.
    pub fn status(&self) -> u16 {
        self.head.status.as_u16()
    }

    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        self.head.status.is_success()
    }

    /// Answers with another status.
    pub fn set_status(&mut self, status: u16) {
        self.head.status = StatusCode::from_u16(status).expect("a sabotage sets a status of three digits");
    }

    /// A header, where it is there and text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok()
    }

    /// Sets a header, in place of those of that name.
    pub fn set_header(&mut self, name: &'static str, value: &str) {
        let value = HeaderValue::from_str(value).expect("a sabotage sets plain header values");
        self.head.headers.insert(name, value);
    }

    /// Leaves a header out.
    pub fn remove_header(&mut self, name: &'static str) {
        self.head.headers.remove(name);
    }

    /// The body as JSON, unpacked; `None` where it is none, or is packed otherwise than by gzip.
    pub fn json(&self) -> Option<Value> {
        match self.header("content-encoding") {
            None => serde_json::from_slice(&self.body).ok(),
            Some("gzip") => serde_json::from_reader(GzDecoder::new(self.body.as_ref())).ok(),
            Some(_) => None,
        }
    }

    /// Replaces the body by JSON.
    pub fn set_json(&mut self, media_type: &'static str, body: &Value) {
        self.set_body(media_type, body.to_string());
    }

    /// Replaces the body.
    pub fn set_body(&mut self, media_type: &'static str, body: impl Into<Bytes>) {
        self.set_header("content-type", media_type);
        self.remove_header("content-encoding");
        self.set_bytes(body);
    }

    /// Replaces the bytes of the body, whatever the headers say of them.
    pub fn set_bytes(&mut self, body: impl Into<Bytes>) {
        self.body = body.into();
        self.head.headers.insert(CONTENT_LENGTH, self.body.len().into());
    }

    /// Leaves the body out.
    pub fn clear(&mut self) {
        self.remove_header("content-type");
        self.remove_header("content-encoding");
        self.set_bytes("");
        if self.head.status == StatusCode::NO_CONTENT {
            self.remove_header("content-length");
        }
    }

    /// Changes the body, where it is JSON; its media type and its packing stay.
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

    /// Changes every habit of a successful answer: the one it is, or those it lists.
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

    /// Changes the list of habits, where the answer is one.
    pub fn edit_list(&mut self, change: impl FnOnce(&mut Vec<Value>)) {
        self.edit(|body| {
            if let Value::Array(habits) = body {
                change(habits);
            }
        });
    }

    /// The id of the one habit in the answer.
    pub fn id(&self) -> Option<i64> {
        self.json()?.get("id")?.as_i64()
    }

    /// Becomes an error as a careless server tells it: JSON, but no problem details.
    pub fn set_plain_error(&mut self, status: u16, message: &str) {
        self.set_status(status);
        self.set_json("application/json", &json!({ "error": message }));
    }
}

/// Packs bytes (RFC 1952).
pub fn gzip(plain: &[u8], level: Compression) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), level);
    let packed = encoder.write_all(plain).and_then(|()| encoder.finish());
    packed.expect("memory takes whatever is written to it")
}
