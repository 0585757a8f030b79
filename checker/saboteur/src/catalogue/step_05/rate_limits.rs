//! Wrong rate limits.

use std::time::Duration;

use super::rate_limiter::{Rules, below_auth, limit_by, set_429};
use crate::api::routes::{logs_in, signs_up};
use crate::clock;
use crate::http::{Request, Response};
use crate::sabotage::Sabotage;

const LIMIT: &[&str] = &["5.rate-limit"];
const CLIENTS: &[&str] = &["5.rate-limit-clients"];

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [counts(), rejections(), clients()].into_iter().flatten().collect()
}

fn counts() -> Vec<Sabotage> {
    let rule = |name, breaks, rules| limit_by(name, LIMIT, breaks, rules);
    let max = |name, breaks, max| rule(name, breaks, Rules { max, ..Rules::correct() });
    let only = |name, breaks, is_limited| rule(name, breaks, Rules { is_limited, ..Rules::correct() });
    let second = Duration::from_secs(1);
    vec![
        max("rate-is-not-limited", "RATE_LIMIT_PER_MINUTE is ignored: there is no limit.", |_| None),
        max("rate-is-one-too-low", "The limit is one request too low.", |limit| limit.checked_sub(1)),
        max("rate-is-one-too-high", "The limit is one request too high.", |limit| (limit > 0).then_some(limit + 1)),
        max("rate-is-doubled", "The limit is twice as high as it should be.", |limit| (limit > 0).then_some(2 * limit)),
        max("rate-of-0-is-none", "A RATE_LIMIT_PER_MINUTE of 0 rejects every request.", Some),
        rule(
            "rate-is-per-second",
            "RATE_LIMIT_PER_MINUTE limits the requests per second.",
            Rules { window: second, ..Rules::correct() },
        ),
        rule(
            "rate-counts-successes",
            "Only successful requests are counted.",
            Rules { counts: |response| response.is_success(), ..Rules::correct() },
        ),
        only("rate-is-for-logins", "Only logins are limited.", logs_in),
        only("rate-is-for-signups", "Only signups are limited.", signs_up),
        only("rate-is-not-for-version-1", "The routes below /v1 are not limited.", |request| {
            request.head.uri.path().starts_with("/auth/")
        }),
        only("rate-is-for-everything", "Every route is limited.", |_| true),
        only("rate-is-for-habits", "The routes below /habits are limited, too.", |request| {
            below_auth(request) || request.path().starts_with("/habits")
        }),
    ]
}

fn rejections() -> Vec<Sabotage> {
    let change_429 =
        |name, breaks, reject: fn(&mut Response, u64)| limit_by(name, LIMIT, breaks, Rules { reject, ..Rules::correct() });
    vec![
        change_429("limited-answers-503", "A client over its limit gets 503.", |response, _| {
            response.set_problem(503, "Try again later.");
            response.set_header("retry-after", "12");
        }),
        change_429("limited-answers-403", "A client over its limit gets 403.", |response, _| {
            response.set_problem(403, "Too many requests.")
        }),
        change_429("limited-answers-401", "A client over its limit gets 401 for a wrong password.", |response, _| {
            response.set_problem(401, "Wrong e-mail address or password.")
        }),
        change_429("limited-is-no-problem", "A 429 is not problem details.", |response, seconds| {
            set_429(response, seconds);
            response.set_body("text/plain; charset=utf-8", "Too Many Requests! Wait for 12s");
        }),
        change_429("limited-has-no-end", "A 429 has no Retry-After.", |response, seconds| {
            set_429(response, seconds);
            response.remove_header("retry-after");
        }),
        change_429("limited-ends-at-once", "The Retry-After of a 429 is 0.", |response, _| set_429(response, 0)),
        change_429("limited-ends-in-an-hour", "The Retry-After of a 429 is an hour.", |response, _| set_429(response, 3600)),
        change_429("limited-ends-in-milliseconds", "The Retry-After of a 429 is in milliseconds.", |response, seconds| {
            set_429(response, 1000 * seconds)
        }),
        change_429("limited-ends-soon", "The Retry-After of a 429 is a word.", |response, seconds| {
            set_429(response, seconds);
            response.set_header("retry-after", "soon");
        }),
        change_429("limited-ends-in-parts-of-a-second", "The Retry-After of a 429 has a fraction.", |response, seconds| {
            set_429(response, seconds);
            response.set_header("retry-after", &format!("{seconds}.5"));
        }),
        change_429("limited-ends-with-a-unit", "The Retry-After of a 429 has a unit.", |response, seconds| {
            set_429(response, seconds);
            response.set_header("retry-after", &format!("{seconds}s"));
        }),
        change_429("limited-ends-at-a-time-stamp", "The Retry-After of a 429 is an RFC 3339 timestamp.", |response, seconds| {
            set_429(response, seconds);
            response.set_header("retry-after", &clock::now());
        }),
        change_429("limited-ended-long-ago", "The Retry-After of a 429 is a date in the past.", |response, seconds| {
            set_429(response, seconds);
            response.set_header("retry-after", "Fri, 31 Dec 1999 23:59:59 GMT");
        }),
    ]
}

fn clients() -> Vec<Sabotage> {
    let by = |name, breaks, client| limit_by(name, CLIENTS, breaks, Rules { client, ..Rules::correct() });
    let unlimited = |name, breaks, client| limit_by(name, LIMIT, breaks, Rules { client, ..Rules::correct() });
    vec![
        by("forwarded-clients-are-believed", "Clients are identified by the first address in X-Forwarded-For.", |request| {
            header_or_address(request, "x-forwarded-for").split(',').next().unwrap_or_default().trim().to_owned()
        }),
        by("last-forwarded-clients-are-believed", "Clients are identified by the last address in X-Forwarded-For.", |request| {
            header_or_address(request, "x-forwarded-for").rsplit(',').next().unwrap_or_default().trim().to_owned()
        }),
        by("real-addresses-are-believed", "Clients are identified by X-Real-IP.", |request| {
            header_or_address(request, "x-real-ip")
        }),
        by("forwarded-is-believed", "Clients are identified by Forwarded.", |request| header_or_address(request, "forwarded")),
        by("forwarded-fields-part-a-client", "Clients are identified by their address and X-Forwarded-For.", |request| {
            format!("{}{}", request.peer.ip(), request.header("x-forwarded-for").unwrap_or_default())
        }),
        by("clients-share-a-limit", "All clients share one limit.", |_| String::new()),
        by("networks-share-a-limit", "All clients of a network share one limit.", |request| {
            let address = request.peer.ip().to_string();
            address.rsplit_once('.').map_or(address.clone(), |(network, _)| network.to_owned())
        }),
        unlimited("connections-have-limits", "Each connection has a limit of its own.", |request| request.peer.to_string()),
        unlimited("addresses-have-limits", "Each e-mail address has a limit of its own.", |request| {
            request.field("email").unwrap_or_default().to_string()
        }),
    ]
}

/// A header, or the address of the client if it is missing.
fn header_or_address(request: &Request, name: &str) -> String {
    request.header(name).map_or_else(|| request.peer.ip().to_string(), str::to_owned)
}
