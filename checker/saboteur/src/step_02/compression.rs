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
    let asked = |request: &Request| lists(request) && request.head.headers.contains_key("accept-encoding");
    let packed = |name, breaks, spoil: fn(&mut Response)| {
        wrong(name, &["2.compression"], breaks).response(asked, move |_, response| {
            if response.head.headers.contains_key("content-encoding") {
                spoil(response)
            }
        })
    };
    let plain = |request: &mut Request| drop(request.head.headers.remove("accept-encoding"));
    let pack = |encoding: &'static str, body: fn(&[u8]) -> Vec<u8>| {
        move |_: &Request, response: &mut Response| {
            let packed = body(&response.body);
            response.set_bytes(packed);
            response.set_header("content-encoding", encoding);
        }
    };
    let after_a_long_habit = Rc::new(Cell::new(false));
    let before = after_a_long_habit.clone();
    vec![
        wrong("nothing-is-compressed", &["2.compression"], "Nothing is compressed.").request(any, plain),
        // Other checks read the list as it is, so only a list right after a habit with a description of 100 to 200 characters is packed.
        wrong("lists-are-always-compressed", &["2.compression"], "A list is compressed though nobody asked for it.")
            .request(lists, move |request| {
                if before.get() {
                    request.set_header("accept-encoding", "gzip")
                }
            })
            .response(any, move |request, _| {
                let described = (100..200).contains(&request.text("description").chars().count());
                after_a_long_habit.set(creates(request) && described);
            }),
        wrong("refused-coding-is-used", &["2.compression"], "gzip;q=0 counts as asking for gzip.").request(
            |request| request.header("accept-encoding").is_some_and(|it| it.contains("gzip")),
            |request| request.set_header("accept-encoding", "gzip"),
        ),
        wrong("identity-is-compressed", &["2.compression"], "Any Accept-Encoding counts as asking for gzip.").request(
            |request| request.head.headers.contains_key("accept-encoding"),
            |request| request.set_header("accept-encoding", "gzip"),
        ),
        wrong("gzip-for-br", &["2.compression"], "Asked for br alone, the server answers gzip.").request(
            |request| request.header("accept-encoding") == Some("br"),
            |request| request.set_header("accept-encoding", "gzip"),
        ),
        wrong("plain-body-says-gzip", &["2.compression"], "The answer says gzip, and is not compressed.")
            .request(asked, plain)
            .response(asked, pack("gzip", <[u8]>::to_vec)),
        wrong("deflate-for-gzip", &["2.compression"], "Asked for gzip, the server answers deflate.")
            .request(asked, plain)
            .response(
                asked,
                pack("deflate", |body| {
                    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
                    let _ = encoder.write_all(body);
                    encoder.finish().unwrap_or_default()
                }),
            ),
        wrong("gzip-saves-nothing", &["2.compression"], "The answer is packed without being any shorter.")
            .request(asked, plain)
            .response(asked, pack("gzip", |body| gzip(body, Compression::none()))),
        packed("compressed-without-saying", "The answer is compressed, and does not say so.", |response| {
            response.remove_header("content-encoding")
        }),
        packed("compressed-body-is-cut", "The end of a compressed answer is missing.", |response| {
            response.set_bytes(response.body.slice(..response.body.len() - 12))
        }),
    ]
}
