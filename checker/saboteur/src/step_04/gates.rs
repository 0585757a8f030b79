//! Routes that let people in who are not signed in, and wrong ways to keep them out.

use hyper::Method;
use serde_json::json;

use super::{act_as, asks_me, first_user, is_nobody, leaves, owner, unauthorized, wrong};
use crate::message::{Answer, Request, any, creates, deletes, lists, patches, puts, reads};
use crate::sabotage::Sabotage;
use crate::step_03::{completes, imports, lists_days, refuse, uncompletes};

const GATES: &[&str] = &["4.unauthorized"];

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [routes(), proofs(), order(), refusals()].into_iter().flatten().collect()
}

/// Serves requests without a token as those of the habit's owner, or of the first user.
fn open(name: &'static str, trips: &'static [&'static str], breaks: &'static str, when: fn(&Request) -> bool) -> Sabotage {
    wrong(name, trips, breaks).instead(
        move |request| when(request) && is_nobody(request),
        async |mut request, server| {
            let user = match owner(&request, server).await? {
                Some(user) => user,
                None => first_user(server).await?,
            };
            act_as(&mut request, user);
            server.send(request).await
        },
    )
}

fn routes() -> Vec<Sabotage> {
    let open_route = |name, breaks, when| open(name, GATES, breaks, when);
    vec![
        open_route("list-needs-no-token", "GET /habits needs no token.", lists),
        open_route("create-needs-no-token", "POST /habits needs no token.", creates),
        open_route("read-needs-no-token", "GET /habits/{id} needs no token.", reads),
        open_route("patch-needs-no-token", "PATCH /habits/{id} needs no token.", patches),
        open_route("put-needs-no-token", "PUT /habits/{id} needs no token.", puts),
        open_route("delete-needs-no-token", "DELETE /habits/{id} needs no token.", deletes),
        open_route("days-need-no-token", "GET /habits/{id}/completions needs no token.", lists_days),
        open_route("complete-needs-no-token", "PUT /habits/{id}/completions/{date} needs no token.", completes),
        open_route("uncomplete-needs-no-token", "DELETE /habits/{id}/completions/{date} needs no token.", uncompletes),
        open_route("import-needs-no-token", "POST /habits/import needs no token.", imports),
        open_route("reading-needs-no-token", "No GET below /habits needs a token.", |request| {
            request.head.method == Method::GET && request.path().starts_with("/habits")
        }),
        open_route("head-needs-no-token", "HEAD /habits needs no token.", |request| {
            request.head.method == Method::HEAD && request.path() == "/habits"
        }),
        open_route("version-1-needs-no-token", "The routes below /v1 need no token.", |request| {
            request.head.uri.path().starts_with("/v1/habits")
        }),
        open("me-needs-no-token", &["4.unauthorized", "4.session"], "GET /me needs no token.", asks_me),
        wrong("leaving-needs-no-token", GATES, "DELETE /me without a token answers 204.").answer(
            |request| leaves(request) && is_nobody(request),
            |_, answer| {
                answer.set_status(204);
                answer.remove_header("www-authenticate");
                answer.clear();
            },
        ),
    ]
}

/// Takes what stands in `Authorization` for a token where `read` finds one.
fn lax(name: &'static str, breaks: &'static str, read: fn(&str) -> Option<&str>) -> Sabotage {
    wrong(name, GATES, breaks).request(any, move |request| {
        let token = request.header("authorization").and_then(read).map(|token| format!("Bearer {}", token.trim()));
        if let Some(field) = token {
            request.set_header("authorization", &field);
        }
    })
}

fn proofs() -> Vec<Sabotage> {
    vec![
        lax("any-scheme-is-taken", "What stands before the token does not count.", |field| {
            field.split_once(' ').map(|(_, token)| token)
        }),
        lax("basic-is-taken", "A token behind Basic is taken.", |field| field.strip_prefix("Basic ")),
        lax("token-is-a-scheme", "A token behind Token is taken.", |field| field.strip_prefix("Token ")),
        lax("bare-tokens-are-taken", "A token without a scheme is taken.", |field| (!field.contains(' ')).then_some(field)),
        wrong("refusal-has-no-request-id", GATES, "The 401 of a request without a token has no x-request-id.").answer(
            |request| request.header("authorization").is_none(),
            |_, answer| {
                if answer.status() == 401 {
                    answer.remove_header("x-request-id");
                }
            },
        ),
        wrong("garbage-answers-500", GATES, "A token that is none answers 500.").answer(
            |request| request.header("authorization").is_some_and(|field| field.contains("garbage")),
            |_, answer| refuse(answer, 500, "Something went wrong."),
        ),
        wrong("garbage-answers-400", GATES, "An Authorization that cannot be read answers 400.").answer(
            |request| request.header("authorization").is_some_and(|field| !field.contains('.')),
            |_, answer| refuse(answer, 400, "The token cannot be read."),
        ),
        wrong("three-parts-answer-500", GATES, "A token of three parts that are none answers 500.").answer(
            |request| request.header("authorization") == Some("Bearer a.b.c"),
            |_, answer| refuse(answer, 500, "Something went wrong."),
        ),
    ]
}

fn order() -> Vec<Sabotage> {
    // Nobody's own: what is wrong with the request is told, and nothing is done.
    let told = |name, breaks, when: fn(&Request) -> bool, status: &'static [u16]| {
        wrong(name, GATES, breaks).instead(
            move |request| when(request) && is_nobody(request),
            async |mut request, server| {
                act_as(&mut request, i64::MAX);
                let nobody = unauthorized(&request, server).await?;
                let answer = server.send(request).await?;
                Ok(if status.contains(&answer.status()) { answer } else { nobody })
            },
        )
    };
    let below_a_habit = |request: &Request| super::habit(request).is_some();
    vec![
        told(
            "bodies-are-looked-at-first",
            "POST /habits tells what is wrong with the body before it asks who sends it.",
            creates,
            &[400, 415],
        ),
        told("media-types-are-looked-at-first", "POST /habits answers 415 before 401.", creates, &[415]),
        told(
            "imports-are-looked-at-first",
            "POST /habits/import tells what is wrong with the body before it asks who sends it.",
            imports,
            &[400],
        ),
        told("habits-are-looked-up-first", "A habit that there is not answers 404 before 401.", below_a_habit, &[404]),
        told(
            "queries-are-looked-at-first",
            "GET /habits tells what is wrong with the query before it asks who sends it.",
            lists,
            &[400],
        ),
    ]
}

