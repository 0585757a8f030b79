//! Routes without authentication, and wrong ways to authenticate.

use hyper::Method;
use serde_json::json;

use crate::api::routes::{
    any, completes, creates, deletes, deletes_me, habit_id, imports, lists, lists_completions, patches, puts, reads, reads_me,
    uncompletes,
};
use crate::api::users::{act_as, first_user, habit_owner, is_anonymous, unauthorized};
use crate::http::{Request, Response};
use crate::sabotage::{Sabotage, wrong};

const TRIPS: &[&str] = &["4.unauthorized"];

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [routes(), schemes(), order(), error_responses()].into_iter().flatten().collect()
}

/// Serves requests without a token as if the habit's owner, or the first user, had sent them.
fn skip_authentication(
    name: &'static str,
    trips: &'static [&'static str],
    breaks: &'static str,
    when: fn(&Request) -> bool,
) -> Sabotage {
    wrong(name, trips, breaks).instead(
        move |request| when(request) && is_anonymous(request),
        async |mut request, upstream| {
            let user = match habit_owner(&request, upstream).await? {
                Some(user) => user,
                None => first_user(upstream).await?,
            };
            act_as(&mut request, user);
            upstream.send(request).await
        },
    )
}

fn routes() -> Vec<Sabotage> {
    let skip = |name, breaks, when| skip_authentication(name, TRIPS, breaks, when);
    vec![
        skip("list-needs-no-token", "GET /habits needs no token.", lists),
        skip("create-needs-no-token", "POST /habits needs no token.", creates),
        skip("read-needs-no-token", "GET /habits/{id} needs no token.", reads),
        skip("patch-needs-no-token", "PATCH /habits/{id} needs no token.", patches),
        skip("put-needs-no-token", "PUT /habits/{id} needs no token.", puts),
        skip("delete-needs-no-token", "DELETE /habits/{id} needs no token.", deletes),
        skip("days-need-no-token", "GET /habits/{id}/completions needs no token.", lists_completions),
        skip("complete-needs-no-token", "PUT /habits/{id}/completions/{date} needs no token.", completes),
        skip("uncomplete-needs-no-token", "DELETE /habits/{id}/completions/{date} needs no token.", uncompletes),
        skip("import-needs-no-token", "POST /habits/import needs no token.", imports),
        skip("reading-needs-no-token", "No GET below /habits needs a token.", |request| {
            request.head.method == Method::GET && request.path().starts_with("/habits")
        }),
        skip("head-needs-no-token", "HEAD /habits needs no token.", |request| {
            request.head.method == Method::HEAD && request.path() == "/habits"
        }),
        skip("version-1-needs-no-token", "The routes below /v1 need no token.", |request| {
            request.head.uri.path().starts_with("/v1/habits")
        }),
        skip_authentication("me-needs-no-token", &["4.unauthorized", "4.session"], "GET /me needs no token.", reads_me),
        wrong("leaving-needs-no-token", TRIPS, "DELETE /me without a token answers 204.").response(
            |request| deletes_me(request) && is_anonymous(request),
            |_, response| {
                response.set_status(204);
                response.remove_header("www-authenticate");
                response.clear();
            },
        ),
    ]
}

/// Accepts an `Authorization` header if `read` finds a token in it.
fn accept_header(name: &'static str, breaks: &'static str, read: fn(&str) -> Option<&str>) -> Sabotage {
    wrong(name, TRIPS, breaks).request(any, move |request| {
        let token = request.header("authorization").and_then(read).map(|token| format!("Bearer {}", token.trim()));
        if let Some(field) = token {
            request.set_header("authorization", &field);
        }
    })
}

