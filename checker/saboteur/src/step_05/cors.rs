//! Pages of the wrong sites that may use the API, and pages of the right ones that may not.

use hyper::Method;

use crate::api::routes::any;
use crate::http::{Request, Response};
use crate::sabotage::{Sabotage, wrong};

const TRIPS: &[&str] = &["5.cors"];
const ALLOWED: &str = "access-control-allow-origin";
const METHODS: &str = "access-control-allow-methods";
const HEADERS: &str = "access-control-allow-headers";

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [comparisons(), preflights(), responses()].into_iter().flatten().collect()
}

/// The origins that are listed; empty where none are.
fn listed() -> String {
    std::env::var("CORS_ALLOWED_ORIGINS").unwrap_or_default()
}

/// Whether this is what a browser asks before it sends a request.
fn is_preflight(request: &Request) -> bool {
    request.head.method == Method::OPTIONS && request.header("access-control-request-method").is_some()
}

/// Allows what `allowed` answers for an origin and the list; that is not asked while the list is empty.
fn policy(name: &'static str, breaks: &'static str, allowed: fn(&str, &str) -> Option<String>) -> Sabotage {
    wrong(name, TRIPS, breaks).response(
        |request| request.header("origin").is_some() && !listed().is_empty(),
        move |request, response| {
            let allowed = allowed(request.header("origin").unwrap_or_default(), &listed());
            set(response, allowed);
        },
    )
}

fn set(response: &mut Response, allowed: Option<String>) {
    match allowed {
        Some(origin) => response.set_header(ALLOWED, &origin),
        None => response.remove_header(ALLOWED),
    }
}

/// A policy that allows an origin when it compares well with one of the list.
fn compared(name: &'static str, breaks: &'static str, is_like: fn(&str, &str) -> bool) -> Sabotage {
    wrong(name, TRIPS, breaks).response(
        |request| request.header("origin").is_some(),
        move |request, response| {
            let origin = request.header("origin").unwrap_or_default();
            let is_allowed = listed().split(',').filter(|one| !one.is_empty()).any(|one| is_like(origin, one.trim()));
            set(response, is_allowed.then(|| origin.to_owned()));
        },
    )
}

/// The host of an origin, without scheme and port.
fn host(origin: &str) -> &str {
    let rest = origin.split_once("://").map_or(origin, |(_, rest)| rest);
    rest.split(':').next().unwrap_or(rest)
}

fn comparisons() -> Vec<Sabotage> {
    let same = |origin: &str, one: &str| origin == one;
    vec![
        policy("cors-allows-a-star", "Every origin is allowed, by a star.", |_, _| Some("*".into())),
        policy("cors-allows-everybody", "Every origin is allowed, by its name.", |origin, _| Some(origin.into())),
        policy("cors-allows-nobody", "No origin is allowed.", |_, _| None),
        policy("cors-allows-a-list", "The whole list stands in Access-Control-Allow-Origin.", |_, all| Some(all.into())),
        policy("cors-allows-the-first", "Only the first origin of the list is allowed.", |origin, all| {
            all.split(',').next().filter(|first| *first == origin).map(str::to_owned)
        }),
        policy("cors-always-names-the-first", "Access-Control-Allow-Origin is the first of the list, whoever asks.", |_, all| {
            all.split(',').next().map(str::to_owned)
        }),
        policy("cors-searches-the-list", "An origin is allowed when the text of the list has it inside.", |origin, all| {
            all.contains(origin).then(|| origin.to_owned())
        }),
        policy("cors-allows-null", "The origin null is allowed.", |origin, all| {
            (origin == "null" || all.split(',').any(|one| one == origin)).then(|| origin.to_owned())
        }),
        compared("cors-compares-beginnings", "An origin is allowed that begins with one of the list.", |origin, one| {
            origin.starts_with(one)
        }),
        compared("cors-compares-ends", "An origin is allowed whose host ends with one of the list.", |origin, one| {
            origin.starts_with("https://") && !origin.trim_start_matches("https://").contains(':') && origin.ends_with(host(one))
        }),
        compared("cors-ignores-the-scheme", "An origin of the list is allowed without https too.", |origin, one| {
            origin.split_once("://").map(|(_, rest)| rest) == one.split_once("://").map(|(_, rest)| rest)
        }),
        compared("cors-ignores-the-port", "An origin of the list is allowed with any port.", |origin, one| {
            origin.starts_with("https://") && host(origin) == host(one)
        }),
        compared(
            "cors-takes-dots-for-anything",
            "An origin of the list is an expression, in which a dot is any character.",
            |origin, one| origin.len() == one.len() && origin.bytes().zip(one.bytes()).all(|(a, b)| a == b || b == b'.'),
        ),
        wrong("cors-is-open-by-default", TRIPS, "Every origin is allowed where none is listed.").response(
            |request| request.header("origin").is_some() && listed().is_empty(),
            |_, response| response.set_header(ALLOWED, "*"),
        ),
        compared("cors-is-for-docs", "Only /docs may be read by pages of listed origins.", same).response(
            |request| request.path() != "/docs" && !is_preflight(request),
            |_, response| response.remove_header(ALLOWED),
        ),
    ]
}