fn refusals() -> Vec<Sabotage> {
    let below_habits = |request: &Request| request.path().starts_with("/habits");
    let told = |name, breaks, spoil: fn(&mut Answer)| {
        wrong(name, GATES, breaks).answer(
            move |request| below_habits(request) && is_nobody(request),
            move |_, answer| {
                if answer.status() == 401 {
                    spoil(answer)
                }
            },
        )
    };
    vec![
        told("no-token-answers-403", "A request without a token answers 403.", |answer| {
            refuse(answer, 403, "You may not do this.")
        }),
        told("no-token-answers-400", "A request without a token answers 400.", |answer| {
            refuse(answer, 400, "There is no token.")
        }),
        told("no-token-answers-404", "A request without a token answers 404.", |answer| {
            refuse(answer, 404, "There is nothing here.")
        }),
        told("no-token-leads-to-a-login", "A request without a token leads to a page to log in.", |answer| {
            answer.set_status(302);
            answer.set_header("location", "/auth/login");
        }),
        told("no-token-gets-no-challenge", "The 401 for a request without a token has no WWW-Authenticate.", |answer| {
            answer.remove_header("www-authenticate")
        }),
        told("no-token-gets-another-challenge", "The 401 for a request without a token asks for Basic.", |answer| {
            answer.set_header("www-authenticate", "Basic realm=\"habits\"")
        }),
        told("no-token-gets-no-problem", "The 401 for a request without a token is no problem details.", |answer| {
            answer.set_plain_error(401, "no token")
        }),
        told("no-token-gets-another-status-in-the-body", "The problem details of a 401 say 403.", |answer| {
            answer.edit(|body| body["status"] = json!(403))
        }),
        wrong(
            "no-token-gets-no-challenge-anywhere",
            &["4.unauthorized", "4.session", "4.roles"],
            "No route asks for a token by WWW-Authenticate.",
        )
        .answer(
            |request| request.header("authorization").is_none() && !request.path().starts_with("/auth"),
            |_, answer| answer.remove_header("www-authenticate"),
        ),
    ]
}
