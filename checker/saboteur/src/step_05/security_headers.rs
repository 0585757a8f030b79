//! Answers that lack what keeps browsers from doing harm, and those that tell too much.

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
    // Leaves the header out where `when` says so.
    let sniffed = |name, breaks, when: fn(&Request, &Response) -> bool| {
        wrong(name, TRIPS, breaks).response(any, move |request, response| {
            if when(request, response) {
                response.remove_header(NOSNIFF);
            }
        })
    };
    let misspelled = |name, breaks, value: &'static str| {
        wrong(name, TRIPS, breaks).response(any, move |_, response| response.set_header(NOSNIFF, value))
    };
    vec![
        sniffed("types-may-be-sniffed", "No answer has X-Content-Type-Options.", |_, _| true),
        sniffed("errors-may-be-sniffed", "Errors have no X-Content-Type-Options.", |_, response| !response.is_success()),
        sniffed("answers-may-be-sniffed", "Only errors have X-Content-Type-Options.", |_, response| response.is_success()),
        sniffed("docs-may-be-sniffed", "/docs has no X-Content-Type-Options.", |request, _| request.path() == "/docs"),
        sniffed("only-docs-may-not-be-sniffed", "Only /docs has X-Content-Type-Options.", |request, _| request.path() != "/docs"),
        sniffed("openapi-may-be-sniffed", "/openapi.json has no X-Content-Type-Options.", |request, _| {
            request.path() == "/openapi.json"
        }),
        sniffed("lists-may-be-sniffed", "GET /habits has no X-Content-Type-Options.", |request, _| lists(request)),
        sniffed("nobody-may-sniff", "A 401 has no X-Content-Type-Options.", |_, response| response.status() == 401),
        sniffed("unknown-routes-may-be-sniffed", "A 404 has no X-Content-Type-Options.", |_, response| response.status() == 404),
        sniffed("wrong-methods-may-be-sniffed", "A 405 has no X-Content-Type-Options.", |_, response| response.status() == 405),
        sniffed("wrong-types-may-be-sniffed", "A 415 has no X-Content-Type-Options.", |_, response| response.status() == 415),
        sniffed("empty-answers-may-be-sniffed", "A 204 has no X-Content-Type-Options.", |request, response| {
            deletes(request) && response.status() == 204
        }),
        misspelled("nosniff-is-misspelled", "X-Content-Type-Options says no-sniff.", "no-sniff"),
        misspelled("nosniff-is-true", "X-Content-Type-Options says true.", "true"),
    ]
}

fn frames() -> Vec<Sabotage> {
    let framed = |name, breaks, when: fn(&Request, &Response) -> bool| {
        wrong(name, TRIPS, breaks).response(any, move |request, response| {
            if when(request, response) {
                FRAMES.into_iter().for_each(|name| response.remove_header(name));
            }
        })
    };
    // Says something else about frames, in one of the two ways.
    let said = |name, breaks, field: &'static str, value: &'static str| {
        wrong(name, TRIPS, breaks).response(any, move |_, response| {
            FRAMES.into_iter().for_each(|name| response.remove_header(name));
            response.set_header(field, value);
        })
    };
    let [options, policy] = FRAMES;
    vec![
        framed("frames-are-not-forbidden", "No answer says anything about frames.", |_, _| true),
        framed("errors-may-be-framed", "Errors say nothing about frames.", |_, response| !response.is_success()),
        framed("docs-may-be-framed", "/docs says nothing about frames.", |request, _| request.path() == "/docs"),
        framed("json-may-be-framed", "Only /docs says something about frames.", |request, _| request.path() != "/docs"),
        said("frames-are-another-policy", "The Content-Security-Policy has no frame-ancestors.", policy, "default-src 'self'"),
        said("frame-ancestors-are-all", "The frame-ancestors are a star.", policy, "default-src 'self'; frame-ancestors *"),
        said("frame-ancestors-are-a-scheme", "The frame-ancestors are every https site.", policy, "frame-ancestors https:"),
        said("frames-are-allowed", "X-Frame-Options says ALLOWALL.", options, "ALLOWALL"),
        said("frame-options-are-obsolete", "X-Frame-Options says ALLOW-FROM.", options, "ALLOW-FROM https://app.example.com"),
        said(
            "frame-policy-is-reported-only",
            "frame-ancestors stands in a policy that is only reported.",
            "content-security-policy-report-only",
            "frame-ancestors 'none'",
        ),
    ]
}

fn versions() -> Vec<Sabotage> {
    let named = |name, breaks, when: fn(&Request) -> bool, upstream: &'static str| {
        wrong(name, TRIPS, breaks).response(when, move |_, response| response.set_header("server", upstream))
    };
    vec![
        named("server-tells-its-version", "Server names a version.", any, "habits/1.2"),
        named("server-tells-its-version-behind-a-space", "Server names a version behind a space.", any, "Axum 0.8.4 (Debian)"),
        named("docs-tell-a-version", "Server names a version on /docs.", |request| request.path() == "/docs", "docs/5.0"),
    ]
}
