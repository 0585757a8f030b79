//! The requests of an OAuth login: those to the server, and the one to which it redirects the browser.

use hyper::Method;

use crate::api::routes::is_for;
use crate::database::quote_literal;
use crate::http::{Request, Response};

/// Whether a request is `GET /auth/oauth/start`.
pub fn starts_visit(request: &Request) -> bool {
    is_for(request, Method::GET, "/auth/oauth/start")
}

/// Whether a request is `GET /auth/oauth/callback`.
pub fn comes_back(request: &Request) -> bool {
    is_for(request, Method::GET, "/auth/oauth/callback")
}

/// Whether a request is the callback of a user who said no.
pub fn is_denied(request: &Request) -> bool {
    comes_back(request) && request.query_parameter("error").is_some()
}

/// A parameter of the way to the provider.
pub fn sent<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    let (_, query) = response.header("location")?.split_once('?')?;
    query.split('&').filter_map(|pair| pair.split_once('=')).find(|(known, _)| *known == name).map(|(_, value)| value)
}

/// Changes a parameter of the way to the provider, or takes it away.
pub fn send(response: &mut Response, name: &str, value: Option<&str>) {
    let Some((to, query)) = response.header("location").and_then(|location| location.split_once('?')) else { return };
    let mut pairs: Vec<String> = query.split('&').map(str::to_owned).collect();
    pairs.retain(|pair| pair.split('=').next() != Some(name));
    pairs.extend(value.map(|value| format!("{name}={value}")));
    let location = format!("{to}?{}", pairs.join("&"));
    response.set_header("location", &location);
}

/// The row of a visit, as a condition.
pub fn attempt(state: &str) -> String {
    format!("state_hash = sha256(convert_to({}, 'UTF8'))", quote_literal(state))
}
