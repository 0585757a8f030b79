//! The extra that keeps passwords from being guessed by the thousand.

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
use probe::Answer;

/// How many requests a minute the servers here take from one client.
const LIMIT: usize = 5;
/// After so many requests the limit is over even where a new minute has begun meanwhile.
const SURELY_OVER: usize = 2 * LIMIT + 1;
/// The most seconds after which one may try again.
const MINUTE: u64 = 60;
/// A pause in which a limit must not end that is meant for a minute.
const PAUSE: Duration = Duration::from_millis(1200);

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("5.rate-limit", "More logins than RATE_LIMIT_PER_MINUTE are answered by 429 with Retry-After")
            .stretch()
            .book("rate-limits")
            .hints(&[
                "A token bucket: so many requests at once, and one more each 60 s divided by the limit.",
                "Wrap the router below `/auth` in the layer, before anything is hashed. `Retry-After` counts seconds.",
            ])
            .proof(async |api| {
                let first = limited(api).await?;
                let (mut server, mut flood) = (&first, Flood::of(&first.api).await?);
                let second;
                if flood.is_over() {
                    // A new minute may have begun meanwhile. The next one is far.
                    second = limited(api).await?;
                    (server, flood) = (&second, Flood::of(&second.api).await?);
                }
                let refused = flood.expect_limited()?;
                expect_problem(refused, 429)?;
                expect_retry_after(refused)?;
                let nobody = server.api.as_nobody();
                let other = nobody.get("/habits").await?;
                if other.code() == 429 {
                    return Err(other.fail("a limit on /auth alone", "status 429"));
                }
                let sign_up = || json!({ "email": api.email(), "password": api.data.token(12) });
                until_limited(async || nobody.post("/auth/signup", sign_up()).await).await?.status(429)?;
                if has_version_1(&nobody).await? {
                    until_limited(async || nobody.post("/v1/auth/login", sign_up()).await).await?.status(429)?;
                }
                let unlimited = api.start_instance(&[("RATE_LIMIT_PER_MINUTE", "0")]).await?;
                log_in(&unlimited.api, &[]).await?.status([400, 401])?;
                Ok(())
            }),
        check("5.rate-limit-clients", "Requests are counted per client address, and X-Forwarded-For changes nothing")
            .stretch()
            .needs(&["5.rate-limit"])
            .book("rate-limits")
            .hints(&[
                "Who one client is, the connection says: its peer address. A header is what somebody has typed.",
                "`into_make_service_with_connect_info::<SocketAddr>()` brings the address; `peer.ip()` of it is the key to count by.",
            ])
            .proof(async |api| {
                let server = limited(api).await?;
                let [first, second, third] = [2, 3, 4].map(|last| IpAddr::from(Ipv4Addr::new(127, 0, 0, last)));
                let first = server.api.sending_from(first).await?;
                let second = server.api.sending_from(second).await?;
                let third = server.api.sending_from(third).await?;
                until_limited(async || log_in(&first, &[]).await).await?.status(429)?;
                // Another client is not to blame, whatever it says of itself.
                log_in(&second, &[]).await?.status([400, 401])?;
                log_in(&third, &[("x-forwarded-for", "127.0.0.2")]).await?.status([400, 401])?;
                for field in ["x-forwarded-for", "x-real-ip", "forwarded"] {
                    let changing = |number: usize| match field {
                        "forwarded" => format!("for=203.0.113.{number}"),
                        _ => format!("203.0.113.{number}"),
                    };
                    expect_not_believed(&first, field, changing).await?;
                }
                Ok(())
            }),
    ]
}

async fn limited(api: &Api) -> Outcome<ExtraServer> {
    api.start_instance(&[("RATE_LIMIT_PER_MINUTE", &LIMIT.to_string())]).await
}

/// A login of nobody.
async fn log_in(api: &Api, headers: &[(&str, &str)]) -> Outcome<Answer> {
    let login = json!({ "email": api.email(), "password": api.data.token(12) });
    let request = Request::new("POST", "/auth/login").json(&login);
    api.http.send(headers.iter().fold(request, |request, (name, value)| request.header(name, *value))).await
}

