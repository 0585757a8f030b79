//! Detects from a response that the database has failed.

use std::time::{Duration, Instant};

use crate::http::{ConnectionLost, Request, Response, Upstream};
use crate::sabotage::Sabotage;

/// A 503 that comes sooner tells of a database that is gone: for one that is silent the right server waits longer.
const SOON: Duration = Duration::from_millis(280);

/// What is the matter with the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It cannot be reached.
    Gone,
    /// It does not answer.
    Silent,
}

/// Asks the right server, and reads from its answer what is the matter with the database, if anything is.
pub async fn ask(request: Request, upstream: &Upstream) -> Result<(Response, Option<Trouble>), ConnectionLost> {
    let begun = Instant::now();
    let response = upstream.send(request).await?;
    let trouble = if begun.elapsed() < SOON { Trouble::Gone } else { Trouble::Silent };
    let is_told = response.status() == 503;
    Ok((response, is_told.then_some(trouble)))
}

/// Changes what is answered in some trouble.
pub fn in_trouble(
    sabotage: Sabotage,
    meant: Trouble,
    when: fn(&Request) -> bool,
    change: impl Fn(&Request, &mut Response) + 'static,
) -> Sabotage {
    sabotage.instead(when, async move |request, upstream| {
        let sent = request.clone();
        let (mut response, trouble) = ask(request, upstream).await?;
        if trouble == Some(meant) {
            change(&sent, &mut response);
        }
        Ok(response)
    })
}
