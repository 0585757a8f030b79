//! Missing or wrong security headers.

use crate::api::routes::{any, deletes, lists};
use crate::http::{Request, Response};
use crate::sabotage::{Sabotage, wrong};

const TRIPS: &[&str] = &["5.security-headers"];
const NOSNIFF: &str = "x-content-type-options";
const FRAMES: [&str; 2] = ["x-frame-options", "content-security-policy"];

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [types(), frames(), versions()].into_iter().flatten().collect()
}

fn types() -> Vec<Sabotage> {
    // Removes the header if `when` holds.
    let drop_nosniff = |name, breaks, when: fn(&Request, &Response) -> bool| {
        wrong(name, TRIPS, breaks).response(any, move |request, response| {
            if when(request, response) {
                response.remove_header(NOSNIFF);
            }
        })
    };
    let set_nosniff = |name, breaks, value: &'static str| {
        wrong(name, TRIPS, breaks).response(any, move |_, response| response.set_header(NOSNIFF, value))
    };
    vec![
        drop_nosniff("types-may-be-sniffed", "No response has X-Content-Type-Options.", |_, _| true),
        drop_nosniff("errors-may-be-sniffed", "Error responses have no X-Content-Type-Options.", |_, response| {
            !response.is_success()
        }),
        drop_nosniff("answers-may-be-sniffed", "Only error responses have X-Content-Type-Options.", |_, response| {
            response.is_success()
        }),
        drop_nosniff("docs-may-be-sniffed", "/docs has no X-Content-Type-Options.", |request, _| request.path() == "/docs"),
        drop_nosniff("only-docs-may-not-be-sniffed", "Only /docs has X-Content-Type-Options.", |request, _| {
            request.path() != "/docs"
        }),
        drop_nosniff("openapi-may-be-sniffed", "/openapi.json has no X-Content-Type-Options.", |request, _| {
            request.path() == "/openapi.json"
        }),
        drop_nosniff("lists-may-be-sniffed", "GET /habits has no X-Content-Type-Options.", |request, _| lists(request)),
        drop_nosniff("nobody-may-sniff", "A 401 has no X-Content-Type-Options.", |_, response| response.status() == 401),
        drop_nosniff("unknown-routes-may-be-sniffed", "A 404 has no X-Content-Type-Options.", |_, response| {
            response.status() == 404
        }),
        drop_nosniff("wrong-methods-may-be-sniffed", "A 405 has no X-Content-Type-Options.", |_, response| {
            response.status() == 405
        }),
        drop_nosniff("wrong-types-may-be-sniffed", "A 415 has no X-Content-Type-Options.", |_, response| {
            response.status() == 415
        }),
        drop_nosniff("empty-answers-may-be-sniffed", "A 204 has no X-Content-Type-Options.", |request, response| {
            deletes(request) && response.status() == 204
        }),
        set_nosniff("nosniff-is-misspelled", "X-Content-Type-Options is no-sniff.", "no-sniff"),
        set_nosniff("nosniff-is-true", "X-Content-Type-Options is true.", "true"),
    ]
}

fn frames() -> Vec<Sabotage> {
    let drop_frame_headers = |name, breaks, when: fn(&Request, &Response) -> bool| {
        wrong(name, TRIPS, breaks).response(any, move |request, response| {
            if when(request, response) {
                FRAMES.into_iter().for_each(|name| response.remove_header(name));
            }
        })
    };
    // Replaces both headers about frames by this one.
    let set_frame_header = |name, breaks, field: &'static str, value: &'static str| {
        wrong(name, TRIPS, breaks).response(any, move |_, response| {
            FRAMES.into_iter().for_each(|name| response.remove_header(name));
            response.set_header(field, value);
        })
    };
    let [options, policy] = FRAMES;
    vec![
        drop_frame_headers("frames-are-not-forbidden", "No response forbids frames.", |_, _| true),
        drop_frame_headers("errors-may-be-framed", "Error responses do not forbid frames.", |_, response| !response.is_success()),
        drop_frame_headers("docs-may-be-framed", "/docs does not forbid frames.", |request, _| request.path() == "/docs"),
        drop_frame_headers("json-may-be-framed", "Only /docs forbids frames.", |request, _| request.path() != "/docs"),
        set_frame_header(
            "frames-are-another-policy",
            "Content-Security-Policy has no frame-ancestors.",
            policy,
            "default-src 'self'",
        ),
        set_frame_header("frame-ancestors-are-all", "frame-ancestors is *.", policy, "default-src 'self'; frame-ancestors *"),
        set_frame_header(
            "frame-ancestors-are-a-scheme",
            "frame-ancestors allows every https site.",
            policy,
            "frame-ancestors https:",
        ),
        set_frame_header("frames-are-allowed", "X-Frame-Options is ALLOWALL.", options, "ALLOWALL"),
        set_frame_header(
            "frame-options-are-obsolete",
            "X-Frame-Options is ALLOW-FROM, which is obsolete.",
            options,
            "ALLOW-FROM https://app.example.com",
        ),
        set_frame_header(
            "frame-policy-is-reported-only",
            "frame-ancestors is only in Content-Security-Policy-Report-Only.",
            "content-security-policy-report-only",
            "frame-ancestors 'none'",
        ),
    ]
}

fn versions() -> Vec<Sabotage> {
    let set_server = |name, breaks, when: fn(&Request) -> bool, value: &'static str| {
        wrong(name, TRIPS, breaks).response(when, move |_, response| response.set_header("server", value))
    };
    vec![
        set_server("server-tells-its-version", "The Server header shows a version.", any, "habits/1.2"),
        set_server(
            "server-tells-its-version-behind-a-space",
            "The Server header shows a version after a space.",
            any,
            "Axum 0.8.4 (Debian)",
        ),
        set_server(
            "docs-tell-a-version",
            "The Server header of /docs shows a version.",
            |request| request.path() == "/docs",
            "docs/5.0",
        ),
    ]
}
