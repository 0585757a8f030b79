//! The HTTP client of a check. Where there are users, it sends its requests as one of them.

use std::rc::Rc;

use crate::contract::SignIn;
use crate::users::Users;
use model::{Exchange, NoResponse, Outcome, Request, Token};
use probe::{Probe, Response};

/// The identity in which requests are sent.
#[derive(Clone)]
pub enum Identity {
    /// Nobody.
    Nobody,
    /// The user that checks share.
    User(Rc<Users>),
    /// The holder of this access token.
    Bearer(Token),
}

/// A client for one server, with an identity.
#[derive(Clone)]
pub struct Client {
    probe: Probe,
    /// How users sign in, where there are users.
    sign_in: Option<&'static SignIn>,
    identity: Identity,
}

impl Client {
    /// Sends through `probe`.
    pub fn new(probe: Probe, sign_in: Option<&'static SignIn>, identity: Identity) -> Client {
        Client { probe, sign_in, identity }
    }

    /// The same client with another identity.
    pub fn identified(&self, identity: Identity) -> Client {
        Client { identity, ..self.clone() }
    }

    /// The client without an identity.
    pub fn probe(&self) -> &Probe {
        &self.probe
    }

    /// Scheme, host and port.
    pub fn base(&self) -> &str {
        self.probe.base()
    }

    /// Sends a request; no response is a failure.
    pub async fn send(&self, request: Request) -> Outcome<Response> {
        Response::of(self.exchange(request).await?)
    }

    /// Sends a request and records the exchange, with or without a response.
    pub async fn exchange(&self, request: Request) -> Outcome<Rc<Exchange>> {
        Ok(self.probe.exchange(self.signed(request).await?).await)
    }

    /// The same with the body in chunks.
    pub async fn exchange_chunked(&self, request: Request) -> Outcome<Rc<Exchange>> {
        Ok(self.probe.exchange_chunked(self.signed(request).await?).await)
    }

    /// Sends HEAD and counts the bytes that follow the header section; there should be none.
    pub async fn body_after_head(&self, path: &str) -> Outcome<Result<usize, NoResponse>> {
        let request = self.signed(Request::new("HEAD", path)).await?;
        Ok(self.probe.body_after_head(&request).await)
    }

    /// The request as it is sent: with the access token of the client's identity, where the route needs one.
    pub async fn signed(&self, request: Request) -> Outcome<Request> {
        let Some(sign_in) = self.sign_in else { return Ok(request) };
        if sign_in.is_public(&request.path) || request.has("authorization") || request.has("cookie") {
            return Ok(request);
        }
        Ok(match &self.identity {
            Identity::Nobody => request,
            Identity::User(users) => request.bearer(&Token::own(&users.first(&self.probe, sign_in).await?.token)),
            Identity::Bearer(token) => request.bearer(token),
        })
    }
}
