//! The client of a check: from step 4 on its requests are sent as somebody who is signed in.

use std::rc::Rc;

use super::members::Members;
use crate::outcome::Outcome;
use crate::probe::{Answer, Exchange, NoAnswer, Probe, Request, Token};

/// Whom requests are sent as.
#[derive(Clone)]
pub enum Identity {
    /// Nobody.
    Nobody,
    /// The user whom checks share.
    Member(Rc<Members>),
    /// Whoever has this access token.
    Bearer(Token),
}

/// A client for one server that is somebody there.
#[derive(Clone)]
pub struct Client {
    probe: Probe,
    identity: Identity,
}

impl Client {
    /// Sends through `probe`.
    pub fn new(probe: Probe, identity: Identity) -> Client {
        Client { probe, identity }
    }

    /// The same client as somebody else.
    pub fn identified(&self, identity: Identity) -> Client {
        Client { probe: self.probe.clone(), identity }
    }

    /// The client without an identity.
    pub fn probe(&self) -> &Probe {
        &self.probe
    }

    /// Scheme, host and port.
    pub fn base(&self) -> &str {
        self.probe.base()
    }

    /// Sends a request; having no answer is a failure.
    pub async fn send(&self, request: Request) -> Outcome<Answer> {
        Answer::of(self.exchange(request).await?)
    }

    /// Sends a request and records what came of it, be it an answer or none.
    pub async fn exchange(&self, request: Request) -> Outcome<Rc<Exchange>> {
        Ok(self.probe.exchange(self.signed(request).await?).await)
    }

    /// The same with the body in chunks.
    pub async fn exchange_chunked(&self, request: Request) -> Outcome<Rc<Exchange>> {
        Ok(self.probe.exchange_chunked(self.signed(request).await?).await)
    }

    /// Sends HEAD and counts the bytes that follow the header section; there should be none.
    pub async fn body_after_head(&self, path: &str) -> Outcome<Result<usize, NoAnswer>> {
        let request = self.signed(Request::new("HEAD", path)).await?;
        Ok(self.probe.body_after_head(&request).await)
    }

    /// The request as it is sent: with the access token of whoever the client is, where the route wants one.
    pub async fn signed(&self, request: Request) -> Outcome<Request> {
        if is_public(&request.path) || request.has("authorization") || request.has("cookie") {
            return Ok(request);
        }
        Ok(match &self.identity {
            Identity::Nobody => request,
            Identity::Member(members) => request.bearer(&Token::own(&members.first(&self.probe).await?.token)),
            Identity::Bearer(token) => request.bearer(token),
        })
    }
}

/// Whether a route is there for everybody.
fn is_public(path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    let path = path.strip_prefix("/v1").unwrap_or(path);
    let below = |root: &str| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    ["/auth", "/docs", "/openapi.json"].into_iter().any(below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_in_and_documents_are_for_everybody() {
        for path in ["/auth/login", "/v1/auth/signup", "/docs", "/docs/ui.js?v=1", "/openapi.json"] {
            assert!(is_public(path), "{path}");
        }
        for path in ["/habits", "/v1/habits/7", "/me", "/authors", "/no-such-thing", "/docsx"] {
            assert!(!is_public(path), "{path}");
        }
    }
}