fn preflights() -> Vec<Sabotage> {
    let answered = |name, breaks, status: u16| {
        wrong(name, TRIPS, breaks).response(is_preflight, move |_, response| response.set_problem(status, "This is not allowed."))
    };
    let without = |name, breaks, field: &'static str, item: &'static str| {
        wrong(name, TRIPS, breaks).response(is_preflight, move |_, response| {
            let list = response.header(field).unwrap_or_default();
            let rest: Vec<_> = list.split(',').map(str::trim).filter(|one| !one.eq_ignore_ascii_case(item)).collect();
            let rest = rest.join(",");
            response.set_header(field, &rest);
        })
    };
    let removed = |name, breaks, field: &'static str| {
        wrong(name, TRIPS, breaks).response(is_preflight, move |_, response| response.remove_header(field))
    };
    vec![
        answered("preflight-needs-a-token", "A preflight without a token answers 401.", 401),
        answered("preflight-answers-404", "A preflight answers 404.", 404),
        answered("preflight-answers-405", "A preflight answers 405.", 405),
        answered("preflight-answers-500", "A preflight answers 500.", 500),
        wrong("preflight-of-a-habit-answers-404", TRIPS, "A preflight for one habit answers 404.").response(
            |request| is_preflight(request) && request.id().is_some(),
            |_, response| response.set_problem(404, "There is no such habit."),
        ),
        without("preflight-allows-no-patch", "PATCH is not allowed to listed origins.", METHODS, "PATCH"),
        without("preflight-allows-no-delete", "DELETE is not allowed to listed origins.", METHODS, "DELETE"),
        without("preflight-allows-no-put", "PUT is not allowed to listed origins.", METHODS, "PUT"),
        without("preflight-allows-no-token", "Authorization is not allowed to listed origins.", HEADERS, "authorization"),
        without("preflight-allows-no-json", "Content-Type is not allowed to listed origins.", HEADERS, "content-type"),
        removed("preflight-names-no-methods", "A preflight has no Access-Control-Allow-Methods.", METHODS),
        removed("preflight-names-no-headers", "A preflight has no Access-Control-Allow-Headers.", HEADERS),
        removed("preflight-names-no-origin", "A preflight has no Access-Control-Allow-Origin.", ALLOWED),
        wrong("preflight-allows-a-star-of-headers", TRIPS, "A star stands for all headers, which leaves Authorization out.")
            .response(is_preflight, |_, response| response.set_header(HEADERS, "*")),
        wrong("preflight-allows-everybody", TRIPS, "Preflights of all origins are allowed.").response(
            |request| is_preflight(request) && !listed().is_empty(),
            |request, response| response.set_header(ALLOWED, request.header("origin").unwrap_or_default()),
        ),
    ]
}

fn responses() -> Vec<Sabotage> {
    let closed = |name, breaks, when: fn(&Request, &Response) -> bool| {
        wrong(name, TRIPS, breaks).response(any, move |request, response| {
            if !is_preflight(request) && when(request, response) {
                response.remove_header(ALLOWED);
            }
        })
    };
    vec![
        closed("cors-is-for-preflights", "Preflights are answered, and answers may not be read.", |_, _| true),
        closed("cors-is-not-for-errors", "Errors may not be read by pages of listed origins.", |_, response| {
            !response.is_success()
        }),
        closed("cors-is-not-for-users", "Answers to a token may not be read by pages of listed origins.", |request, _| {
            request.header("authorization").is_some()
        }),
    ]
}
