//! The stretch checks of security headers and CORS.

use serde_json::json;

use harness::check::{Check, check};
use model::{Outcome, Request, Stop};
use probe::Response;

/// The allowed origins.
const ALLOWED: [&str; 2] = ["https://app.example.com", "https://habits.example.org"];
/// Origins that are not allowed; some look like an allowed one.
const DISALLOWED: [&str; 8] = [
    "https://evil.example",
    "https://app.example.com.evil.example",
    "https://evil-app.example.com",
    "https://appxexample.com",
    "https://app.example.co",
    "http://app.example.com",
    "https://app.example.com:8443",
    "null",
];
/// The paths and methods of the preflight requests.
const PREFLIGHTS: [(&str, &str); 5] = [
    ("/habits", "POST"),
    ("/habits/1", "PATCH"),
    ("/habits/1", "DELETE"),
    ("/habits/1/completions/2026-01-31", "PUT"),
    ("/me", "GET"),
];

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("5.security-headers", "Every response sets nosniff and forbids framing by other sites, and no Server header shows a version")
            .stretch()
            .book("security-headers")
            .hints(&[
                "Set `X-Content-Type-Options: nosniff`, and `X-Frame-Options: DENY` or `Content-Security-Policy: frame-ancestors 'none'`.",
                "Use one `SetResponseHeaderLayer` per header, around the whole router, so that errors and `/docs` have the headers too.",
            ])
            .proof(async |api| {
                let habit = api.any_habit().await?;
                let requests = [
                    Request::new("GET", "/habits"),
                    Request::new("GET", habit.path()),
                    Request::new("GET", "/docs"),
                    Request::new("GET", "/openapi.json"),
                    Request::new("GET", "/no-such-thing"),
                    Request::new("DELETE", "/habits"),
                    Request::new("POST", "/habits").json(&json!({})),
                    Request::new("POST", "/habits").header("content-type", "text/plain").body("{}"),
                    Request::new("DELETE", habit.path()),
                ];
                for request in requests {
                    expect_security_headers(&api.http.send(request).await?)?;
                }
                expect_security_headers(&api.anonymous().get("/habits").await?)
            }),
        check("5.cors", "Origins in CORS_ALLOWED_ORIGINS may read responses and use every method; no other origin may")
            .stretch()
            .book("cors")
            .hints(&[
                "Before some requests, a browser sends a preflight request: OPTIONS with `Access-Control-Request-Method`. tower-http's `CorsLayer` responds to it.",
                "Compare whole origins, as `AllowOrigin::list` does. `starts_with` would also allow https://app.example.com.evil.example.",
                "List the API's methods and the headers `authorization` and `content-type` by name. Without allowed origins, leave the layer out: it responds to OPTIONS in place of your routes, without `Allow`.",
            ])
            .proof(async |api| {
                // Without the variable, no origin is allowed.
                expect_not_allowed(&api.http.send(Request::new("GET", "/docs").header("origin", ALLOWED[0])).await?, ALLOWED[0])?;
                let origins = ALLOWED.join(",");
                let server = api.start_instance(&[("CORS_ALLOWED_ORIGINS", &origins)]).await?;
                let anonymous = server.api.anonymous();
                let http = &anonymous.http;
                let get = |origin| Request::new("GET", "/docs").header("origin", origin);
                for origin in ALLOWED {
                    expect_allowed(&http.send(get(origin)).await?, origin)?;
                    // A page must be able to read responses and errors.
                    for api in [&server.api, &anonymous] {
                        expect_allowed(&api.http.send(Request::new("GET", "/habits").header("origin", origin)).await?, origin)?;
                    }
                    for (path, method) in PREFLIGHTS {
                        let response = http.send(preflight(path, method, origin)).await?;
                        response.status([200, 204])?;
                        expect_allowed(&response, origin)?;
                        expect_listed(&response, "access-control-allow-methods", &[method])?;
                        expect_listed(&response, "access-control-allow-headers", &["authorization", "content-type"])?;
                    }
                }
                for origin in DISALLOWED {
                    expect_not_allowed(&http.send(get(origin)).await?, origin)?;
                    expect_not_allowed(&http.send(preflight("/habits", "POST", origin)).await?, origin)?;
                }
                Ok(())
            }),
    ]
}

