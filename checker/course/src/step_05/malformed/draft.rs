//! A malformed request as it is sent, and smaller variants of it.

use bytes::Bytes;

use super::shrink::Shrink;
use model::Request;

/// A request that may be malformed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The headers, without those of the connection and of authentication.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Option<Vec<u8>>,
    /// The declared Content-Length, if it is more than the length of the body.
    pub declared_length: Option<usize>,
}

impl Draft {
    /// A draft of the request, without its authentication.
    pub fn of(request: &Request) -> Draft {
        Draft {
            method: request.method.clone(),
            path: request.path.clone(),
            headers: request.headers.clone(),
            body: request.body.as_ref().map(|body| body.to_vec()),
            declared_length: None,
        }
    }

    /// The request to send.
    pub fn request(&self) -> Request {
        let body = self.body.clone().map(Bytes::from);
        let mut request = Request::new(&self.method, &self.path);
        request.headers.clone_from(&self.headers);
        Request { body, ..request }
    }

    /// Sets a header, replacing those with the same name.
    pub fn set_header(&mut self, name: &str, value: impl Into<String>) {
        self.headers.retain(|(key, _)| key != name);
        self.headers.push((name.to_owned(), value.into()));
    }
}

impl Shrink for Draft {
    fn smaller(&self) -> Vec<Draft> {
        let mut smaller = Vec::new();
        if self.declared_length.is_some() {
            smaller.push(Draft { declared_length: None, ..self.clone() });
        }
        if self.body.is_some() {
            let headers = self.headers.iter().filter(|(name, _)| name != "content-type").cloned().collect();
            smaller.push(Draft { body: None, declared_length: None, headers, ..self.clone() });
        }
        if let Some((path, _)) = self.path.split_once('?') {
            smaller.push(Draft { path: path.to_owned(), ..self.clone() });
        }
        for index in 0..self.headers.len() {
            let mut headers = self.headers.clone();
            headers.remove(index);
            smaller.push(Draft { headers, ..self.clone() });
        }
        let body = self.body.as_deref().unwrap_or_default();
        smaller.extend(without_parts(body).chain(without_chunks(body)).map(|body| Draft { body: Some(body), ..self.clone() }));
        // The path stays valid for a client: ASCII that starts with a slash.
        let paths = without_chunks(self.path.as_bytes()).filter_map(|path| String::from_utf8(path).ok());
        let paths = paths.filter(|path| path.starts_with('/'));
        smaller.extend(paths.map(|path| Draft { path, ..self.clone() }));
        smaller
    }
}

/// The JSON text without one or more members: cut from a comma to the end of a member, or from a bracket to after a comma.
fn without_parts(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    const MOST: usize = 40;
    let places: Vec<usize> = (0..bytes.len()).filter(|at| b"[]{},".contains(&bytes[*at])).take(MOST).collect();
    let spans = places.clone().into_iter().enumerate().flat_map(move |(index, from)| {
        let later: Vec<usize> = places[index + 1..].iter().rev().copied().collect();
        later.into_iter().map(move |to| (from, to))
    });
    spans.filter_map(|(from, to)| match (bytes[from], bytes[to]) {
        (b',', b',' | b'}' | b']') => Some([&bytes[..from], &bytes[to..]].concat()),
        (b'{' | b'[', b',') => Some([&bytes[..=from], &bytes[to + 1..]].concat()),
        _ => None,
    })
}

/// The bytes without each half, each quarter and so on, down to single bytes if there are few.
fn without_chunks(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    const FEW: usize = 96;
    let least = if bytes.len() <= FEW { 1 } else { bytes.len() / 16 };
    let sizes = std::iter::successors(Some(bytes.len() / 2), |size| Some(size / 2)).take_while(move |size| *size >= least.max(1));
    sizes.flat_map(move |size| {
        (0..bytes.len()).step_by(size).map(move |from| {
            let to = (from + size).min(bytes.len());
            [&bytes[..from], &bytes[to..]].concat()
        })
    })
}
