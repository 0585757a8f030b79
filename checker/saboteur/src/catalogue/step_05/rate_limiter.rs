//! The saboteur's own rate limit, which replaces the upstream server's.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::http::{Request, Response};
use crate::sabotage::{Sabotage, wrong};

/// How requests are counted. A sabotage changes a part of [`Rules::correct`].
pub struct Rules {
    /// The maximum number of requests of a client, given `RATE_LIMIT_PER_MINUTE`; `None` means no limit.
    pub max: fn(usize) -> Option<usize>,
    /// The time in which they are counted.
    pub window: Duration,
    /// Which requests are counted and limited.
    pub is_limited: fn(&Request) -> bool,
    /// The client that a request counts for.
    pub client: fn(&Request) -> String,
    /// Which responses count.
    pub counts: fn(&Response) -> bool,
    /// Changes the response to a request over the limit, given the seconds until the next one is allowed.
    pub reject: fn(&mut Response, u64),
}

impl Rules {
    /// A sliding window of a minute.
    pub fn correct() -> Self {
        Rules {
            max: |limit| (limit > 0).then_some(limit),
            window: Duration::from_secs(60),
            is_limited: below_auth,
            client: |request| request.peer.ip().to_string(),
            counts: |_| true,
            reject: set_429,
        }
    }
}

/// Whether a request is below `/auth`.
pub fn below_auth(request: &Request) -> bool {
    request.path().starts_with("/auth/")
}

/// Turns a response into a correct 429.
pub fn set_429(response: &mut Response, seconds: u64) {
    response.set_problem(429, "Too many requests.");
    response.set_header("retry-after", &seconds.to_string());
}

/// Limits requests by these rules only.
pub fn limit_by(name: &'static str, trips: &'static [&'static str], breaks: &'static str, rules: Rules) -> Sabotage {
    let max = configured_limit().and_then(rules.max);
    let clients: RefCell<HashMap<String, Vec<Instant>>> = RefCell::default();
    let is_limited = rules.is_limited;
    wrong(name, trips, breaks).startup(|startup| startup.variables.push(("RATE_LIMIT_PER_MINUTE", "0".into()))).instead(
        move |request| max.is_some() && is_limited(request),
        async move |request, upstream| {
            let client = (rules.client)(&request);
            let now = Instant::now();
            let oldest = {
                let mut clients = clients.borrow_mut();
                let times = clients.entry(client.clone()).or_default();
                times.retain(|time| now.duration_since(*time) < rules.window);
                let is_over = max.is_some_and(|max| times.len() >= max);
                is_over.then(|| times.first().copied().unwrap_or(now))
            };
            if let Some(oldest) = oldest {
                let mut response = upstream.problem(&request, 429, "Too many requests.").await?;
                let wait = rules.window.saturating_sub(now.duration_since(oldest)).as_secs() + 1;
                (rules.reject)(&mut response, wait.min(60));
                return Ok(response);
            }
            let response = upstream.send(request).await?;
            if (rules.counts)(&response) {
                clients.borrow_mut().entry(client).or_default().push(now);
            }
            Ok(response)
        },
    )
}

/// `RATE_LIMIT_PER_MINUTE`, if it is a number.
fn configured_limit() -> Option<usize> {
    std::env::var("RATE_LIMIT_PER_MINUTE").ok()?.parse().ok()
}