fn schemes() -> Vec<Sabotage> {
    vec![
        accept_header("any-scheme-is-taken", "A token is accepted with any authentication scheme.", |field| {
            field.split_once(' ').map(|(_, token)| token)
        }),
        accept_header("basic-is-taken", "A token is accepted with the scheme Basic.", |field| field.strip_prefix("Basic ")),
        accept_header("token-is-a-scheme", "A token is accepted with the scheme Token.", |field| field.strip_prefix("Token ")),
        accept_header("bare-tokens-are-taken", "A token is accepted without a scheme.", |field| {
            (!field.contains(' ')).then_some(field)
        }),
        wrong("refusal-has-no-request-id", TRIPS, "The 401 for a request without a token has no x-request-id.").response(
            |request| request.header("authorization").is_none(),
            |_, response| {
                if response.status() == 401 {
                    response.remove_header("x-request-id");
                }
            },
        ),
        wrong("garbage-answers-500", TRIPS, "A token that is not a JWT answers 500.").response(
            |request| request.header("authorization").is_some_and(|field| field.contains("garbage")),
            |_, response| response.set_problem(500, "Something went wrong."),
        ),
        wrong("garbage-answers-400", TRIPS, "A malformed Authorization header answers 400.").response(
            |request| request.header("authorization").is_some_and(|field| !field.contains('.')),
            |_, response| response.set_problem(400, "The token cannot be read."),
        ),
        wrong("three-parts-answer-500", TRIPS, "A token of three invalid parts answers 500.").response(
            |request| request.header("authorization") == Some("Bearer a.b.c"),
            |_, response| response.set_problem(500, "Something went wrong."),
        ),
    ]
}

fn order() -> Vec<Sabotage> {
    // As an unknown user, so that the request is validated but changes nothing.
    let validate_first = |name, breaks, when: fn(&Request) -> bool, status: &'static [u16]| {
        wrong(name, TRIPS, breaks).instead(
            move |request| when(request) && is_anonymous(request),
            async |mut request, upstream| {
                act_as(&mut request, i64::MAX);
                let nobody = unauthorized(&request, upstream).await?;
                let response = upstream.send(request).await?;
                Ok(if status.contains(&response.status()) { response } else { nobody })
            },
        )
    };
    let below_a_habit = |request: &Request| habit_id(request).is_some();
    vec![
        validate_first(
            "bodies-are-looked-at-first",
            "POST /habits validates the body before it authenticates.",
            creates,
            &[400, 415],
        ),
        validate_first("media-types-are-looked-at-first", "POST /habits answers 415 before it authenticates.", creates, &[415]),
        validate_first(
            "imports-are-looked-at-first",
            "POST /habits/import validates the body before it authenticates.",
            imports,
            &[400],
        ),
        validate_first(
            "habits-are-looked-up-first",
            "An unknown habit answers 404 before the server authenticates.",
            below_a_habit,
            &[404],
        ),
        validate_first("queries-are-looked-at-first", "GET /habits validates the query before it authenticates.", lists, &[400]),
    ]
}

fn error_responses() -> Vec<Sabotage> {
    let below_habits = |request: &Request| request.path().starts_with("/habits");
    let on_401 = |name, breaks, change: fn(&mut Response)| {
        wrong(name, TRIPS, breaks).response(
            move |request| below_habits(request) && is_anonymous(request),
            move |_, response| {
                if response.status() == 401 {
                    change(response)
                }
            },
        )
    };
    vec![
        on_401("no-token-answers-403", "A request without a token answers 403.", |response| {
            response.set_problem(403, "You may not do this.")
        }),
        on_401("no-token-answers-400", "A request without a token answers 400.", |response| {
            response.set_problem(400, "There is no token.")
        }),
        on_401("no-token-answers-404", "A request without a token answers 404.", |response| {
            response.set_problem(404, "There is nothing here.")
        }),
        on_401("no-token-leads-to-a-login", "A request without a token is redirected to a login page.", |response| {
            response.set_status(302);
            response.set_header("location", "/auth/login");
        }),
        on_401(
            "no-token-gets-no-challenge",
            "The 401 of /habits for a request without a token has no WWW-Authenticate.",
            |response| response.remove_header("www-authenticate"),
        ),
        on_401(
            "no-token-gets-another-challenge",
            "The 401 for a request without a token asks for the scheme Basic.",
            |response| response.set_header("www-authenticate", "Basic realm=\"habits\""),
        ),
        on_401("no-token-gets-no-problem", "The 401 for a request without a token is not problem details.", |response| {
            response.set_plain_error(401, "no token")
        }),
        on_401("no-token-gets-another-status-in-the-body", "The problem details of a 401 have the status 403.", |response| {
            response.edit(|body| body["status"] = json!(403))
        }),
        wrong(
            "no-token-gets-no-challenge-anywhere",
            &["4.unauthorized", "4.session", "4.roles"],
            "No route's 401 for a request without a token has WWW-Authenticate.",
        )
        .response(
            |request| request.header("authorization").is_none() && !request.path().starts_with("/auth"),
            |_, response| response.remove_header("www-authenticate"),
        ),
    ]
}
