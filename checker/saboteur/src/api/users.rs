//! Users: who sends a request, whose habit it is about, and how to act as somebody.

use hyper::Method;
use serde_json::json;

use super::jwt::{self, Jwt};
use super::routes;
use crate::database::quote_literal;
use crate::http::{ConnectionLost, Request, Response, Upstream};

/// The user whose token a request carries.
pub fn caller(request: &Request) -> Option<i64> {
    Jwt::from_request(request)?.user()
}

/// Whether a request carries neither a token nor a cookie.
pub fn is_anonymous(request: &Request) -> bool {
    request.header("authorization").is_none() && request.header("cookie").is_none()
}

/// Makes a request the user's.
pub fn act_as(request: &mut Request, user: i64) {
    request.set_header("authorization", &format!("Bearer {}", jwt::token_for(user)));
}

/// Replaces the token of a request by a valid one of the same user.
pub fn reissue_token(request: &mut Request) {
    if let Some(user) = caller(request) {
        act_as(request, user);
    }
}

/// The owner of the habit that a request is about.
pub async fn habit_owner(request: &Request, upstream: &Upstream) -> Result<Option<i64>, ConnectionLost> {
    match routes::habit_id(request) {
        Some(id) => Ok(upstream.database().integer(&format!("SELECT user_id FROM habits WHERE id = {id}")).await?),
        None => Ok(None),
    }
}

/// The SQL condition that selects the user with the e-mail address in the body.
pub fn has_email_of(request: &Request) -> String {
    format!("lower(email) = lower({})", quote_literal(request.text("email").trim()))
}

/// The user with the e-mail address in the body.
pub async fn user_by_email(request: &Request, upstream: &Upstream) -> Result<Option<i64>, ConnectionLost> {
    Ok(upstream.database().integer(&format!("SELECT id FROM users WHERE {}", has_email_of(request))).await?)
}

/// The user who signed up first.
pub async fn first_user(upstream: &Upstream) -> Result<i64, ConnectionLost> {
    Ok(upstream.database().integer("SELECT min(id) FROM users WHERE id > 0").await?.unwrap_or_default())
}

/// Turns a response into that of a successful login.
pub fn set_login(response: &mut Response, user: i64) {
    response.set_status(200);
    response.remove_header("www-authenticate");
    let body = json!({ "access_token": jwt::token_for(user), "token_type": "Bearer", "expires_in": jwt::LIFETIME });
    response.set_json("application/json", &body);
}

/// The upstream server's 401 for a request without a token.
pub async fn unauthorized(request: &Request, upstream: &Upstream) -> Result<Response, ConnectionLost> {
    let mut other = request.another(Method::GET, "/me", None);
    for name in ["authorization", "cookie"] {
        other.head.headers.remove(name);
    }
    upstream.send(other).await
}