fn expect_security_headers(response: &Response) -> Outcome {
    let has = |name: &str, value: &str| response.headers(name).any(|field| field.to_lowercase().contains(value));
    if !has("x-content-type-options", "nosniff") {
        return Err(response.fail("X-Content-Type-Options: nosniff", "no such header"));
    }
    let forbids_framing = response.headers("content-security-policy").any(forbids_framing)
        || has("x-frame-options", "deny")
        || has("x-frame-options", "sameorigin");
    if !forbids_framing {
        let fields = |name: &'static str| response.headers(name).map(move |value| format!("{name}: {value}"));
        let fields: Vec<_> = fields("x-frame-options").chain(fields("content-security-policy")).collect();
        let actual = if fields.is_empty() { "neither header".into() } else { fields.join(", ") };
        return Err(
            response.fail("an X-Frame-Options header or a frame-ancestors directive that forbids framing by other sites", actual)
        );
    }
    match response.header("server").filter(|server| server.contains(|c: char| c.is_ascii_digit())) {
        Some(server) => Err(response.fail("no version in the Server header", format!("Server: {server}"))),
        None => Ok(()),
    }
}

/// Whether a Content-Security-Policy restricts framing: `frame-ancestors` has no wildcard and no scheme source.
fn forbids_framing(policy: &str) -> bool {
    let policy = policy.to_lowercase();
    let ancestors = policy.split([';', ',']).find_map(|directive| directive.trim().strip_prefix("frame-ancestors"));
    ancestors.is_some_and(|sources| !sources.split_whitespace().any(|source| source == "*" || source.ends_with(':')))
}

/// The preflight request that a browser sends before a cross-origin request.
fn preflight(path: &str, method: &str, origin: &str) -> Request {
    Request::new("OPTIONS", path)
        .header("origin", origin)
        .header("access-control-request-method", method)
        .header("access-control-request-headers", "authorization,content-type")
}

fn allowed_origin(response: &Response) -> Option<&str> {
    response.header("access-control-allow-origin")
}

fn expect_allowed(response: &Response, origin: &str) -> Outcome {
    match allowed_origin(response) {
        Some(allowed) if allowed == origin => Ok(()),
        other => Err(cors_failure(response, &format!("Access-Control-Allow-Origin: {origin}"), other)),
    }
}

fn expect_not_allowed(response: &Response, origin: &str) -> Outcome {
    match allowed_origin(response) {
        Some(allowed) if allowed == origin || allowed.contains('*') => {
            Err(cors_failure(response, &format!("no Access-Control-Allow-Origin for {origin}"), Some(allowed)))
        }
        // A browser rejects a header with another origin as well.
        _ => Ok(()),
    }
}

fn cors_failure(response: &Response, expected: &str, allowed: Option<&str>) -> Stop {
    let actual = allowed
        .map_or("no Access-Control-Allow-Origin header".to_owned(), |origin| format!("Access-Control-Allow-Origin: {origin}"));
    response.fail(expected, actual)
}

fn expect_listed(response: &Response, field: &str, wanted: &[&str]) -> Outcome {
    let list = response.headers(field).collect::<Vec<_>>().join(",");
    let has = |wanted: &str| list.split(',').any(|item| item.trim().eq_ignore_ascii_case(wanted));
    match wanted.iter().find(|wanted| !has(wanted)) {
        None => Ok(()),
        // Simple methods need not be listed (Fetch standard, section 4.8), and a wildcard covers all headers but `authorization`.
        Some(&("GET" | "POST" | "HEAD")) => Ok(()),
        Some(&missing) if missing != "authorization" && has("*") => Ok(()),
        Some(missing) => Err(response.fail(format!("{missing} in {field}"), format!("{field}: {list}"))),
    }
}
