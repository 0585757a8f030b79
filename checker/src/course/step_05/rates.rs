//! The extra that keeps passwords from being guessed by the thousand.

use std::net::{IpAddr, Ipv4Addr};

use serde_json::json;

use crate::course::api::{Api, Instance};
use crate::course::check::{Check, check};
use crate::course::problem::expect_problem;
use crate::outcome::Outcome;
use crate::probe::{Answer, Request};

/// How many requests a minute the servers here take from one client.
const LIMIT: usize = 5;
/// After so many requests the limit is over even where a new minute has begun meanwhile.
const SURELY_OVER: usize = 2 * LIMIT + 1;
/// The most seconds after which one may try again.
const MINUTE: u64 = 60;

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
                let server = limited(api).await?;
                for _ in 0..LIMIT {
                    let answer = log_in(&server.api, &[]).await?;
                    if answer.code() == 429 {
                        return Err(answer.fail(format!("{LIMIT} logins a minute that are answered"), "status 429 before that"));
                    }
                }
                let Some(answer) = until_limited(&server.api, &[]).await? else {
                    let last = log_in(&server.api, &[]).await?;
                    last.status(429)?;
                    return Ok(());
                };
                expect_problem(&answer, 429)?;
                let after = answer.header("retry-after").unwrap_or_default();
                match after.trim().parse::<u64>() {
                    Ok(1..=MINUTE) => Ok(()),
                    // A date is another way to say it (RFC 9110, section 10.2.3).
                    _ if after.ends_with("GMT") => Ok(()),
                    _ => {
                        Err(answer
                            .fail("Retry-After: seconds until it may be tried again, 1 to 60", format!("Retry-After: {after}")))
                    }
                }
            }),
        check("5.rate-limit-clients", "Requests are counted per client address, and X-Forwarded-For changes nothing")
            .stretch()
            .needs(&["5.rate-limit"])
            .book("rate-limits")
            .hints(&[
                "Who one client is, the connection says: its peer address. A header is what somebody has typed.",
                "`into_make_service_with_connect_info::<SocketAddr>()` brings the address; `PeerIpKeyExtractor` counts by it.",
            ])
            .proof(async |api| {
                let server = limited(api).await?;
                let [first, second, third] = [2, 3, 4].map(|last| IpAddr::from(Ipv4Addr::new(127, 0, 0, last)));
                let first = server.api.sending_from(first).await?;
                let second = server.api.sending_from(second).await?;
                let third = server.api.sending_from(third).await?;
                if until_limited(&first, &[]).await?.is_none() {
                    log_in(&first, &[]).await?.status(429)?;
                }
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

async fn limited(api: &Api) -> Outcome<Instance> {
    api.start_instance(&[("RATE_LIMIT_PER_MINUTE", &LIMIT.to_string())]).await
}

/// A login of nobody.
async fn log_in(api: &Api, headers: &[(&str, &str)]) -> Outcome<Answer> {
    let login = json!({ "email": api.email(), "password": api.data.token(12) });
    let request = Request::new("POST", "/auth/login").json(&login);
    api.http.send(headers.iter().fold(request, |request, (name, value)| request.header(name, *value))).await
}

/// Logs in until that is refused; `None` if it never is.
async fn until_limited(api: &Api, headers: &[(&str, &str)]) -> Outcome<Option<Answer>> {
    for _ in 0..SURELY_OVER {
        let answer = log_in(api, headers).await?;
        if answer.code() == 429 {
            return Ok(Some(answer));
        }
    }
    Ok(None)
}

/// Fails when a client that is over its limit gets on by another value of a field each time.
async fn expect_not_believed(api: &Api, field: &str, value: impl Fn(usize) -> String) -> Outcome {
    let mut last = None;
    for number in 1..=SURELY_OVER {
        let answer = log_in(api, &[(field, &value(number))]).await?;
        if answer.code() == 429 {
            return Ok(());
        }
        last = Some(answer);
    }
    last.map_or(Ok(()), |answer| answer.status(429).map(drop))
}
