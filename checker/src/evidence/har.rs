//! Every exchange of a run as an HTTP archive, which browsers' developer tools open.

use std::borrow::Cow;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use transcript::har::{Archive, Content, Creator, Empty, Entry, Field, Request, Response, Timings};

use model::{Exchange, RunReport, status_name};
use report::body::{Text, text};

/// Bytes of bodies kept in one archive; what comes later is kept without its body.
const BODIES: usize = 8 * 1024 * 1024;
/// Exchanges kept in one archive.
const ENTRIES: usize = 5_000;
const HTTP_VERSION: &str = "HTTP/1.1";

/// The archive as JSON, each exchange on a line of its own.
pub fn har(run: &RunReport) -> String {
    let creator = Creator { name: "checker", version: env!("CARGO_PKG_VERSION") };
    let comment = format!("step {}, {}, seed {}", run.step, run.target, run.seed);
    let mut archive = Archive::new(&creator, &comment);
    let mut room = BODIES;
    let exchanges = run.checks.iter().flat_map(|check| check.exchanges.iter().map(|exchange| (check.id.as_str(), exchange)));
    for (id, exchange) in exchanges.take(ENTRIES) {
        archive.push(&entry(id, exchange, &mut room));
    }
    archive.finish()
}

fn entry<'a>(id: &'a str, exchange: &'a Exchange, room: &mut usize) -> Entry<'a> {
    let milliseconds = (exchange.duration.as_secs_f64() * 1e6).round() / 1e3;
    let started = OffsetDateTime::from(exchange.started).format(&Rfc3339);
    Entry {
        started_date_time: started.expect("a clock of this era can be written in RFC 3339"),
        time: milliseconds,
        request: request(exchange, room),
        response: response(exchange, room),
        cache: Empty {},
        timings: Timings { send: 0, wait: milliseconds, receive: 0 },
        comment: id,
    }
}

fn request<'a>(exchange: &'a Exchange, room: &mut usize) -> Request<'a> {
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
            let sent = content(body, field(&request.headers, "content-type"), room);
            let comment = sent.comment.or(sent.encoding);
            Content { params: Some([]), encoding: None, comment, ..sent }
        }),
        headers_size: -1,
        body_size: request.body.as_ref().map_or(0, |body| body.len()),
    }
}

fn response<'a>(exchange: &'a Exchange, room: &mut usize) -> Response<'a> {
    let (status, headers, body, comment) = match &exchange.reply {
        Ok(reply) => (reply.status, &*reply.headers, Some(&reply.body), None),
        Err(none) => (0, &[][..], None, Some(none.to_string())),
    };
    let mime_type = field(headers, "content-type");
    let received = body.map(|body| Content { size: Some(body.len()), ..content(body, mime_type, room) });
    let none = Content { size: Some(0), mime_type, params: None, text: None, encoding: None, comment: None };
    Response {
        status,
        status_text: status_name(status).split_once(' ').map_or_else(String::new, |(_, text)| text.to_owned()),
        http_version: HTTP_VERSION,
        cookies: [],
        headers: fields(headers),
        content: received.unwrap_or(none),
        redirect_url: field(headers, "location"),
        headers_size: -1,
        body_size: body.map_or(-1, |body| body.len().cast_signed()),
        comment,
    }
}

/// A body as far as there is room for it.
fn content<'a>(body: &'a [u8], mime_type: &'a str, room: &mut usize) -> Content<'a> {
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
    use report::samples;

    #[test]
    fn an_archive_holds_what_the_format_requires() {
        let archive: Value = serde_json::from_str(&har(&samples::failed())).expect("it is JSON");
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
        assert_eq!(content(b"four", "", &mut room).text, None);
        assert_eq!(room, 3);
        assert_eq!(content(b"two", "", &mut room).text.as_deref(), Some("two"));
        assert_eq!(room, 0);
    }

    #[test]
    fn bytes_that_are_no_text_are_kept_in_base64() {
        let kept = content(&[0xff, 0xfe, 0xfb], "", &mut 100);
        assert_eq!((kept.text.as_deref(), kept.encoding), (Some("//77"), Some("base64")));
    }
}
