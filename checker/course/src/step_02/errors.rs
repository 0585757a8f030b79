//! One shape for errors, and what an error may not show.

use serde_json::json;

use super::{expect_absent, expect_allow};
use harness::check::{Check, check};
use harness::problem::{expect_no_internals, expect_problem};
use model::Request;

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("2.not-found-route", "An unknown route answers 404 with problem details")
            .book("one-shape-for-errors")
            .hints(&[
                "The framework's own 404 has an empty body. Where can a router be told what to do when no route fits?",
                "`Router::fallback` takes a handler; let it return `Error::NotFound`. The body and the media type of every `Error` come from `problem.rs`.",
            ])
            .proof(async |api| {
                let path = format!("/no-such-thing-{}", api.data.token(8));
                expect_problem(&api.get(&path).await?, 404)?;
                expect_problem(&api.post(&path, json!({ "name": api.data.name() })).await?, 404)?;
                Ok(())
            }),
        check("2.not-found-habit", "An unknown habit answers 404 with problem details")
            .book("one-shape-for-errors")
            .hints(&[
                "The media type is `application/problem+json`, not `application/json`.",
                "`status` in the body repeats the status of the answer. One error type with one `IntoResponse` does it for every handler.",
                "`Json` alone says `application/json`. Return `(status, [(header::CONTENT_TYPE, \"application/problem+json\")], Json(body)).into_response()`, with `axum::http::header`.",
            ])
            .proof(async |api| {
                let path = api.unknown_path().await?;
                expect_problem(&api.get(&path).await?, 404)?;
                expect_problem(&api.patch(&path, json!({ "completed_today": true })).await?, 404)?;
                expect_problem(&api.delete(&path).await?, 404)?;
                Ok(())
            }),
        check("2.wrong-method", "A known route with a wrong method answers 405 with Allow and problem details")
            .book("routing")
            .hints(&[
                "405 has to say which methods there are, in the `Allow` header. axum sets it already; do not lose it.",
                "`Router::method_not_allowed_fallback` takes a handler, as `fallback` does. Let it return `Error::MethodNotAllowed`.",
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
        check("2.broken-json", "Malformed JSON answers 400 with problem details")
            .book("extractors")
            .hints(&[
                "The `Json` extractor answers by itself when it cannot read the body, in its own words.",
                "Write an extractor of your own that calls axum's and turns its rejection into your error.",
                "`FromRequest` for `ValidJson<T>` calls `Json::<Value>::from_request(request, state).await` and looks at the `JsonRejection` in the `Err`: `JsonSyntaxError` means that it is no JSON.",
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
        check("2.wrong-media-type", "A body that is not application/json answers 415 with problem details")
            .book("extractors")
            .hints(&[
                "The client says in `Content-Type` what it sends. JSON under another name is refused too.",
                "A parameter is no other type: `application/json; charset=utf-8` is fine.",
                "axum's `Json` looks at the header for you: its rejection is then `JsonRejection::MissingJsonContentType`.",
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
        check("2.bad-id", "An id that is no integer, or beyond 64 bits, answers 400 or 404 with problem details")
            .book("extractors")
            .hints(&[
                "`Path<i64>` refuses `abc` by itself, with a text of its own. That rejection, too, becomes your error.",
                "A fallback does not see it: the route fits. Write a small extractor around `Path`.",
                "`FromRequestParts` for your `Path<T>` calls `axum::extract::Path::<T>::from_request_parts(parts, state).await` and makes an `Error::Invalid` out of an `Err`.",
            ])
            .proof(async |api| {
                let known = api.any_habit().await?.id;
                // The last two lead to a habit that exists where an id is cut off or wraps around.
                let beyond = known + (1_i128 << 64);
                let ids = ["abc".into(), "1.5".into(), "99999999999999999999999999".into(), beyond.to_string(), format!("{known}abc")];
                for id in ids {
                    let path = format!("/habits/{id}");
                    // Who takes 422 for a broken rule may take it for this one.
                    expect_problem(&api.get(&path).await?, [400, 404, 422])?;
                    expect_problem(&api.patch(&path, json!({ "completed_today": true })).await?, [400, 404, 422])?;
                    expect_problem(&api.delete(&path).await?, [400, 404, 422])?;
                }
                Ok(())
            }),
        check("2.no-internals", "No error shows a stack trace, a source file or the name of a library")
            .book("one-shape-for-errors")
            .hints(&[
                "What a library says of an error is for your log. Tell the client in words of your own.",
                "An attacker reads your errors as well: a library's name and version tell which holes to try.",
            ])
            .proof(async |api| {
                let habit = api.any_habit().await?;
                let broken = |body: &'static str| Request::new("POST", "/habits").header("content-type", "application/json").body(body);
                let provocations = [
                    Request::new("GET", "/no-such-thing"),
                    Request::new("GET", "/habits/abc"),
                    // Percent signs that stand for nothing: a framework may answer before the router is asked.
                    Request::new("GET", "/habits/%zz"),
                    Request::new("GET", "/habits/%ff"),
                    Request::new("DELETE", "/habits"),
                    broken("{\"name\": "),
                    broken("{\"name\": 7}"),
                    broken("{}"),
                    broken("[]"),
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
