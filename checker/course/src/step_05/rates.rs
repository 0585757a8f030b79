//! The stretch checks of rate limiting, which protects logins from brute-force attacks.

use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use harness::api::{Api, ExtraServer};
use harness::check::{Check, check};
use harness::problem::expect_problem;
use model::{Outcome, Request, Stop};
use probe::Response;

/// The rate limit of the servers here, in requests per minute and client.
const LIMIT: usize = 5;
/// A number of requests that exceeds the limit even if a new minute starts in between.
const OVER_LIMIT: usize = 2 * LIMIT + 1;
/// The maximum of `Retry-After`, in seconds.
const MINUTE: u64 = 60;
/// A pause that must not reset a limit per minute.
const PAUSE: Duration = Duration::from_millis(1200);

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("5.rate-limit", "Logins beyond RATE_LIMIT_PER_MINUTE are rejected with 429 and Retry-After")
            .stretch()
            .book("rate-limits")
            .hints(&[
                "Use a token bucket: its capacity is the limit, and it is refilled with one token every 60 / limit seconds.",
                "Wrap the router of `/auth` in a rate limiting layer, so that it rejects a request before any password is hashed. `Retry-After` is in seconds.",
            ])
            .proof(async |api| {
                let first = start_limited(api).await?;
                let (mut server, mut flood) = (&first, Flood::send(&first.api).await?);
                let second;
                if flood.exceeds_limit() {
                    // A new minute may have started during the flood. The next start is far away.
                    second = start_limited(api).await?;
                    (server, flood) = (&second, Flood::send(&second.api).await?);
                }
                let rejected = flood.expect_limited()?;
                expect_problem(rejected, 429)?;
                expect_retry_after(rejected)?;
                let anonymous = server.api.anonymous();
                let other = anonymous.get("/habits").await?;
                if other.code() == 429 {
                    return Err(other.fail("a rate limit on /auth only", "status 429"));
                }
                let sign_up = || json!({ "email": api.email(), "password": api.data.token(12) });
                until_limited(async || anonymous.post("/auth/signup", sign_up()).await).await?.status(429)?;
                if has_v1(&anonymous).await? {
                    until_limited(async || anonymous.post("/v1/auth/login", sign_up()).await).await?.status(429)?;
                }
                let unlimited = api.start_instance(&[("RATE_LIMIT_PER_MINUTE", "0")]).await?;
                log_in(&unlimited.api, &[]).await?.status([400, 401])?;
                Ok(())
            }),
        check("5.rate-limit-clients", "Requests are counted per client address, and X-Forwarded-For is not trusted")
            .stretch()
            .needs(&["5.rate-limit"])
            .book("rate-limits")
            .hints(&[
                "Identify a client by the peer address of its connection. Anyone can forge a header (header spoofing).",
                "`into_make_service_with_connect_info::<SocketAddr>()` provides the peer address to the `ConnectInfo` extractor. Count by `peer.ip()`.",
            ])
            .proof(async |api| {
                let server = start_limited(api).await?;
                let [first, second, third] = [2, 3, 4].map(|last| IpAddr::from(Ipv4Addr::new(127, 0, 0, last)));
                let first = server.api.sending_from(first).await?;
                let second = server.api.sending_from(second).await?;
                let third = server.api.sending_from(third).await?;
                until_limited(async || log_in(&first, &[]).await).await?.status(429)?;
                // The limit does not affect other clients, whatever header they send.
                log_in(&second, &[]).await?.status([400, 401])?;
                log_in(&third, &[("x-forwarded-for", "127.0.0.2")]).await?.status([400, 401])?;
                for field in ["x-forwarded-for", "x-real-ip", "forwarded"] {
                    let changing = |number: usize| match field {
                        "forwarded" => format!("for=203.0.113.{number}"),
                        _ => format!("203.0.113.{number}"),
                    };
                    expect_not_trusted(&first, field, changing).await?;
                }
                Ok(())
            }),
    ]
}

async fn start_limited(api: &Api) -> Outcome<ExtraServer> {
    api.start_instance(&[("RATE_LIMIT_PER_MINUTE", &LIMIT.to_string())]).await
}

/// A login of an unknown user.
async fn log_in(api: &Api, headers: &[(&str, &str)]) -> Outcome<Response> {
    let login = json!({ "email": api.email(), "password": api.data.token(12) });
    let request = Request::new("POST", "/auth/login").json(&login);
    api.http.send(headers.iter().fold(request, |request, (name, value)| request.header(name, *value))).await
}

