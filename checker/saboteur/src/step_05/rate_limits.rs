//! Wrong limits to how often one may try to get in.

use std::time::Duration;

use super::rate_limiter::{Rules, below_auth, limited, too_many};
use crate::api::routes::{logs_in, signs_up};
use crate::clock;
use crate::http::{Request, Response};
use crate::sabotage::Sabotage;

const LIMIT: &[&str] = &["5.rate-limit"];
const CLIENTS: &[&str] = &["5.rate-limit-clients"];

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [counts(), refusals(), clients()].into_iter().flatten().collect()
}

fn counts() -> Vec<Sabotage> {
    let rule = |name, breaks, rules| limited(name, LIMIT, breaks, rules);
    let most = |name, breaks, most| rule(name, breaks, Rules { most, ..Rules::right() });
    let what = |name, breaks, what| rule(name, breaks, Rules { what, ..Rules::right() });
    let second = Duration::from_secs(1);
    vec![
        most("rate-is-not-limited", "RATE_LIMIT_PER_MINUTE is not read.", |_| None),
        most("rate-is-one-too-low", "The last request that a minute has is refused.", |limit| limit.checked_sub(1)),
        most("rate-is-one-too-high", "A minute has one request more than it may.", |limit| (limit > 0).then_some(limit + 1)),
        most("rate-is-doubled", "A minute has twice as many requests as it may.", |limit| (limit > 0).then_some(2 * limit)),
        most("rate-of-0-is-none", "A RATE_LIMIT_PER_MINUTE of 0 lets nobody in.", Some),
        rule("rate-is-per-second", "RATE_LIMIT_PER_MINUTE is counted in each second.", Rules { time: second, ..Rules::right() }),
        rule(
            "rate-counts-successes",
            "Only logins that succeed are counted.",
            Rules { counts: |response| response.is_success(), ..Rules::right() },
        ),
        what("rate-is-for-logins", "Only logins are limited.", logs_in),
        what("rate-is-for-signups", "Only signups are limited.", signs_up),
        what("rate-is-not-for-version-1", "The routes below /v1 are not limited.", |request| {
            request.head.uri.path().starts_with("/auth/")
        }),
        what("rate-is-for-everything", "Every route is limited.", |_| true),
        what("rate-is-for-habits", "The routes below /habits are limited too.", |request| {
            below_auth(request) || request.path().starts_with("/habits")
        }),
    ]
}

fn refusals() -> Vec<Sabotage> {
    let told = |name, breaks, refuse: fn(&mut Response, u64)| limited(name, LIMIT, breaks, Rules { refuse, ..Rules::right() });
    vec![
        told("limited-answers-503", "A client over its limit gets 503.", |response, _| {
            response.set_problem(503, "Try again later.");
            response.set_header("retry-after", "12");
        }),
        told("limited-answers-403", "A client over its limit gets 403.", |response, _| {
            response.set_problem(403, "Too many requests.")
        }),
        told("limited-answers-401", "A client over its limit gets 401, as if the password were wrong.", |response, _| {
            response.set_problem(401, "Wrong e-mail address or password.")
        }),
        told("limited-is-no-problem", "A 429 is no problem details.", |response, seconds| {
            too_many(response, seconds);
            response.set_body("text/plain; charset=utf-8", "Too Many Requests! Wait for 12s");
        }),
        told("limited-has-no-end", "A 429 has no Retry-After.", |response, seconds| {
            too_many(response, seconds);
            response.remove_header("retry-after");
        }),
        told("limited-ends-at-once", "The Retry-After of a 429 is 0.", |response, _| too_many(response, 0)),
        told("limited-ends-in-an-hour", "The Retry-After of a 429 is an hour.", |response, _| too_many(response, 3600)),
        told("limited-ends-in-milliseconds", "The Retry-After of a 429 counts milliseconds.", |response, seconds| {
            too_many(response, 1000 * seconds)
        }),
        told("limited-ends-soon", "The Retry-After of a 429 is a word.", |response, seconds| {
            too_many(response, seconds);
            response.set_header("retry-after", "soon");
        }),
        told("limited-ends-in-parts-of-a-second", "The Retry-After of a 429 has a fraction.", |response, seconds| {
            too_many(response, seconds);
            response.set_header("retry-after", &format!("{seconds}.5"));
        }),
        told("limited-ends-with-a-unit", "The Retry-After of a 429 has a unit.", |response, seconds| {
            too_many(response, seconds);
            response.set_header("retry-after", &format!("{seconds}s"));
        }),
        told("limited-ends-at-a-time-stamp", "The Retry-After of a 429 is a moment as RFC 3339 has it.", |response, seconds| {
            too_many(response, seconds);
            response.set_header("retry-after", &clock::now());
        }),
        told("limited-ended-long-ago", "The Retry-After of a 429 is a date in the past.", |response, seconds| {
            too_many(response, seconds);
            response.set_header("retry-after", "Fri, 31 Dec 1999 23:59:59 GMT");
        }),
    ]
}

fn clients() -> Vec<Sabotage> {
    let by = |name, breaks, client| limited(name, CLIENTS, breaks, Rules { client, ..Rules::right() });
    let unlimited = |name, breaks, client| limited(name, LIMIT, breaks, Rules { client, ..Rules::right() });
    vec![
        by("forwarded-clients-are-believed", "Clients are told apart by the first address in X-Forwarded-For.", |request| {
            field(request, "x-forwarded-for").split(',').next().unwrap_or_default().trim().to_owned()
        }),
        by("last-forwarded-clients-are-believed", "Clients are told apart by the last address in X-Forwarded-For.", |request| {
            field(request, "x-forwarded-for").rsplit(',').next().unwrap_or_default().trim().to_owned()
        }),
        by("real-addresses-are-believed", "Clients are told apart by X-Real-IP.", |request| field(request, "x-real-ip")),
        by("forwarded-is-believed", "Clients are told apart by Forwarded.", |request| field(request, "forwarded")),
        by("forwarded-fields-part-a-client", "X-Forwarded-For makes another client of one.", |request| {
            format!("{}{}", request.peer.ip(), request.header("x-forwarded-for").unwrap_or_default())
        }),
        by("clients-share-a-limit", "All clients share one limit.", |_| String::new()),
        by("networks-share-a-limit", "The addresses of a network share one limit.", |request| {
            let address = request.peer.ip().to_string();
            address.rsplit_once('.').map_or(address.clone(), |(network, _)| network.to_owned())
        }),
        unlimited("connections-have-limits", "Each connection has a limit of its own.", |request| request.peer.to_string()),
        unlimited("addresses-have-limits", "Each e-mail address has a limit of its own.", |request| {
            request.field("email").unwrap_or_default().to_string()
        }),
    ]
}

/// A header; the address of the connection where it is missing.
fn field(request: &Request, name: &str) -> String {
    request.header(name).map_or_else(|| request.peer.ip().to_string(), str::to_owned)
}
