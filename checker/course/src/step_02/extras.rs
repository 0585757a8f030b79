//! The extras of step 2.

use serde_json::{Value, json};

use super::{DESCRIPTION_MOST, NAME_MOST, expect_allow};
use harness::check::{Check, check};
use harness::habit::Habit;
use harness::problem::{expect_invalid, expect_problem};
use model::{Outcome, Request};
use probe::Answer;

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("2.v1", "The whole API also answers under /v1")
            .stretch()
            .book("versioning")
            .hints(&[
                "`Router::nest` puts a whole router under a prefix; both share one state.",
                "A router can be cloned: nest one copy in the other.",
            ])
            .proof(async |api| {
                let answer = api.post("/v1/habits", json!({ "name": api.data.name() })).await?;
                answer.status(201)?;
                let habit = Habit::of(&answer)?;
                let (answer, read) = api.read(&habit).await?;
                read.expect_same(&answer, &habit)?;
                let path = format!("/v1{}", habit.path());
                let answer = api.patch(&path, json!({ "completed_today": true })).await?;
                answer.status(200)?;
                let answer = api.get(&path).await?;
                answer.status(200)?;
                Habit::of(&answer)?.expect(&answer, "completed_today", true)?;
                let answer = api.get("/v1/habits").await?;
                answer.status(200)?;
                if !Habit::list(&answer)?.iter().any(|listed| listed.id == habit.id) {
                    return Err(answer.fail(format!("habit {} in the list", habit.id), "a list without it"));
                }
                // PUT is an extra of its own.
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
        check("2.compression", "A long answer is compressed when asked for, and only then")
            .stretch()
            .book("content-negotiation")
            .hints(&["`tower_http::compression::CompressionLayer` reads `Accept-Encoding` and does the rest."])
            .proof(async |api| {
                for _ in 0..30 {
                    api.create_described(&api.data.name(), &api.data.description().repeat(4)).await?;
                }
                let asked = |encodings: &'static str| Request::new("GET", "/habits").header("accept-encoding", encodings);
                let plain = api.get("/habits").await?;
                for unasked in [&plain, &api.http.send(asked("identity")).await?, &api.http.send(asked("gzip;q=0")).await?] {
                    if let Some(encoding) = unasked.header("content-encoding") {
                        return Err(unasked
                            .fail("no Content-Encoding, since none was asked for", format!("Content-Encoding: {encoding}")));
                    }
                }
                let mut packed = api.http.send(asked("gzip")).await?;
                if packed.header("content-encoding").is_none() {
                    packed = api.http.send(asked("br")).await?;
                }
                let only_br = api.http.send(asked("br")).await?;
                if let Some("gzip") = only_br.header("content-encoding") {
                    return Err(only_br.fail("Content-Encoding: br, or none", "Content-Encoding: gzip"));
                }
                let unpacked = match packed.header("content-encoding") {
                    Some("gzip") => gunzip(&packed)?,
                    // Brotli is not unpacked here: that it is short and no JSON has to do.
                    Some("br") if packed.json().is_err() && packed.body().len() < plain.body().len() / 2 => return Ok(()),
                    other => {
                        let actual = format!("Content-Encoding: {}, {} bytes", other.unwrap_or("none"), packed.body().len());
                        return Err(packed.fail("Content-Encoding: gzip, or br", actual));
                    }
                };
                if packed.body().len() >= plain.body().len() {
                    return Err(
                        packed.fail(format!("fewer than {} bytes", plain.body().len()), format!("{} bytes", packed.body().len()))
                    );
                }
                let unpacked: Value = serde_json::from_slice(&unpacked).unwrap_or_default();
                packed.same(&plain.json()?, &unpacked)?;
                Ok(())
            }),
        check("2.head", "HEAD answers like GET, without a body")
            .stretch()
            .book("head-and-options")
            .hints(&["axum answers HEAD from the GET handler. Look at what your own layers do to it."])
            .proof(async |api| {
                let habit = api.any_habit().await?;
                for path in [String::from("/habits"), habit.path(), String::from("/no-such-thing")] {
                    let get = api.get(&path).await?;
                    let head = api.http.send(Request::new("HEAD", &path)).await?;
                    head.status(get.code())?;
                    let expected = [
                        ("content-type", get.header("content-type").unwrap_or("none").to_owned()),
                        // GET need not tell the length, where the end of the body shows in another way.
                        ("content-length", get.body().len().to_string()),
                    ];
                    // What is told of an error may have a moment or an id in it, and another length each time.
                    let compared = if get.code() < 400 { 2 } else { 1 };
                    for (name, expected) in expected.into_iter().take(compared) {
                        // RFC 9110, section 9.3.2: a header field may be left out, but not differ.
                        if let Some(actual) = head.header(name).filter(|actual| *actual != expected) {
                            return Err(head.fail(format!("{name}: {expected}"), format!("{name}: {actual}")));
                        }
                    }
                    let sent = api.http.body_after_head(&path).await?;
                    match sent {
                        Ok(0) => {}
                        Ok(bytes) => return Err(head.fail("no body after the header", format!("{bytes} bytes of body"))),
                        Err(none) => return Err(head.fail("an answer to HEAD", none.to_string())),
                    }
                }
                Ok(())
            }),
        check("2.options", "OPTIONS answers 2xx with Allow")
            .stretch()
            .book("head-and-options")
            .hints(&[
                "OPTIONS asks what may be done here. Answer 204, with the route's methods in `Allow`.",
                "No route has this method, so the handler for wrong methods is called. It can take a `Method` as its parameter, and axum adds `Allow` here too.",
            ])
            .proof(async |api| {
                let habit = api.any_habit().await?;
                for (path, methods) in [("/habits".into(), &["GET", "POST"][..]), (habit.path(), &["GET", "PATCH", "DELETE"][..])]
                {
                    let answer = api.http.send(Request::new("OPTIONS", path)).await?;
                    answer.status([200, 204])?;
                    expect_allow(&answer, methods, "TRACE")?;
                }
                Ok(())
            }),
        check("2.put-validates", "PUT refuses what POST refuses")
            .stretch()
            .book("validation")
            .hints(&[
                "Give the rules one place that POST, PATCH and PUT go through: a type that can only be made from a valid body.",
                "In the starter that place is the extractor. Implement `Validate` for `HabitReplacement` as you did for `NewHabit`.",
            ])
            .proof(async |api| {
                let habit = api.any_habit().await?;
                for name in [json!(" "), json!("x".repeat(NAME_MOST + 1)), json!(7), Value::Null] {
                    expect_invalid(&api.put(habit.path(), json!({ "name": name })).await?, "name")?;
                }
                expect_invalid(&api.put(habit.path(), json!({})).await?, "name")?;
                let long = json!({ "name": api.data.name(), "description": "x".repeat(DESCRIPTION_MOST + 1) });
                expect_invalid(&api.put(habit.path(), long).await?, "description")?;
                let (answer, read) = api.read(&habit).await?;
                read.expect_same(&answer, &habit)?;
                Ok(())
            }),
    ]
}

/// At most as much as the probe keeps of a body, so that a small body cannot unpack into all memory.
fn gunzip(answer: &Answer) -> Outcome<Vec<u8>> {
    use std::io::Read;
    let mut unpacked = Vec::new();
    let reader = flate2::read::GzDecoder::new(answer.body().as_ref());
    match reader.take(4 * 1024 * 1024).read_to_end(&mut unpacked) {
        Ok(_) => Ok(unpacked),
        Err(error) => Err(answer.fail("a gzip body", format!("a body that cannot be unpacked ({error})"))),
    }
}