/// Sends until that is refused, and a little longer than it has to be; what came last.
async fn until_limited(send: impl AsyncFn() -> Outcome<Answer>) -> Outcome<Answer> {
    for _ in 1..SURELY_OVER {
        let answer = send().await?;
        if answer.code() == 429 {
            return Ok(answer);
        }
    }
    send().await
}

/// Fails when a client that is over its limit gets on by another value of a field each time.
async fn expect_not_believed(api: &Api, field: &str, value: impl Fn(usize) -> String) -> Outcome {
    let number = Cell::new(0);
    let next = async || {
        number.set(number.get() + 1);
        log_in(api, &[(field, &value(number.get()))]).await
    };
    until_limited(next).await?.status(429).map(drop)
}

/// Whether the API answers under /v1 too.
async fn has_version_1(nobody: &Api) -> Outcome<bool> {
    Ok(nobody.get("/v1/habits").await?.code() == 401)
}

/// More logins than a client has.
struct Flood {
    admitted: usize,
    refused: Option<Answer>,
    last_admitted: Option<Answer>,
    time: Duration,
}

impl Flood {
    /// Logs in: as often as that is right, once too often for two minutes, and again after a pause.
    async fn of(api: &Api) -> Outcome<Flood> {
        let begun = Instant::now();
        let mut flood = Flood { admitted: 0, refused: None, last_admitted: None, time: Duration::ZERO };
        for number in 1..=SURELY_OVER {
            let answer = log_in(api, &[]).await?;
            if answer.code() == 429 && number <= LIMIT {
                return Err(answer.fail(format!("{LIMIT} logins a minute that are answered"), "status 429 before that"));
            }
            flood.count(answer);
            if flood.refused.is_some() {
                break;
            }
        }
        tokio::time::sleep(PAUSE).await;
        for _ in 0..LIMIT {
            flood.count(log_in(api, &[]).await?);
        }
        flood.time = begun.elapsed();
        Ok(flood)
    }

    fn count(&mut self, answer: Answer) {
        if answer.code() == 429 {
            self.refused.get_or_insert(answer);
        } else {
            self.admitted += 1;
            self.last_admitted = Some(answer);
        }
    }

    /// How many may be admitted: a bucket fills again, drop by drop.
    fn most(&self) -> usize {
        LIMIT + usize::try_from(self.time.as_secs() * LIMIT as u64 / MINUTE).unwrap_or(LIMIT)
    }

    /// Whether more were admitted than within one minute.
    fn is_over(&self) -> bool {
        self.admitted > self.most()
    }

    /// The refusal, if nothing was admitted that had to be refused.
    fn expect_limited(&self) -> Outcome<&Answer> {
        match (&self.refused, &self.last_admitted) {
            (Some(refused), _) if !self.is_over() => Ok(refused),
            (_, Some(last)) => {
                let (most, admitted) = (self.most(), self.admitted);
                let actual =
                    format!("{admitted} in {:.0} s, the last of them with status {}", self.time.as_secs_f32(), last.code());
                Err(last.fail(format!("at most {most} logins, and status 429 for more"), actual))
            }
            _ => Err(Stop::fail("answers to logins", "none")),
        }
    }
}

/// Fails unless the answer says when it may be tried again, in seconds or as a date (RFC 9110, section 10.2.3).
fn expect_retry_after(answer: &Answer) -> Outcome {
    let after = answer.header("retry-after").unwrap_or_default().trim();
    let seconds = after.parse::<u64>().is_ok_and(|seconds| (1..=MINUTE).contains(&seconds));
    let date = after.ends_with(" GMT")
        && OffsetDateTime::parse(after, &Rfc2822).is_ok_and(|date| {
            // Whole seconds, and clocks are read one after the other.
            let wait = (date - OffsetDateTime::now_utc()).whole_seconds();
            (-2..=62).contains(&wait)
        });
    match seconds || date {
        true => Ok(()),
        false => {
            let actual = format!("Retry-After: {after}");
            Err(answer.fail("Retry-After: seconds until it may be tried again, 1 to 60", actual))
        }
    }
}
