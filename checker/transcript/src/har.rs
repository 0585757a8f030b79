//! HTTP archives (HAR), which browsers' developer tools can open.
//!
//! HAR 1.2: <http://www.softwareishard.com/blog/har-12-spec/>. Required members without a value here are empty, or -1 for
//! unknown sizes.

use std::borrow::Cow;

use serde::Serialize;

use crate::printable;

/// An archive under construction.
pub struct Archive {
    text: String,
    is_empty: bool,
}

impl Archive {
    /// An archive without entries.
    pub fn new(creator: &Creator, comment: &str) -> Archive {
        let text =
            format!("{{\"log\":{{\"version\":\"1.2\",\"creator\":{},\"comment\":{},\"entries\":[", json(creator), json(&comment));
        Archive { text, is_empty: true }
    }

    /// Adds an entry, on a line of its own.
    pub fn push(&mut self, entry: &Entry<'_>) {
        self.text += if self.is_empty { "\n" } else { ",\n" };
        self.text += &json(entry);
        self.is_empty = false;
    }

    /// The complete archive as JSON (RFC 8259), safe to print.
    pub fn finish(self) -> String {
        self.text + "\n]}}\n"
    }
}

fn json(value: &impl Serialize) -> String {
    printable(&serde_json::to_string(value).expect("an archive holds strings, numbers and lists only"))
}

/// The program that writes an archive.
#[derive(Serialize)]
pub struct Creator {
    pub name: &'static str,
    pub version: &'static str,
}

/// A request and its response.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry<'a> {
    pub started_date_time: String,
    pub time: f64,
    pub request: Request<'a>,
    pub response: Response<'a>,
    pub cache: Empty,
    pub timings: Timings,
    pub comment: &'a str,
}

/// An object that the format requires and that is empty here.
#[derive(Serialize)]
pub struct Empty {}

/// How long an exchange took, in milliseconds.
#[derive(Serialize)]
pub struct Timings {
    pub send: u8,
    pub wait: f64,
    pub receive: u8,
}

/// The request.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Request<'a> {
    pub method: &'a str,
    pub url: String,
    pub http_version: &'static str,
    pub cookies: [Empty; 0],
    pub headers: Vec<Field<'a>>,
    pub query_string: Vec<Field<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_data: Option<Content<'a>>,
    pub headers_size: i8,
    pub body_size: usize,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Response<'a> {
    pub status: u16,
    pub status_text: String,
    pub http_version: &'static str,
    pub cookies: [Empty; 0],
    pub headers: Vec<Field<'a>>,
    pub content: Content<'a>,
    #[serde(rename = "redirectURL")]
    pub redirect_url: &'a str,
    pub headers_size: i8,
    pub body_size: isize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// A header field, or a parameter of a query.
#[derive(Serialize)]
pub struct Field<'a> {
    pub name: &'a str,
    pub value: &'a str,
}

/// A body, sent or received.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Content<'a> {
    /// Of a body that was received.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<usize>,
    pub mime_type: &'a str,
    /// Of a body that was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub params: Option<[Empty; 0]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<Cow<'a, str>>,
    /// Of a body that was received; the format has none for sent bodies, so the comment names it there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<&'static str>,
}
