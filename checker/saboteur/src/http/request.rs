//! Requests as a sabotage sees them: whole, with the parts of the contract within easy reach.

use std::net::SocketAddr;

use bytes::Bytes;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Uri};
use serde_json::Value;

/// A request on its way to the upstream server.
#[derive(Clone)]
pub struct Request {
    /// Method, URI and headers.
    pub head: Parts,
    /// The whole body.
    pub body: Bytes,
    /// The address of the client.
    pub peer: SocketAddr,
}

impl Request {
    /// The path without the query, and without the prefix of stretch `/v1`.
    pub fn path(&self) -> &str {
        let path = self.head.uri.path();
        path.strip_prefix("/v1").unwrap_or(path)
    }

    /// The last segment of `/habits/{id}`, whether it is an id or not.
    pub fn id_text(&self) -> Option<&str> {
        let id = self.path().strip_prefix("/habits/")?;
        (!id.is_empty() && !id.contains('/')).then_some(id)
    }

    /// The id in `/habits/{id}`.
    pub fn id(&self) -> Option<i64> {
        self.id_text()?.parse().ok()
    }

    /// Replaces the last segment of the path, which is where ids and dates are. The query is dropped.
    pub fn set_last_segment(&mut self, segment: impl ToString) {
        let path = self.head.uri.path();
        let prefix = path.rsplit_once('/').map_or("", |(prefix, _)| prefix);
        self.set_path(&format!("{prefix}/{}", segment.to_string()));
    }

    /// Replaces path and query.
    pub fn set_path(&mut self, path: &str) {
        self.head.uri = path.parse::<Uri>().expect("a valid path with another segment or query is valid");
    }

    /// A query parameter, still percent-encoded.
    pub fn query_parameter(&self, name: &str) -> Option<&str> {
        let mut pairs = self.head.uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Sets a query parameter; `None` removes it.
    pub fn set_query_parameter(&mut self, name: &str, value: Option<&str>) {
        let query = self.head.uri.query().unwrap_or_default();
        let mut pairs: Vec<String> = query.split('&').filter(|pair| !pair.is_empty()).map(str::to_owned).collect();
        pairs.retain(|pair| pair.split('=').next() != Some(name));
        pairs.extend(value.map(|value| format!("{name}={value}")));
        let path = self.head.uri.path().to_owned();
        self.set_path(&format!("{path}?{}", pairs.join("&")));
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

    /// Another request of the same client: the same headers, but another method, path and JSON body.
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
}
