//! Wrong servers for step 4: signing up and in, passwords, tokens, whose habits are whose, sessions and providers.

mod access;
mod gates;
pub mod jwt;
mod key;
mod leaving;
mod login;
mod oauth;
mod passwords;
mod refresh;
mod roles;
mod sessions;
mod signup;
mod tokens;

use hyper::Method;
use serde_json::json;

use crate::message::{Answer, Request};
use crate::sabotage::Sabotage;
use crate::step_03::quoted;
use crate::upstream::{Lost, Upstream};

/// The sabotages of step 4.
pub fn sabotages() -> Vec<Sabotage> {
    let parts = [
        signup::sabotages(),
        passwords::sabotages(),
        login::sabotages(),
        tokens::sabotages(),
        key::sabotages(),
        gates::sabotages(),
        access::sabotages(),
        leaving::sabotages(),
        sessions::sabotages(),
        refresh::sabotages(),
        oauth::sabotages(),
        roles::sabotages(),
    ];
    parts.into_iter().flatten().collect()
}

fn wrong(name: &'static str, trips: &'static [&'static str], breaks: &'static str) -> Sabotage {
    Sabotage::new(4, name, trips, breaks)
}

/// Whether a request is `POST /auth/signup`.
pub fn signs_up(request: &Request) -> bool {
    is(request, Method::POST, "/auth/signup")
}

/// Whether a request is `POST /auth/login`.
pub fn logs_in(request: &Request) -> bool {
    is(request, Method::POST, "/auth/login")
}

/// Whether a request is `POST /auth/session`.
fn begins_session(request: &Request) -> bool {
    is(request, Method::POST, "/auth/session")
}

/// Whether a request is `POST /auth/refresh`.
fn refreshes(request: &Request) -> bool {
    is(request, Method::POST, "/auth/refresh")
}

/// Whether a request is `GET /me`.
pub fn asks_me(request: &Request) -> bool {
    is(request, Method::GET, "/me")
}

/// Whether a request is `DELETE /me`.
pub fn leaves(request: &Request) -> bool {
    is(request, Method::DELETE, "/me")
}

fn is(request: &Request, method: Method, path: &str) -> bool {
    request.head.method == method && request.path() == path
}

/// Whether a request comes without any proof of who sends it.
fn is_nobody(request: &Request) -> bool {
    request.header("authorization").is_none() && request.header("cookie").is_none()
}

/// Sends the request as this user.
fn act_as(request: &mut Request, user: i64) {
    request.set_header("authorization", &format!("Bearer {}", jwt::of_user(user)));
}

/// Whom a request is sent as, by its token.
pub fn caller(request: &Request) -> Option<i64> {
    jwt::Jwt::of(request)?.user()
}

/// The id of the habit that a request is about, completions included.
pub fn habit(request: &Request) -> Option<i64> {
    request.path().strip_prefix("/habits/")?.split('/').next()?.parse().ok()
}

/// The owner of the habit that a request is about.
async fn owner(request: &Request, server: &Upstream) -> Result<Option<i64>, Lost> {
    match habit(request) {
        Some(id) => number(server, &format!("SELECT user_id FROM habits WHERE id = {id}")).await,
        None => Ok(None),
    }
}

/// The user whose e-mail address stands in the body.
async fn named_user(request: &Request, server: &Upstream) -> Result<Option<i64>, Lost> {
    number(server, &format!("SELECT id FROM users WHERE {}", has_email_of(request))).await
}

/// Whoever signed up first of those who are still there.
async fn first_user(server: &Upstream) -> Result<i64, Lost> {
    Ok(number(server, "SELECT min(id) FROM users WHERE id > 0").await?.unwrap_or_default())
}

/// The first number that a query gives.
async fn number(server: &Upstream, sql: &str) -> Result<Option<i64>, Lost> {
    let rows: Vec<(Option<i64>,)> = server.database().rows(sql).await?;
    Ok(rows.first().and_then(|row| row.0))
}

/// The condition that chooses the user whose e-mail address stands in the body.
fn has_email_of(request: &Request) -> String {
    format!("lower(email) = lower({})", quoted(text(request, "email").trim()))
}

/// A text of the body; empty where it is none.
fn text(request: &Request, field: &str) -> String {
    request.field(field).and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Becomes the answer of a login that succeeds.
pub fn sign_in(answer: &mut Answer, user: i64) {
    answer.set_status(200);
    answer.remove_header("www-authenticate");
    let body = json!({ "access_token": jwt::of_user(user), "token_type": "Bearer", "expires_in": jwt::LIFE });
    answer.set_json("application/json", &body);
}

/// What the right server answers to nobody: 401.
async fn unauthorized(request: &Request, server: &Upstream) -> Result<Answer, Lost> {
    let mut other = request.another(Method::GET, "/me", None);
    for name in ["authorization", "cookie"] {
        other.head.headers.remove(name);
    }
    server.send(other).await
}
