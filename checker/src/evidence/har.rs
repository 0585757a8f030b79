//! Every exchange of a run as an HTTP archive, which browsers' developer tools open.
//!
//! HAR 1.2: <http://www.softwareishard.com/blog/har-12-spec/>.

use std::borrow::Cow;

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::outcome::RunReport;
use crate::probe::{Exchange, status_name};
use crate::report::body::{Text, text};
use crate::report::printable;

/// Bytes of bodies kept in one archive; what comes later is kept without its body.
const BODIES: usize = 8 * 1024 * 1024;
/// Exchanges kept in one archive.
const ENTRIES: usize = 5_000;
const HTTP_VERSION: &str = "HTTP/1.1";

/// The archive as JSON, each exchange on a line of its own.
pub fn har(run: &RunReport) -> String {
    let creator = Creator { name: "checker", version: env!("CARGO_PKG_VERSION") };
    let comment = format!("step {}, {}, seed {}", run.step, run.target, run.seed);
    let mut out =
        format!("{{\"log\":{{\"version\":\"1.2\",\"creator\":{},\"comment\":{},\"entries\":[", json(&creator), json(&comment));
    let mut room = BODIES;
    let exchanges = run.checks.iter().flat_map(|check| check.exchanges.iter().map(|exchange| (check.id, exchange)));
    for (index, (id, exchange)) in exchanges.take(ENTRIES).enumerate() {
        out += if index == 0 { "\n" } else { ",\n" };
        out += &json(&Entry::of(id, exchange, &mut room));
    }
    out + "\n]}}\n"
}

fn json(value: &impl Serialize) -> String {
    printable(&serde_json::to_string(value).expect("an archive holds strings, numbers and lists only"))
}

#[derive(Serialize)]
struct Creator {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    started_date_time: String,
    time: f64,
    request: Request<'a>,
    response: Response<'a>,
    cache: Empty,
    timings: Timings,
    comment: &'a str,
}

/// What a format requires, and nobody has.
#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
struct Timings {
    send: u8,
    wait: f64,
    receive: u8,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    method: &'a str,
    url: String,
    http_version: &'static str,
    cookies: [Empty; 0],
    headers: Vec<Field<'a>>,
    query_string: Vec<Field<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    post_data: Option<Content<'a>>,
    headers_size: i8,
    body_size: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response<'a> {
    status: u16,
    status_text: String,
    http_version: &'static str,
    cookies: [Empty; 0],
    headers: Vec<Field<'a>>,
    content: Content<'a>,
    #[serde(rename = "redirectURL")]
    redirect_url: &'a str,
    headers_size: i8,
    body_size: isize,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
}

#[derive(Serialize)]
struct Field<'a> {
    name: &'a str,
    value: &'a str,
}

/// A body, sent or received.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Content<'a> {
    /// Of a body that was received.
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<usize>,
    mime_type: &'a str,
    /// Of a body that was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    params: Option<[Empty; 0]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Cow<'a, str>>,
    /// Of a body that was received; the format has none for what was sent, so the comment names it there.
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<&'static str>,
}

impl<'a> Entry<'a> {
    fn of(id: &'a str, exchange: &'a Exchange, room: &mut usize) -> Self {
        let milliseconds = (exchange.duration.as_secs_f64() * 1e6).round() / 1e3;
        let started = OffsetDateTime::from(exchange.started).format(&Rfc3339);
        Entry {
            started_date_time: started.expect("a clock of this era can be written in RFC 3339"),
            time: milliseconds,
            request: Request::of(exchange, room),
            response: Response::of(exchange, room),
            cache: Empty {},
            timings: Timings { send: 0, wait: milliseconds, receive: 0 },
            comment: id,
        }
    }
}

impl<'a> Request<'a> {
    fn of(exchange: &'a Exchange, room: &mut usize) -> Self {
        let request = &exchange.request;
        let query = request.path.split_once('?').map_or("", |(_, query)| query);
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        Request {
            method: &request.method,
            url: format!("{}{}", exchange.base, request.path),
            http_version: HTTP_VERSION,
            cookies: [],
            headers: fields(&request.headers),
            query_string: pairs.map(|(name, value)| Field { name, value }).collect(),
            post_data: request.body.as_ref().map(|body| {
                let content = Content::of(body, field(&request.headers, "content-type"), room);
                let comment = content.comment.or(content.encoding);
                Content { params: Some([]), encoding: None, comment, ..content }
            }),
            headers_size: -1,
            body_size: request.body.as_ref().map_or(0, |body| body.len()),
        }
    }
}

