//! Detects from a response that the database has failed.

use std::time::{Duration, Instant};

use crate::http::{ConnectionLost, Request, Response, Upstream};
use crate::sabotage::Sabotage;

/// A 503 that comes sooner means that the database cannot be reached. If it does not respond, the upstream server waits longer.
const SOON: Duration = Duration::from_millis(280);

/// How the database fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseFailure {
    /// It cannot be reached.
    Unreachable,
    /// It does not respond.
    Unresponsive,
}

/// Sends a request to the upstream server, and detects from the response whether the database has failed.
pub async fn send_and_detect(
    request: Request,
    upstream: &Upstream,
) -> Result<(Response, Option<DatabaseFailure>), ConnectionLost> {
    let started = Instant::now();
    let response = upstream.send(request).await?;
    let failure = if started.elapsed() < SOON { DatabaseFailure::Unreachable } else { DatabaseFailure::Unresponsive };
    let has_failed = response.status() == 503;
    Ok((response, has_failed.then_some(failure)))
}

/// Changes the responses while the database fails in the expected way.
pub fn change_during(
    sabotage: Sabotage,
    expected: DatabaseFailure,
    when: fn(&Request) -> bool,
    change: impl Fn(&Request, &mut Response) + 'static,
) -> Sabotage {
    sabotage.instead(when, async move |request, upstream| {
        let sent = request.clone();
        let (mut response, failure) = send_and_detect(request, upstream).await?;
        if failure == Some(expected) {
            change(&sent, &mut response);
        }
        Ok(response)
    })
}
