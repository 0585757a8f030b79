//! Wrong ways to compress responses.

use std::cell::Cell;
use std::io::Write;
use std::rc::Rc;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use crate::api::routes::{any, creates, lists};
use crate::http::{Request, Response, gzip};
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    let has_accept_encoding = |request: &Request| lists(request) && request.head.headers.contains_key("accept-encoding");
    let on_compressed = |name, breaks, change: fn(&mut Response)| {
        wrong(name, &["2.compression"], breaks).response(has_accept_encoding, move |_, response| {
            if response.head.headers.contains_key("content-encoding") {
                change(response)
            }
        })
    };
    let drop_accept_encoding = |request: &mut Request| drop(request.head.headers.remove("accept-encoding"));
    let encode = |encoding: &'static str, body: fn(&[u8]) -> Vec<u8>| {
        move |_: &Request, response: &mut Response| {
            let encoded = body(&response.body);
            response.set_bytes(encoded);
            response.set_header("content-encoding", encoding);
        }
    };
    let is_after_long_habit = Rc::new(Cell::new(false));
    let follows_long_habit = is_after_long_habit.clone();
    vec![
        wrong("nothing-is-compressed", &["2.compression"], "Nothing is compressed.").request(any, drop_accept_encoding),
        // Other checks read the list uncompressed, so it is compressed only after a habit with a description of 100 to 200 characters.
        wrong("lists-are-always-compressed", &["2.compression"], "A list is compressed without Accept-Encoding.")
            .request(lists, move |request| {
                if follows_long_habit.get() {
                    request.set_header("accept-encoding", "gzip")
                }
            })
            .response(any, move |request, _| {
                let described = (100..200).contains(&request.text("description").chars().count());
                is_after_long_habit.set(creates(request) && described);
            }),
        wrong("refused-coding-is-used", &["2.compression"], "gzip;q=0 is treated as gzip.").request(
            |request| request.header("accept-encoding").is_some_and(|it| it.contains("gzip")),
            |request| request.set_header("accept-encoding", "gzip"),
        ),
        wrong("identity-is-compressed", &["2.compression"], "Every Accept-Encoding is treated as gzip.").request(
            |request| request.head.headers.contains_key("accept-encoding"),
            |request| request.set_header("accept-encoding", "gzip"),
        ),
        wrong("gzip-for-br", &["2.compression"], "Accept-Encoding: br answers gzip.").request(
            |request| request.header("accept-encoding") == Some("br"),
            |request| request.set_header("accept-encoding", "gzip"),
        ),
        wrong("plain-body-says-gzip", &["2.compression"], "The response has Content-Encoding: gzip but is not compressed.")
            .request(has_accept_encoding, drop_accept_encoding)
            .response(has_accept_encoding, encode("gzip", <[u8]>::to_vec)),
        wrong("deflate-for-gzip", &["2.compression"], "Accept-Encoding: gzip answers deflate.")
            .request(has_accept_encoding, drop_accept_encoding)
            .response(
                has_accept_encoding,
                encode("deflate", |body| {
                    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
                    let _ = encoder.write_all(body);
                    encoder.finish().unwrap_or_default()
                }),
            ),
        wrong("gzip-saves-nothing", &["2.compression"], "The compressed response is not any shorter.")
            .request(has_accept_encoding, drop_accept_encoding)
            .response(has_accept_encoding, encode("gzip", |body| gzip(body, Compression::none()))),
        on_compressed("compressed-without-saying", "The response is compressed but lacks Content-Encoding.", |response| {
            response.remove_header("content-encoding")
        }),
        on_compressed("compressed-body-is-cut", "The compressed body is truncated.", |response| {
            response.set_bytes(response.body.slice(..response.body.len() - 12))
        }),
    ]
}