impl<'a> Response<'a> {
    fn of(exchange: &'a Exchange, room: &mut usize) -> Self {
        let (status, headers, body, comment) = match &exchange.reply {
            Ok(reply) => (reply.status, &*reply.headers, Some(&reply.body), None),
            Err(none) => (0, &[][..], None, Some(none.to_string())),
        };
        let mime_type = field(headers, "content-type");
        let content = body.map(|body| Content { size: Some(body.len()), ..Content::of(body, mime_type, room) });
        let none = Content { size: Some(0), mime_type, params: None, text: None, encoding: None, comment: None };
        Response {
            status,
            status_text: status_name(status).split_once(' ').map_or_else(String::new, |(_, text)| text.to_owned()),
            http_version: HTTP_VERSION,
            cookies: [],
            headers: fields(headers),
            content: content.unwrap_or(none),
            redirect_url: field(headers, "location"),
            headers_size: -1,
            body_size: body.map_or(-1, |body| body.len().cast_signed()),
            comment,
        }
    }
}

impl<'a> Content<'a> {
    /// A body as far as there is room for it.
    fn of(body: &'a [u8], mime_type: &'a str, room: &mut usize) -> Self {
        let none = Content { size: None, mime_type, params: None, text: None, encoding: None, comment: None };
        let (encoded, cut) = text(body);
        let (text, encoding) = match encoded {
            Text::Utf8(text) => (text.into(), None),
            Text::Base64(text) => (Cow::Owned(text), Some("base64")),
        };
        let Some(left) = room.checked_sub(text.len()) else {
            return Content { comment: Some("left out: this archive is full"), ..none };
        };
        *room = left;
        Content { text: Some(text), encoding, comment: cut.then_some("cut: the body is longer"), ..none }
    }
}

fn fields(fields: &[(String, String)]) -> Vec<Field<'_>> {
    fields.iter().map(|(name, value)| Field { name, value }).collect()
}

fn field<'a>(fields: &'a [(String, String)], name: &str) -> &'a str {
    let found = fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map_or("", |(_, value)| value)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::report::fixtures;

    #[test]
    fn an_archive_holds_what_the_format_requires() {
        let archive: Value = serde_json::from_str(&har(&fixtures::failed())).expect("it is JSON");
        let log = &archive["log"];
        assert_eq!(log["version"], "1.2");
        assert!(log["creator"]["name"].is_string() && log["creator"]["version"].is_string());
        let entries = log["entries"].as_array().expect("a list");
        assert!(!entries.is_empty());
        for entry in entries {
            for (object, members) in [
                (entry, &["startedDateTime", "time", "request", "response", "cache", "timings"][..]),
                (
                    &entry["request"],
                    &["method", "url", "httpVersion", "cookies", "headers", "queryString", "headersSize", "bodySize"],
                ),
                (
                    &entry["response"],
                    &[
                        "status",
                        "statusText",
                        "httpVersion",
                        "cookies",
                        "headers",
                        "content",
                        "redirectURL",
                        "headersSize",
                        "bodySize",
                    ],
                ),
                (&entry["response"]["content"], &["size", "mimeType"]),
                (&entry["timings"], &["send", "wait", "receive"]),
            ] {
                for member in members {
                    assert!(object.get(member).is_some(), "{member} is missing in {object:#}");
                }
            }
            let started = entry["startedDateTime"].as_str().expect("a text");
            assert!(OffsetDateTime::parse(started, &Rfc3339).is_ok(), "{started}");
        }
    }

    #[test]
    fn bodies_beyond_the_room_are_left_out() {
        let mut room = 3;
        assert_eq!(Content::of(b"four", "", &mut room).text, None);
        assert_eq!(room, 3);
        assert_eq!(Content::of(b"two", "", &mut room).text.as_deref(), Some("two"));
        assert_eq!(room, 0);
    }

    #[test]
    fn bytes_that_are_no_text_are_kept_in_base64() {
        let content = Content::of(&[0xff, 0xfe, 0xfb], "", &mut 100);
        assert_eq!((content.text.as_deref(), content.encoding), (Some("//77"), Some("base64")));
    }
}
