//! The extras that browsers see: security headers and CORS.

use serde_json::json;

use harness::check::{Check, check};
use model::{Outcome, Request, Stop};
use probe::Answer;

/// Origins that are listed.
const LISTED: [&str; 2] = ["https://app.example.com", "https://habits.example.org"];
/// Origins that are not, some of which look like one that is.
const OTHERS: [&str; 8] = [
    "https://evil.example",
    "https://app.example.com.evil.example",
    "https://evil-app.example.com",
    "https://appxexample.com",
    "https://app.example.co",
    "http://app.example.com",
    "https://app.example.com:8443",
    "null",
];
/// What pages of listed origins ask whether they may send it.
const ASKED: [(&str, &str); 5] = [
    ("/habits", "POST"),
    ("/habits/1", "PATCH"),
    ("/habits/1", "DELETE"),
    ("/habits/1/completions/2026-01-31", "PUT"),
    ("/me", "GET"),
];

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("5.security-headers", "Every answer has nosniff and forbids frames, and none tells a version in Server")
            .stretch()
            .book("security-headers")
            .hints(&[
                "`X-Content-Type-Options: nosniff`, and `X-Frame-Options: DENY` or `Content-Security-Policy: frame-ancestors 'none'`.",
                "One `SetResponseHeaderLayer` for each, around everything: errors and `/docs` too.",
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
                    expect_guarded(&api.http.send(request).await?)?;
                }
                expect_guarded(&api.as_nobody().get("/habits").await?)
            }),
        check("5.cors", "Origins in CORS_ALLOWED_ORIGINS may read answers and send every method; no other origin may")
            .stretch()
            .book("cors")
            .hints(&[
                "A browser asks before it sends: OPTIONS with `Access-Control-Request-Method`. tower-http's `CorsLayer` answers that.",
                "Compare whole origins. `AllowOrigin::list` does; `starts_with` lets https://app.example.com.evil.example in.",
                "Allow the methods that the API has, and the headers `authorization` and `content-type`, by name. Without origins, leave the layer out: it answers OPTIONS in the place of your routes, without `Allow`.",
            ])
            .proof(async |api| {
                // A list that is not set is an empty one.
                expect_closed(&api.http.send(Request::new("GET", "/docs").header("origin", LISTED[0])).await?, LISTED[0])?;
                let listed = LISTED.join(",");
                let server = api.start_instance(&[("CORS_ALLOWED_ORIGINS", &listed)]).await?;
                let nobody = server.api.as_nobody();
                let http = &nobody.http;
                let get = |origin| Request::new("GET", "/docs").header("origin", origin);
                for origin in LISTED {
                    expect_open(&http.send(get(origin)).await?, origin)?;
                    // A page wants to read its own habits, and what was wrong.
                    for api in [&server.api, &nobody] {
                        expect_open(&api.http.send(Request::new("GET", "/habits").header("origin", origin)).await?, origin)?;
                    }
                    for (path, method) in ASKED {
                        let answer = http.send(preflight(path, method, origin)).await?;
                        answer.status([200, 204])?;
                        expect_open(&answer, origin)?;
                        expect_listed(&answer, "access-control-allow-methods", &[method])?;
                        expect_listed(&answer, "access-control-allow-headers", &["authorization", "content-type"])?;
                    }
                }
                for origin in OTHERS {
                    expect_closed(&http.send(get(origin)).await?, origin)?;
                    expect_closed(&http.send(preflight("/habits", "POST", origin)).await?, origin)?;
                }
                Ok(())
            }),
    ]
}

fn expect_guarded(answer: &Answer) -> Outcome {
    let has = |name: &str, value: &str| answer.headers(name).any(|field| field.to_lowercase().contains(value));
    if !has("x-content-type-options", "nosniff") {
        return Err(answer.fail("X-Content-Type-Options: nosniff", "an answer without it"));
    }
    let frames = answer.headers("content-security-policy").any(forbids_frames)
        || has("x-frame-options", "deny")
        || has("x-frame-options", "sameorigin");
    if !frames {
        let given = |name: &'static str| answer.headers(name).map(move |value| format!("{name}: {value}"));
        let given: Vec<_> = given("x-frame-options").chain(given("content-security-policy")).collect();
        let actual = if given.is_empty() { "an answer without either".into() } else { given.join(", ") };
        return Err(
            answer.fail("X-Frame-Options, or frame-ancestors in Content-Security-Policy, that keep other sites out", actual)
        );
    }
    match answer.header("server").filter(|server| server.contains(|c: char| c.is_ascii_digit())) {
        Some(server) => Err(answer.fail("no version in Server", format!("Server: {server}"))),
        None => Ok(()),
    }
}

/// Whether a policy keeps some site from showing an answer in a frame: its `frame-ancestors` are not a star or a whole scheme.
fn forbids_frames(policy: &str) -> bool {
    let policy = policy.to_lowercase();
    let ancestors = policy.split([';', ',']).find_map(|directive| directive.trim().strip_prefix("frame-ancestors"));
    ancestors.is_some_and(|sources| !sources.split_whitespace().any(|source| source == "*" || source.ends_with(':')))
}

/// What a browser sends before a request of another origin.
fn preflight(path: &str, method: &str, origin: &str) -> Request {
    Request::new("OPTIONS", path)
        .header("origin", origin)
        .header("access-control-request-method", method)
        .header("access-control-request-headers", "authorization,content-type")
}

fn allowed(answer: &Answer) -> Option<&str> {
    answer.header("access-control-allow-origin")
}

fn expect_open(answer: &Answer, origin: &str) -> Outcome {
    match allowed(answer) {
        Some(allowed) if allowed == origin => Ok(()),
        other => Err(refusal(answer, &format!("Access-Control-Allow-Origin: {origin}"), other)),
    }
}

fn expect_closed(answer: &Answer, origin: &str) -> Outcome {
    match allowed(answer) {
        Some(allowed) if allowed == origin || allowed.contains('*') => {
            Err(refusal(answer, &format!("no Access-Control-Allow-Origin for {origin}"), Some(allowed)))
        }
        // Another origin than its own keeps a browser out as well.
        _ => Ok(()),
    }
}

fn refusal(answer: &Answer, expected: &str, allowed: Option<&str>) -> Stop {
    let actual =
        allowed.map_or("no Access-Control-Allow-Origin".to_owned(), |origin| format!("Access-Control-Allow-Origin: {origin}"));
    answer.fail(expected, actual)
}

fn expect_listed(answer: &Answer, field: &str, wanted: &[&str]) -> Outcome {
    let list = answer.headers(field).collect::<Vec<_>>().join(",");
    let has = |wanted: &str| list.split(',').any(|item| item.trim().eq_ignore_ascii_case(wanted));
    match wanted.iter().find(|wanted| !has(wanted)) {
        None => Ok(()),
        // Simple methods need not be listed (the Fetch standard, section 4.8), and a star stands for all but `authorization`.
        Some(&("GET" | "POST" | "HEAD")) => Ok(()),
        Some(&missing) if missing != "authorization" && has("*") => Ok(()),
        Some(missing) => Err(answer.fail(format!("{missing} in {field}"), format!("{field}: {list}"))),
    }
}
