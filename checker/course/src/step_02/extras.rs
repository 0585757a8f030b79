//! The stretch checks of step 2.

use serde_json::{Value, json};

use super::{DESCRIPTION_MOST, NAME_MOST, expect_allow};
use harness::check::{Check, check};
use harness::habit::Habit;
use harness::problem::{expect_invalid, expect_problem};
use model::{Outcome, Request};
use probe::Response;

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("2.v1", "The whole API is also available under /v1")
            .stretch()
            .book("versioning")
            .hints(&[
                "`Router::nest` mounts a router under a path prefix. Both routers must have the same state type.",
                "A `Router` can be cloned: nest a clone of it in the original.",
            ])
            .proof(async |api| {
                let response = api.post("/v1/habits", json!({ "name": api.data.name() })).await?;
                response.status(201)?;
                let habit = Habit::of(&response)?;
                let (response, read) = api.read(&habit).await?;
                read.expect_same(&response, &habit)?;
                let path = format!("/v1{}", habit.path());
                let response = api.patch(&path, json!({ "completed_today": true })).await?;
                response.status(200)?;
                let response = api.get(&path).await?;
                response.status(200)?;
                Habit::of(&response)?.expect(&response, "completed_today", true)?;
                let response = api.get("/v1/habits").await?;
                response.status(200)?;
                if !Habit::list(&response)?.iter().any(|listed| listed.id == habit.id) {
                    return Err(response.fail(format!("habit {} in the list", habit.id), "a list without it"));
                }
                // PUT is a stretch goal of its own.
                let whole = json!({ "name": api.data.name() });
                if api.put(habit.path(), whole.clone()).await?.code() == 200 {
                    api.put(&path, whole).await?.status(200)?;
                }
                api.delete(&path).await?.status(204)?;
                expect_problem(&api.get(&path).await?, 404)?;
                expect_problem(&api.get(habit.path()).await?, 404)?;
                expect_problem(&api.delete("/v1/habits").await?, 405)?;
                Ok(())
            }),
        check("2.compression", "A long response is compressed if Accept-Encoding asks for it, and only then")
            .stretch()
            .book("content-negotiation")
            .hints(&["`tower_http::compression::CompressionLayer` does the content negotiation: it reads `Accept-Encoding` and compresses the body."])
            .proof(async |api| {
                for _ in 0..30 {
                    api.create_described(&api.data.name(), &api.data.description().repeat(4)).await?;
                }
                let list_as = |encodings: &'static str| Request::new("GET", "/habits").header("accept-encoding", encodings);
                let plain = api.get("/habits").await?;
                for uncompressed in [&plain, &api.http.send(list_as("identity")).await?, &api.http.send(list_as("gzip;q=0")).await?] {
                    if let Some(encoding) = uncompressed.header("content-encoding") {
                        return Err(uncompressed
                            .fail("no Content-Encoding, since the request asked for none", format!("Content-Encoding: {encoding}")));
                    }
                }
                let mut compressed = api.http.send(list_as("gzip")).await?;
                if compressed.header("content-encoding").is_none() {
                    compressed = api.http.send(list_as("br")).await?;
                }
                let only_br = api.http.send(list_as("br")).await?;
                if let Some("gzip") = only_br.header("content-encoding") {
                    return Err(only_br.fail("Content-Encoding: br, or none", "Content-Encoding: gzip"));
                }
                let decompressed = match compressed.header("content-encoding") {
                    Some("gzip") => gunzip(&compressed)?,
                    // Brotli is not decoded here: it is enough that the body is short and not JSON.
                    Some("br") if compressed.json().is_err() && compressed.body().len() < plain.body().len() / 2 => return Ok(()),
                    other => {
                        let actual = format!("Content-Encoding: {}, {} bytes", other.unwrap_or("none"), compressed.body().len());
                        return Err(compressed.fail("Content-Encoding: gzip or br", actual));
                    }
                };
                if compressed.body().len() >= plain.body().len() {
                    return Err(
                        compressed.fail(format!("fewer than {} bytes", plain.body().len()), format!("{} bytes", compressed.body().len()))
                    );
                }
                let decompressed: Value = serde_json::from_slice(&decompressed).unwrap_or_default();
                compressed.same(&plain.json()?, &decompressed)?;
                Ok(())
            }),
        check("2.head", "HEAD responds like GET, without a body")
            .stretch()
            .book("head-and-options")
            .hints(&["axum routes HEAD to the GET handler. Check what your own middleware layers do to the response."])
            .proof(async |api| {
                let habit = api.any_habit().await?;
                for path in [String::from("/habits"), habit.path(), String::from("/no-such-thing")] {
                    let get = api.get(&path).await?;
                    let head = api.http.send(Request::new("HEAD", &path)).await?;
                    head.status(get.code())?;
                    let expected = [
                        ("content-type", get.header("content-type").unwrap_or("none").to_owned()),
                        // GET need not send Content-Length: chunked transfer encoding shows the end of the body as well.
                        ("content-length", get.body().len().to_string()),
                    ];
                    // An error body may contain a timestamp or an id, so its length may vary.
                    let compared = if get.code() < 400 { 2 } else { 1 };
                    for (name, expected) in expected.into_iter().take(compared) {
                        // RFC 9110, section 9.3.2: a header field may be absent, but not different.
                        if let Some(actual) = head.header(name).filter(|actual| *actual != expected) {
                            return Err(head.fail(format!("{name}: {expected}"), format!("{name}: {actual}")));
                        }
                    }
                    let sent = api.http.body_after_head(&path).await?;
                    match sent {
                        Ok(0) => {}
                        Ok(bytes) => return Err(head.fail("no body after the headers", format!("a body of {bytes} bytes"))),
                        Err(none) => return Err(head.fail("a response to HEAD", none.to_string())),
                    }
                }
                Ok(())
            }),
        check("2.options", "OPTIONS responds 200 or 204 with an Allow header")
            .stretch()
            .book("head-and-options")
            .hints(&[
                "OPTIONS asks which methods a route supports. Respond 204 and list them in the `Allow` header.",
                "No route has a handler for OPTIONS, so the method-not-allowed fallback runs. It can take a `Method` as a parameter, and axum adds `Allow` to its response too.",
            ])
            .proof(async |api| {
                let habit = api.any_habit().await?;
                for (path, methods) in [("/habits".into(), &["GET", "POST"][..]), (habit.path(), &["GET", "PATCH", "DELETE"][..])]
                {
                    let response = api.http.send(Request::new("OPTIONS", path)).await?;
                    response.status([200, 204])?;
                    expect_allow(&response, methods, "TRACE")?;
                }
                Ok(())
            }),
        check("2.put-validates", "PUT validates its body by the same rules as POST")
            .stretch()
            .book("validation")
            .hints(&[
                "Validate in one place that POST, PATCH and PUT share: a type that can only be constructed from a valid body.",
                "In the starter, that place is the extractor. Implement `Validate` for `HabitReplacement` as you did for `NewHabit`.",
            ])
            .proof(async |api| {
                let habit = api.any_habit().await?;
                for name in [json!(" "), json!("x".repeat(NAME_MOST + 1)), json!(7), Value::Null] {
                    expect_invalid(&api.put(habit.path(), json!({ "name": name })).await?, "name")?;
                }
                expect_invalid(&api.put(habit.path(), json!({})).await?, "name")?;
                let long = json!({ "name": api.data.name(), "description": "x".repeat(DESCRIPTION_MOST + 1) });
                expect_invalid(&api.put(habit.path(), long).await?, "description")?;
                let (response, read) = api.read(&habit).await?;
                read.expect_same(&response, &habit)?;
                Ok(())
            }),
    ]
}

/// Decompresses the body, up to a limit, so that a decompression bomb cannot exhaust the memory.
fn gunzip(response: &Response) -> Outcome<Vec<u8>> {
    use std::io::Read;
    let mut decompressed = Vec::new();
    let reader = flate2::read::GzDecoder::new(response.body().as_ref());
    match reader.take(4 * 1024 * 1024).read_to_end(&mut decompressed) {
        Ok(_) => Ok(decompressed),
        Err(error) => Err(response.fail("a gzip body", format!("a body that cannot be decompressed ({error})"))),
    }
}
