//! Every exchange of a run as an HTTP archive, which browsers' developer tools open.
//!
//! HAR 1.2: <http://www.softwareishard.com/blog/har-12-spec/>.

use serde_json::{Value, json};
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

/// The archive, as indented JSON.
pub fn har(run: &RunReport) -> String {
    let mut room = BODIES;
    let exchanges = run.checks.iter().flat_map(|check| check.exchanges.iter().map(|exchange| (check.id, exchange)));
    let entries: Vec<_> = exchanges.take(ENTRIES).map(|(id, exchange)| entry(id, exchange, &mut room)).collect();
    let archive = json!({"log": {
        "version": "1.2",
        "creator": {"name": "checker", "version": env!("CARGO_PKG_VERSION")},
        "comment": format!("step {}, {}, seed {}", run.step, run.target, run.seed),
        "entries": entries,
    }});
    printable(&serde_json::to_string_pretty(&archive).expect("an archive holds strings, numbers and lists only")) + "\n"
}

fn entry(id: &str, exchange: &Exchange, room: &mut usize) -> Value {
    let milliseconds = (exchange.duration.as_secs_f64() * 1e6).round() / 1e3;
    let started = OffsetDateTime::from(exchange.started).format(&Rfc3339);
    json!({
        "startedDateTime": started.expect("a clock of this era can be written in RFC 3339"),
        "time": milliseconds,
        "request": request(exchange, room),
        "response": response(exchange, room),
        "cache": {},
        "timings": {"send": 0, "wait": milliseconds, "receive": 0},
        "comment": id,
    })
}

fn request(exchange: &Exchange, room: &mut usize) -> Value {
    let request = &exchange.request;
    let query = request.path.split_once('?').map_or("", |(_, query)| query);
    let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        json!({"name": name, "value": value})
    });
    let mut value = json!({
        "method": request.method,
        "url": format!("{}{}", exchange.base, request.path),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": headers(&request.headers),
        "queryString": pairs.collect::<Vec<_>>(),
        "headersSize": -1,
        "bodySize": request.body.as_ref().map_or(0, |body| body.len()),
    });
    if let Some(body) = &request.body {
        let mut data = json!({"mimeType": field(&request.headers, "content-type"), "params": []});
        // The format has no encoding for what was posted, so base64 is named in the comment.
        content(&mut data, body, "comment", room);
        value["postData"] = data;
    }
    value
}

fn response(exchange: &Exchange, room: &mut usize) -> Value {
    match &exchange.reply {
        Ok(reply) => {
            let mut data = json!({"size": reply.body.len(), "mimeType": field(&reply.headers, "content-type")});
            content(&mut data, &reply.body, "encoding", room);
            let name = status_name(reply.status);
            json!({
                "status": reply.status,
                "statusText": name.split_once(' ').map_or("", |(_, text)| text),
                "httpVersion": "HTTP/1.1",
                "cookies": [],
                "headers": headers(&reply.headers),
                "content": data,
                "redirectURL": field(&reply.headers, "location"),
                "headersSize": -1,
                "bodySize": reply.body.len(),
            })
        }
        Err(none) => json!({
            "status": 0,
            "statusText": "",
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": [],
            "content": {"size": 0, "mimeType": ""},
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": -1,
            "comment": none.to_string(),
        }),
    }
}

/// Adds the text of a body to `data`, and to its member `encoding` the word base64 if that is what it is.
fn content(data: &mut Value, body: &[u8], encoding: &str, room: &mut usize) {
    let (encoded, cut) = text(body);
    let (text, is_base64) = match encoded {
        Text::Utf8(text) => (text, false),
        Text::Base64(text) => (text, true),
    };
    match room.checked_sub(text.len()) {
        Some(left) => *room = left,
        None => {
            data["comment"] = json!("left out: this archive is full");
            return;
        }
    }
    data["text"] = json!(text);
    if cut {
        data["comment"] = json!("cut: the body is longer");
    }
    if is_base64 {
        data[encoding] = json!("base64");
    }
}

fn headers(fields: &[(String, String)]) -> Value {
    fields.iter().map(|(name, value)| json!({"name": name, "value": value})).collect()
}

fn field<'a>(fields: &'a [(String, String)], name: &str) -> &'a str {
    let found = fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map_or("", |(_, value)| value)
}

#[cfg(test)]
mod tests {
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
        let mut data = json!({});
        content(&mut data, b"four", "encoding", &mut room);
        assert_eq!((data.get("text"), room), (None, 3));
        content(&mut data, b"two", "encoding", &mut room);
        assert_eq!((data["text"].as_str(), room), (Some("two"), 0));
    }

    #[test]
    fn bytes_that_are_no_text_are_kept_in_base64() {
        let (mut room, mut data) = (100, json!({}));
        content(&mut data, &[0xff, 0xfe, 0xfb], "encoding", &mut room);
        assert_eq!((data["text"].as_str(), data["encoding"].as_str()), (Some("//77"), Some("base64")));
    }
}