/// Sends requests until one is rejected, and returns the last response. Stops once the limit must be exceeded.
async fn until_limited(send: impl AsyncFn() -> Outcome<Response>) -> Outcome<Response> {
    for _ in 1..OVER_LIMIT {
        let response = send().await?;
        if response.code() == 429 {
            return Ok(response);
        }
    }
    send().await
}

/// Fails if a client over its limit gets through with a new value of this header in each request.
async fn expect_not_trusted(api: &Api, field: &str, value: impl Fn(usize) -> String) -> Outcome {
    let number = Cell::new(0);
    let next = async || {
        number.set(number.get() + 1);
        log_in(api, &[(field, &value(number.get()))]).await
    };
    until_limited(next).await?.status(429).map(drop)
}

/// Whether the API is also available under /v1.
async fn has_v1(anonymous: &Api) -> Outcome<bool> {
    Ok(anonymous.get("/v1/habits").await?.code() == 401)
}

/// The result of more logins than the limit allows.
struct Flood {
    accepted: usize,
    rejected: Option<Response>,
    last_accepted: Option<Response>,
    duration: Duration,
}

impl Flood {
    /// Logs in until a login is rejected, at most until the limit must be exceeded; and again after a pause.
    async fn send(api: &Api) -> Outcome<Flood> {
        let started = Instant::now();
        let mut flood = Flood { accepted: 0, rejected: None, last_accepted: None, duration: Duration::ZERO };
        for number in 1..=OVER_LIMIT {
            let response = log_in(api, &[]).await?;
            if response.code() == 429 && number <= LIMIT {
                return Err(response.fail(format!("{LIMIT} logins per minute without a 429"), "status 429 before that"));
            }
            flood.count(response);
            if flood.rejected.is_some() {
                break;
            }
        }
        tokio::time::sleep(PAUSE).await;
        for _ in 0..LIMIT {
            flood.count(log_in(api, &[]).await?);
        }
        flood.duration = started.elapsed();
        Ok(flood)
    }

    fn count(&mut self, response: Response) {
        if response.code() == 429 {
            self.rejected.get_or_insert(response);
        } else {
            self.accepted += 1;
            self.last_accepted = Some(response);
        }
    }

    /// The number of logins that a token bucket may accept, including refills.
    fn most(&self) -> usize {
        LIMIT + usize::try_from(self.duration.as_secs() * LIMIT as u64 / MINUTE).unwrap_or(LIMIT)
    }

    /// Whether the server accepted more logins than the limit allows.
    fn exceeds_limit(&self) -> bool {
        self.accepted > self.most()
    }

    /// The rejection, if the server enforced the limit.
    fn expect_limited(&self) -> Outcome<&Response> {
        match (&self.rejected, &self.last_accepted) {
            (Some(rejected), _) if !self.exceeds_limit() => Ok(rejected),
            (_, Some(last)) => {
                let (most, accepted) = (self.most(), self.accepted);
                let actual = format!(
                    "{accepted} logins in {:.0} s, the last one with status {}",
                    self.duration.as_secs_f32(),
                    last.code()
                );
                Err(last.fail(format!("at most {most} logins, and status 429 beyond that"), actual))
            }
            _ => Err(Stop::fail("responses to logins", "none")),
        }
    }
}

/// Fails unless `Retry-After` is within a minute, in seconds or as a date (RFC 9110, section 10.2.3).
fn expect_retry_after(response: &Response) -> Outcome {
    let after = response.header("retry-after").unwrap_or_default().trim();
    let seconds = after.parse::<u64>().is_ok_and(|seconds| (1..=MINUTE).contains(&seconds));
    let date = after.ends_with(" GMT")
        && OffsetDateTime::parse(after, &Rfc2822).is_ok_and(|date| {
            // The date has whole seconds, and the two clocks are read one after the other.
            let wait = (date - OffsetDateTime::now_utc()).whole_seconds();
            (-2..=62).contains(&wait)
        });
    match seconds || date {
        true => Ok(()),
        false => {
            let actual = format!("Retry-After: {after}");
            Err(response.fail("Retry-After: 1 to 60, the seconds until the next attempt", actual))
        }
    }
}
