//! How often one client may try to get in: who guesses passwords needs many tries.

// ANCHOR: rate_limit
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use utoipa_axum::router::OpenApiRouter;

use crate::AppState;
use crate::error::Error;

/// Clients to remember before those are forgotten who have not called for a while.
const CLIENTS_MAX: usize = 10_000;

/// Lets each client call `router` so many times in a minute. Whoever used that up may call once in
/// each part of a minute that goes by (generic cell rate algorithm). Without a number, nothing
/// changes.
pub fn around(
    router: OpenApiRouter<AppState>,
    per_minute: Option<NonZeroU32>,
) -> OpenApiRouter<AppState> {
    let Some(per_minute) = per_minute else {
        return router;
    };
    let limiter = RateLimiter::keyed(Quota::per_minute(per_minute));
    router.route_layer(from_fn_with_state(Arc::new(limiter), count))
}

/// Counts by the address that the connection comes from. A header such as `X-Forwarded-For` would
/// be whatever the client wants it to be.
async fn count(
    State(limiter): State<Arc<DefaultKeyedRateLimiter<IpAddr>>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Result<Response, Error> {
    if limiter.len() > CLIENTS_MAX {
        limiter.retain_recent();
    }
    limiter.check_key(&client(peer.ip())).map_err(|until| {
        Error::TooManyRequests(until.wait_time_from(DefaultClock::default().now()))
    })?;
    Ok(next.run(request).await)
}

/// The part of an address that a client cannot choose: of IPv6, everybody has the lower half.
fn client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        v4 => v4,
    }
}
// ANCHOR_END: rate_limit
//~ use std::num::NonZeroU32;
//~
//~ use utoipa_axum::router::OpenApiRouter;
//~
//~ use crate::AppState;
//~
//~ // TODO(rate_limit): (stretch) let each client address call so many times in a minute; then answer 429.
//~ /// The same router.
//~ pub fn around(
//~     router: OpenApiRouter<AppState>,
//~     _per_minute: Option<NonZeroU32>,
//~ ) -> OpenApiRouter<AppState> {
//~     router
//~ }

// ANCHOR: rate_limit_tests
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_one_client_can_have_count_as_one() {
        let same = |a: &str, b: &str| {
            let client_of = |text: &str| text.parse().map(client);
            client_of(a) == client_of(b)
        };
        assert!(same("2001:db8::1", "2001:db8::ffff:1"));
        assert!(!same("2001:db8::1", "2001:db8:0:1::1"));
        assert!(same("::ffff:192.0.2.1", "192.0.2.1"));
        assert!(!same("192.0.2.1", "192.0.2.2"));
    }
}
// ANCHOR_END: rate_limit_tests
//~!
