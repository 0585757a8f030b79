//! Origins that are allowed although they should not be, and the other way round.

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

/// The list of allowed origins; empty if none is configured.
fn allowed_origins() -> String {
    std::env::var("CORS_ALLOWED_ORIGINS").unwrap_or_default()
}

/// Whether a request is a CORS preflight.
fn is_preflight(request: &Request) -> bool {
    request.head.method == Method::OPTIONS && request.header("access-control-request-method").is_some()
}

/// Allows what `allowed` returns for an origin and the list, unless the list is empty.
fn policy(name: &'static str, breaks: &'static str, allowed: fn(&str, &str) -> Option<String>) -> Sabotage {
    wrong(name, TRIPS, breaks).response(
        |request| request.header("origin").is_some() && !allowed_origins().is_empty(),
        move |request, response| {
            let allowed = allowed(request.header("origin").unwrap_or_default(), &allowed_origins());
            set_allowed(response, allowed);
        },
    )
}

fn set_allowed(response: &mut Response, allowed: Option<String>) {
    match allowed {
        Some(origin) => response.set_header(ALLOWED, &origin),
        None => response.remove_header(ALLOWED),
    }
}

/// Allows an origin if it matches one of the list.
fn compare(name: &'static str, breaks: &'static str, is_like: fn(&str, &str) -> bool) -> Sabotage {
    wrong(name, TRIPS, breaks).response(
        |request| request.header("origin").is_some(),
        move |request, response| {
            let origin = request.header("origin").unwrap_or_default();
            let is_allowed = allowed_origins().split(',').filter(|one| !one.is_empty()).any(|one| is_like(origin, one.trim()));
            set_allowed(response, is_allowed.then(|| origin.to_owned()));
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
        policy("cors-allows-a-star", "Every origin is allowed, with *.", |_, _| Some("*".into())),
        policy("cors-allows-everybody", "Every origin is allowed by echoing it.", |origin, _| Some(origin.into())),
        policy("cors-allows-nobody", "No origin is allowed.", |_, _| None),
        policy("cors-allows-a-list", "Access-Control-Allow-Origin contains the whole list.", |_, all| Some(all.into())),
        policy("cors-allows-the-first", "Only the first origin of the list is allowed.", |origin, all| {
            all.split(',').next().filter(|first| *first == origin).map(str::to_owned)
        }),
        policy("cors-always-names-the-first", "Access-Control-Allow-Origin is always the first origin of the list.", |_, all| {
            all.split(',').next().map(str::to_owned)
        }),
        policy("cors-searches-the-list", "An origin is allowed if it is a substring of the list.", |origin, all| {
            all.contains(origin).then(|| origin.to_owned())
        }),
        policy("cors-allows-null", "The origin null is allowed.", |origin, all| {
            (origin == "null" || all.split(',').any(|one| one == origin)).then(|| origin.to_owned())
        }),
        compare("cors-compares-beginnings", "An origin is allowed if it begins with a listed one.", |origin, one| {
            origin.starts_with(one)
        }),
        compare("cors-compares-ends", "An origin is allowed if its host ends with a listed one.", |origin, one| {
            origin.starts_with("https://") && !origin.trim_start_matches("https://").contains(':') && origin.ends_with(host(one))
        }),
        compare("cors-ignores-the-scheme", "A listed origin is also allowed with http.", |origin, one| {
            origin.split_once("://").map(|(_, rest)| rest) == one.split_once("://").map(|(_, rest)| rest)
        }),
        compare("cors-ignores-the-port", "A listed origin is allowed with any port.", |origin, one| {
            origin.starts_with("https://") && host(origin) == host(one)
        }),
        compare(
            "cors-takes-dots-for-anything",
            "A listed origin is a regular expression in which a dot matches any character.",
            |origin, one| origin.len() == one.len() && origin.bytes().zip(one.bytes()).all(|(a, b)| a == b || b == b'.'),
        ),
        wrong("cors-is-open-by-default", TRIPS, "Every origin is allowed if none is listed.").response(
            |request| request.header("origin").is_some() && allowed_origins().is_empty(),
            |_, response| response.set_header(ALLOWED, "*"),
        ),
        compare("cors-is-for-docs", "Listed origins may read only /docs.", same).response(
            |request| request.path() != "/docs" && !is_preflight(request),
            |_, response| response.remove_header(ALLOWED),
        ),
    ]
}

fn preflights() -> Vec<Sabotage> {
    let answer = |name, breaks, status: u16| {
        wrong(name, TRIPS, breaks).response(is_preflight, move |_, response| response.set_problem(status, "This is not allowed."))
    };
    let drop_item = |name, breaks, field: &'static str, item: &'static str| {
        wrong(name, TRIPS, breaks).response(is_preflight, move |_, response| {
            let list = response.header(field).unwrap_or_default();
            let rest: Vec<_> = list.split(',').map(str::trim).filter(|one| !one.eq_ignore_ascii_case(item)).collect();
            let rest = rest.join(",");
            response.set_header(field, &rest);
        })
    };
    let remove = |name, breaks, field: &'static str| {
        wrong(name, TRIPS, breaks).response(is_preflight, move |_, response| response.remove_header(field))
    };
    vec![
        answer("preflight-needs-a-token", "A preflight without a token answers 401.", 401),
        answer("preflight-answers-404", "A preflight answers 404.", 404),
        answer("preflight-answers-405", "A preflight answers 405.", 405),
        answer("preflight-answers-500", "A preflight answers 500.", 500),
        wrong("preflight-of-a-habit-answers-404", TRIPS, "A preflight for /habits/{id} answers 404.").response(
            |request| is_preflight(request) && request.id().is_some(),
            |_, response| response.set_problem(404, "There is no such habit."),
        ),
        drop_item("preflight-allows-no-patch", "Preflights do not allow PATCH.", METHODS, "PATCH"),
        drop_item("preflight-allows-no-delete", "Preflights do not allow DELETE.", METHODS, "DELETE"),
        drop_item("preflight-allows-no-put", "Preflights do not allow PUT.", METHODS, "PUT"),
        drop_item("preflight-allows-no-token", "Preflights do not allow Authorization.", HEADERS, "authorization"),
        drop_item("preflight-allows-no-json", "Preflights do not allow Content-Type.", HEADERS, "content-type"),
        remove("preflight-names-no-methods", "Preflights have no Access-Control-Allow-Methods.", METHODS),
        remove("preflight-names-no-headers", "Preflights have no Access-Control-Allow-Headers.", HEADERS),
        remove("preflight-names-no-origin", "Preflights have no Access-Control-Allow-Origin.", ALLOWED),
        wrong(
            "preflight-allows-a-star-of-headers",
            TRIPS,
            "Access-Control-Allow-Headers is *, which does not cover Authorization.",
        )
        .response(is_preflight, |_, response| response.set_header(HEADERS, "*")),
        wrong("preflight-allows-everybody", TRIPS, "Preflights allow every origin.").response(
            |request| is_preflight(request) && !allowed_origins().is_empty(),
            |request, response| response.set_header(ALLOWED, request.header("origin").unwrap_or_default()),
        ),
    ]
}

fn responses() -> Vec<Sabotage> {
    let drop_allowed = |name, breaks, when: fn(&Request, &Response) -> bool| {
        wrong(name, TRIPS, breaks).response(any, move |request, response| {
            if !is_preflight(request) && when(request, response) {
                response.remove_header(ALLOWED);
            }
        })
    };
    vec![
        drop_allowed("cors-is-for-preflights", "Only preflights have Access-Control-Allow-Origin.", |_, _| true),
        drop_allowed("cors-is-not-for-errors", "Error responses have no Access-Control-Allow-Origin.", |_, response| {
            !response.is_success()
        }),
        drop_allowed(
            "cors-is-not-for-users",
            "Responses to requests with a token have no Access-Control-Allow-Origin.",
            |request, _| request.header("authorization").is_some(),
        ),
    ]
}
