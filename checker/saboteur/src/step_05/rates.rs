//! Wrong limits to how often one may try to get in.

use std::time::Duration;

use super::limiter::{Rules, below_auth, limited, too_many};
use crate::message::{Answer, Request};
use crate::sabotage::Sabotage;
use crate::step_03::refuse;
use crate::step_04::{logs_in, signs_up};

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
            Rules { counts: |answer| answer.is_success(), ..Rules::right() },
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
    let told = |name, breaks, refuse: fn(&mut Answer, u64)| limited(name, LIMIT, breaks, Rules { refuse, ..Rules::right() });
    vec![
        told("limited-answers-503", "A client over its limit gets 503.", |answer, _| {
            refuse(answer, 503, "Try again later.");
            answer.set_header("retry-after", "12");
        }),
        told("limited-answers-403", "A client over its limit gets 403.", |answer, _| refuse(answer, 403, "Too many requests.")),
        told("limited-answers-401", "A client over its limit gets 401, as if the password were wrong.", |answer, _| {
            refuse(answer, 401, "Wrong e-mail address or password.")
        }),
        told("limited-is-no-problem", "A 429 is no problem details.", |answer, seconds| {
            too_many(answer, seconds);
            answer.set_body("text/plain; charset=utf-8", "Too Many Requests! Wait for 12s");
        }),
        told("limited-has-no-end", "A 429 has no Retry-After.", |answer, seconds| {
            too_many(answer, seconds);
            answer.remove_header("retry-after");
        }),
        told("limited-ends-at-once", "The Retry-After of a 429 is 0.", |answer, _| too_many(answer, 0)),
        told("limited-ends-in-an-hour", "The Retry-After of a 429 is an hour.", |answer, _| too_many(answer, 3600)),
        told("limited-ends-in-milliseconds", "The Retry-After of a 429 counts milliseconds.", |answer, seconds| {
            too_many(answer, 1000 * seconds)
        }),
        told("limited-ends-soon", "The Retry-After of a 429 is a word.", |answer, seconds| {
            too_many(answer, seconds);
            answer.set_header("retry-after", "soon");
        }),
        told("limited-ends-in-parts-of-a-second", "The Retry-After of a 429 has a fraction.", |answer, seconds| {
            too_many(answer, seconds);
            answer.set_header("retry-after", &format!("{seconds}.5"));
        }),
        told("limited-ends-with-a-unit", "The Retry-After of a 429 has a unit.", |answer, seconds| {
            too_many(answer, seconds);
            answer.set_header("retry-after", &format!("{seconds}s"));
        }),
        told("limited-ends-at-a-time-stamp", "The Retry-After of a 429 is a moment as RFC 3339 has it.", |answer, seconds| {
            too_many(answer, seconds);
            answer.set_header("retry-after", &crate::clock::now());
        }),
        told("limited-ended-long-ago", "The Retry-After of a 429 is a date in the past.", |answer, seconds| {
            too_many(answer, seconds);
            answer.set_header("retry-after", "Fri, 31 Dec 1999 23:59:59 GMT");
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
