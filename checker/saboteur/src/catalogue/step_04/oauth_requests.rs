//! The requests of an OAuth login: those to the server, and the one to which it redirects the browser.

use hyper::Method;

use crate::api::routes::is_for;
use crate::database::quote_literal;
use crate::http::{Request, Response};

/// Whether a request is `GET /auth/oauth/start`.
pub fn starts_login(request: &Request) -> bool {
    is_for(request, Method::GET, "/auth/oauth/start")
}

/// Whether a request is `GET /auth/oauth/callback`.
pub fn is_callback(request: &Request) -> bool {
    is_for(request, Method::GET, "/auth/oauth/callback")
}

/// Whether a request is the callback of a user who denied access.
pub fn is_denied(request: &Request) -> bool {
    is_callback(request) && request.query_parameter("error").is_some()
}

/// A query parameter of the redirect to the provider.
pub fn redirect_parameter<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    let (_, query) = response.header("location")?.split_once('?')?;
    query.split('&').filter_map(|pair| pair.split_once('=')).find(|(known, _)| *known == name).map(|(_, value)| value)
}

/// Sets a query parameter of the redirect to the provider; `None` removes it.
pub fn set_redirect_parameter(response: &mut Response, name: &str, value: Option<&str>) {
    let Some((to, query)) = response.header("location").and_then(|location| location.split_once('?')) else { return };
    let mut pairs: Vec<String> = query.split('&').map(str::to_owned).collect();
    pairs.retain(|pair| pair.split('=').next() != Some(name));
    pairs.extend(value.map(|value| format!("{name}={value}")));
    let location = format!("{to}?{}", pairs.join("&"));
    response.set_header("location", &location);
}

/// The SQL condition that selects the login attempt with this state.
pub fn has_state(state: &str) -> String {
    format!("state_hash = sha256(convert_to({}, 'UTF8'))", quote_literal(state))
}
