//! One format for all errors, and the internals that no error may leak.

use serde_json::json;

use super::{expect_absent, expect_allow};
use harness::check::{Check, check};
use harness::problem::{expect_no_internals, expect_problem};
use model::Request;

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("2.not-found-route", "A request for an unknown path is rejected with 404 and problem details")
            .book("one-shape-for-errors")
            .hints(&[
                "The framework's own 404 has an empty body. How do you set a fallback handler for requests that match no route?",
                "Pass `Router::fallback` a handler that returns `Error::NotFound`. The body and the media type of every `Error` come from `problem.rs`.",
            ])
            .proof(async |api| {
                let path = format!("/no-such-thing-{}", api.data.token(8));
                expect_problem(&api.get(&path).await?, 404)?;
                expect_problem(&api.post(&path, json!({ "name": api.data.name() })).await?, 404)?;
                Ok(())
            }),
        check("2.not-found-habit", "A request for an unknown habit is rejected with 404 and problem details")
            .book("one-shape-for-errors")
            .hints(&[
                "The media type is `application/problem+json`, not `application/json`.",
                "The member `status` in the body repeats the status code of the response. One error type that implements `IntoResponse` does this for every handler.",
                "`Json` alone sets `application/json`. Return `(status, [(header::CONTENT_TYPE, \"application/problem+json\")], Json(body)).into_response()`, with `axum::http::header`.",
            ])
            .proof(async |api| {
                let path = api.unknown_path().await?;
                expect_problem(&api.get(&path).await?, 404)?;
                expect_problem(&api.patch(&path, json!({ "completed_today": true })).await?, 404)?;
                expect_problem(&api.delete(&path).await?, 404)?;
                Ok(())
            }),
        check("2.wrong-method", "An unsupported method on a known path is rejected with 405, an Allow header and problem details")
            .book("routing")
            .hints(&[
                "A 405 response lists the supported methods in the `Allow` header. axum sets it already; do not lose it.",
                "`Router::method_not_allowed_fallback` takes a handler, as `fallback` does. Pass it one that returns `Error::MethodNotAllowed`.",
            ])
            .proof(async |api| {
                let habit = api.any_habit().await?;
                let collection = api.delete("/habits").await?;
                expect_problem(&collection, 405)?;
                expect_allow(&collection, &["GET", "POST"], "DELETE")?;
                let item = api.post(habit.path(), json!({ "name": api.data.name() })).await?;
                expect_problem(&item, 405)?;
                expect_allow(&item, &["GET", "PATCH", "DELETE"], "POST")?;
                Ok(())
            }),
        check("2.broken-json", "Malformed JSON is rejected with 400 and problem details")
            .book("extractors")
            .hints(&[
                "When the `Json` extractor cannot parse the body, it rejects the request with a response of its own.",
                "Write a custom extractor that wraps axum's `Json` and converts its rejection into your error type.",
                "In `FromRequest` for `ValidJson<T>`, call `Json::<Value>::from_request(request, state).await` and match on the `JsonRejection` in the `Err`: `JsonSyntaxError` means malformed JSON.",
            ])
            .proof(async |api| {
                let habit = api.any_habit().await?;
                for body in ["{\"name\": ", "{'name': 'single quotes'}", "{\"name\": \"x\",}", "{\"name\": \"x\"} y", "name=x", ""] {
                    let post = Request::new("POST", "/habits").header("content-type", "application/json").body(body);
                    expect_problem(&api.http.send(post).await?, 400)?;
                    let patch = Request::new("PATCH", habit.path()).header("content-type", "application/json").body(body);
                    expect_problem(&api.http.send(patch).await?, 400)?;
                }
                Ok(())
            }),
        check("2.wrong-media-type", "A body that is not application/json is rejected with 415 and problem details")
            .book("extractors")
            .hints(&[
                "The `Content-Type` header declares the media type of the body. JSON with another media type is rejected too.",
                "A parameter does not change the media type: `application/json; charset=utf-8` is fine.",
                "axum's `Json` extractor checks the header for you: its rejection is `JsonRejection::MissingJsonContentType`.",
            ])
            .proof(async |api| {
                let habit = api.any_habit().await?;
                let name = api.data.name();
                let body = json!({ "name": name }).to_string();
                for media_type in ["text/plain", "text/json", "application/x-www-form-urlencoded", "application/xml"] {
                    let requests = [Request::new("POST", "/habits"), Request::new("PATCH", habit.path())];
                    for request in requests {
                        let request = request.header("content-type", media_type).body(body.clone());
                        expect_problem(&api.http.send(request).await?, 415)?;
                    }
                }
                expect_absent(api, &name).await?;
                let post = Request::new("POST", "/habits").header("content-type", "application/json; charset=utf-8");
                api.http.send(post.body(body)).await?.status(201)?;
                Ok(())
            }),
        check("2.bad-id", "An id that is not a 64-bit integer is rejected with 400 or 404 and problem details")
            .book("extractors")
            .hints(&[
                "`Path<i64>` rejects `abc` with a plain-text response of its own. Convert this rejection, too, into your error type.",
                "A fallback does not help: the route matches. Write a small custom extractor around `Path`.",
                "In `FromRequestParts` for your `Path<T>`, call `axum::extract::Path::<T>::from_request_parts(parts, state).await` and map an `Err` to `Error::Invalid`.",
            ])
            .proof(async |api| {
                let known = api.any_habit().await?.id;
                // The last two ids lead to an existing habit on a server that truncates or wraps them.
                let beyond = known + (1_i128 << 64);
                let ids = ["abc".into(), "1.5".into(), "99999999999999999999999999".into(), beyond.to_string(), format!("{known}abc")];
                for id in ids {
                    let path = format!("/habits/{id}");
                    // The contract accepts 422 in place of 400.
                    expect_problem(&api.get(&path).await?, [400, 404, 422])?;
                    expect_problem(&api.patch(&path, json!({ "completed_today": true })).await?, [400, 404, 422])?;
                    expect_problem(&api.delete(&path).await?, [400, 404, 422])?;
                }
                Ok(())
            }),
        check("2.no-internals", "No error response leaks a stack trace, a source file path or a library name")
            .book("one-shape-for-errors")
            .hints(&[
                "A library's error message belongs in your log. Send the client a message of your own.",
                "Attackers read error messages too. This is information disclosure: a library's name and version tell them which known vulnerabilities to try.",
            ])
            .proof(async |api| {
                let habit = api.any_habit().await?;
                let malformed = |body: &'static str| Request::new("POST", "/habits").header("content-type", "application/json").body(body);
                let provocations = [
                    Request::new("GET", "/no-such-thing"),
                    Request::new("GET", "/habits/abc"),
                    // Invalid percent-encoding: a framework may respond before the router runs.
                    Request::new("GET", "/habits/%zz"),
                    Request::new("GET", "/habits/%ff"),
                    Request::new("DELETE", "/habits"),
                    malformed("{\"name\": "),
                    malformed("{\"name\": 7}"),
                    malformed("{}"),
                    malformed("[]"),
                    Request::new("POST", "/habits").header("content-type", "text/plain").body("name"),
                    Request::new("PATCH", habit.path()).json(&json!({ "completed_today": "yes" })),
                ];
                for provocation in provocations {
                    expect_no_internals(&api.http.send(provocation).await?)?;
                }
                Ok(())
            }),
    ]
}
