//! The routes of the contract: tells which one a request is for.

use hyper::Method;

use crate::http::Request;

/// Every request.
pub fn any(_: &Request) -> bool {
    true
}

/// Whether a request is `GET` of anything.
pub fn gets(request: &Request) -> bool {
    request.head.method == Method::GET
}

/// Whether a request has this method and this path.
pub fn is_for(request: &Request, method: Method, path: &str) -> bool {
    request.head.method == method && request.path() == path
}

/// Whether a path begins with `/v1`.
pub fn is_v1(request: &Request) -> bool {
    request.head.uri.path().starts_with("/v1/")
}

/// Whether a request is `POST /habits`.
pub fn creates(request: &Request) -> bool {
    is_for(request, Method::POST, "/habits")
}

/// Whether a request is `GET /habits`.
pub fn lists(request: &Request) -> bool {
    is_for(request, Method::GET, "/habits")
}

/// Whether a request is `GET /habits/{id}`.
pub fn reads(request: &Request) -> bool {
    request.head.method == Method::GET && request.id_text().is_some()
}

/// Whether a request is `PATCH /habits/{id}`.
pub fn patches(request: &Request) -> bool {
    request.head.method == Method::PATCH && request.id_text().is_some()
}

/// Whether a request is `PUT /habits/{id}`.
pub fn puts(request: &Request) -> bool {
    request.head.method == Method::PUT && request.id_text().is_some()
}

/// Whether a request is `DELETE /habits/{id}`.
pub fn deletes(request: &Request) -> bool {
    request.head.method == Method::DELETE && request.id_text().is_some()
}

/// Whether a request writes a single habit: POST, PATCH or PUT.
pub fn writes_habit(request: &Request) -> bool {
    creates(request) || patches(request) || puts(request)
}

/// Whether a request is `POST /habits/import`.
pub fn imports(request: &Request) -> bool {
    is_for(request, Method::POST, "/habits/import")
}

/// The id of the habit that a request is about, completions included.
pub fn habit_id(request: &Request) -> Option<i64> {
    request.path().strip_prefix("/habits/")?.split('/').next()?.parse().ok()
}

/// The id and the date in `/habits/{id}/completions/{date}`.
pub fn completion(request: &Request) -> Option<(i64, &str)> {
    let (id, date) = request.path().strip_prefix("/habits/")?.split_once("/completions/")?;
    Some((id.parse().ok()?, date))
}

/// Whether a request is `PUT /habits/{id}/completions/{date}`.
pub fn completes(request: &Request) -> bool {
    request.head.method == Method::PUT && completion(request).is_some()
}

/// Whether a request is `DELETE /habits/{id}/completions/{date}`.
pub fn uncompletes(request: &Request) -> bool {
    request.head.method == Method::DELETE && completion(request).is_some()
}

/// The id in `/habits/{id}/completions`.
pub fn completions_of(request: &Request) -> Option<i64> {
    request.path().strip_prefix("/habits/")?.strip_suffix("/completions")?.parse().ok()
}

/// Whether a request is `GET /habits/{id}/completions`.
pub fn lists_completions(request: &Request) -> bool {
    request.head.method == Method::GET && completions_of(request).is_some()
}

/// Whether a request is `POST /auth/signup`.
pub fn signs_up(request: &Request) -> bool {
    is_for(request, Method::POST, "/auth/signup")
}

/// Whether a request is `POST /auth/login`.
pub fn logs_in(request: &Request) -> bool {
    is_for(request, Method::POST, "/auth/login")
}

/// Whether a request is `POST /auth/session`.
pub fn starts_session(request: &Request) -> bool {
    is_for(request, Method::POST, "/auth/session")
}

/// Whether a request is `DELETE /auth/session`.
pub fn ends_session(request: &Request) -> bool {
    is_for(request, Method::DELETE, "/auth/session")
}

/// Whether a request has a password in its body: signup, login and session.
pub fn has_password(request: &Request) -> bool {
    signs_up(request) || logs_in(request) || starts_session(request)
}

/// Whether a request is `POST /auth/refresh`.
pub fn refreshes(request: &Request) -> bool {
    is_for(request, Method::POST, "/auth/refresh")
}

/// Whether a request is `GET /me`.
pub fn reads_me(request: &Request) -> bool {
    is_for(request, Method::GET, "/me")
}

/// Whether a request is `DELETE /me`.
pub fn deletes_me(request: &Request) -> bool {
    is_for(request, Method::DELETE, "/me")
}

/// Whether a request has a JSON body: habits, imports, signup and login.
pub fn has_body(request: &Request) -> bool {
    writes_habit(request) || imports(request) || signs_up(request) || logs_in(request)
}
