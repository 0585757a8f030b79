//! Requests that take longer than `REQUEST_TIMEOUT_MS` allows.

use std::time::{Duration, Instant};

use serde_json::json;

use super::database_failure::{Trouble, ask, in_trouble};
use crate::api::routes::{any, creates, imports};
use crate::http::{ConnectionLost, Request, Response};
use crate::sabotage::{Sabotage, wrong};

const SLOW: &[&str] = &["5.database-slow"];
/// More than the right server waits for a connection, and less than for an answer, when REQUEST_TIMEOUT_MS is 400.
const LIMIT_OF_THE_POOL: Duration = Duration::from_millis(350);
/// More than any check waits.
const TOO_LONG: Duration = Duration::from_secs(5);

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [waiting(), responses()].into_iter().flatten().collect()
}

fn waiting() -> Vec<Sabotage> {
    let timeout = |name, breaks, milliseconds: &'static str| {
        wrong(name, SLOW, breaks).startup(move |startup| startup.variables.push(("REQUEST_TIMEOUT_MS", milliseconds.into())))
    };
    let patient = |name, breaks, when: fn(&Request) -> bool| {
        wrong(name, SLOW, breaks).instead(when, async |request, upstream| {
            let (response, trouble) = ask(request, upstream).await?;
            if trouble == Some(Trouble::Silent) {
                tokio::time::sleep(TOO_LONG).await;
            }
            Ok(response)
        })
    };
    vec![
        timeout("requests-may-take-a-minute", "A request ends after a minute, whatever REQUEST_TIMEOUT_MS says.", "60000"),
        timeout("timeout-is-always-5-seconds", "REQUEST_TIMEOUT_MS is not read.", "5000"),
        timeout("timeout-is-in-hundredths", "REQUEST_TIMEOUT_MS is taken for hundredths of a second.", "4000"),
        wrong("lost-answers-are-waited-for", SLOW, "Getting a connection has a limit, but the answer to a statement has none.")
            .instead(creates, async |request, upstream| {
                let begun = Instant::now();
                let response = upstream.send(request).await?;
                if response.status() == 503 && begun.elapsed() > LIMIT_OF_THE_POOL {
                    tokio::time::sleep(TOO_LONG).await;
                }
                Ok(response)
            }),
        patient("imports-have-no-timeout", "An import waits for a silent database.", imports),
        patient("creates-have-no-timeout", "POST /habits waits for a silent database.", creates),
    ]
}

fn responses() -> Vec<Sabotage> {
    let late =
        |name, breaks, change: fn(&Request, &mut Response)| in_trouble(wrong(name, SLOW, breaks), Trouble::Silent, any, change);
    vec![
        late("timeout-answers-500", "A request that takes too long is answered by 500.", |_, response| {
            response.set_problem(500, "Oops.")
        }),
        late("timeout-answers-404", "A request that takes too long is answered by 404.", |_, response| {
            response.set_problem(404, "Nothing.")
        }),
        late("timeout-answers-400", "A request that takes too long is answered by 400.", |_, response| {
            response.set_problem(400, "Slow.")
        }),
        late("timeout-is-no-problem", "A timeout is answered by 503 without problem details.", |_, response| {
            response.set_plain_error(503, "timeout")
        }),
        late("timeout-says-nothing", "A timeout is answered by 408 without a body, as a layer does by itself.", |_, response| {
            response.set_status(408);
            response.clear();
        }),
        late("timeout-tells-the-library", "The answer to a request that takes too long names the library.", |_, response| {
            response.set_problem(503, "tokio::time::error::Elapsed: deadline has elapsed")
        }),
        late("timeout-answers-201", "POST answers 201 when the database is silent.", |request, response| {
            response.set_status(201);
            match creates(request) {
                true => response.set_json("application/json", &json!({ "id": 1, "name": request.field("name") })),
                false => response.set_json("application/json", &json!([])),
            }
        }),
        wrong("timeout-hangs-up", SLOW, "A request that takes too long ends with the connection.").instead(
            any,
            async |request, upstream| match ask(request, upstream).await? {
                (_, Some(Trouble::Silent)) => Err(ConnectionLost),
                (response, _) => Ok(response),
            },
        ),
    ]
}
