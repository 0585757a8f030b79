//! A rate limit of the saboteur's own, in the place of the right server's.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::http::{Request, Response};
use crate::sabotage::{Sabotage, wrong};

/// How requests are counted. What a sabotage leaves as it is, is right.
pub struct Rules {
    /// How many a client may send, given what `RATE_LIMIT_PER_MINUTE` says; `None` is no limit.
    pub most: fn(usize) -> Option<usize>,
    /// In what time.
    pub time: Duration,
    /// Which requests are counted and limited.
    pub what: fn(&Request) -> bool,
    /// Who has sent one.
    pub client: fn(&Request) -> String,
    /// Which answers count.
    pub counts: fn(&Response) -> bool,
    /// Whether a client that is over the limit stays so for as long as the server runs.
    pub is_forever: bool,
    /// How it is refused, given for how many seconds.
    pub refuse: fn(&mut Response, u64),
}

impl Rules {
    /// A window of a minute that moves along.
    pub fn right() -> Self {
        Rules {
            most: |limit| (limit > 0).then_some(limit),
            time: Duration::from_secs(60),
            what: below_auth,
            client: |request| request.peer.ip().to_string(),
            counts: |_| true,
            is_forever: false,
            refuse: too_many,
        }
    }
}

/// Whether a request is below `/auth`.
pub fn below_auth(request: &Request) -> bool {
    request.path().starts_with("/auth/")
}

/// Becomes a right 429.
pub fn too_many(response: &mut Response, seconds: u64) {
    response.set_problem(429, "Too many requests.");
    response.set_header("retry-after", &seconds.to_string());
}

/// Limits by these rules alone.
pub fn limited(name: &'static str, trips: &'static [&'static str], breaks: &'static str, rules: Rules) -> Sabotage {
    let most = limit().and_then(rules.most);
    let clients: RefCell<HashMap<String, Vec<Instant>>> = RefCell::default();
    let what = rules.what;
    wrong(name, trips, breaks).startup(|startup| startup.variables.push(("RATE_LIMIT_PER_MINUTE", "0".into()))).instead(
        move |request| most.is_some() && what(request),
        async move |request, upstream| {
            let client = (rules.client)(&request);
            let now = Instant::now();
            let oldest = {
                let mut clients = clients.borrow_mut();
                let times = clients.entry(client.clone()).or_default();
                if !rules.is_forever {
                    times.retain(|time| now.duration_since(*time) < rules.time);
                }
                let is_over = most.is_some_and(|most| times.len() >= most);
                is_over.then(|| times.first().copied().unwrap_or(now))
            };
            if let Some(oldest) = oldest {
                let mut response = upstream.problem(&request, 429, "Too many requests.").await?;
                let wait = rules.time.saturating_sub(now.duration_since(oldest)).as_secs() + 1;
                (rules.refuse)(&mut response, wait.min(60));
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

/// What `RATE_LIMIT_PER_MINUTE` says, where it says anything.
fn limit() -> Option<usize> {
    std::env::var("RATE_LIMIT_PER_MINUTE").ok()?.parse().ok()
}
