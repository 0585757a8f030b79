//! Routes that let people in who are not signed in, and wrong ways to keep them out.

use hyper::Method;
use serde_json::json;

use crate::api::routes::{
    any, completes, creates, deletes, deletes_me, habit_id, imports, lists, lists_completions, patches, puts, reads, reads_me,
    uncompletes,
};
use crate::api::users::{act_as, first_user, habit_owner, is_anonymous, unauthorized};
use crate::http::{Request, Response};
use crate::sabotage::{Sabotage, wrong};

const GATES: &[&str] = &["4.unauthorized"];

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [routes(), proofs(), order(), refusals()].into_iter().flatten().collect()
}

/// Serves requests without a token as those of the habit's owner, or of the first user.
fn open(name: &'static str, trips: &'static [&'static str], breaks: &'static str, when: fn(&Request) -> bool) -> Sabotage {
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
    let open_route = |name, breaks, when| open(name, GATES, breaks, when);
    vec![
        open_route("list-needs-no-token", "GET /habits needs no token.", lists),
        open_route("create-needs-no-token", "POST /habits needs no token.", creates),
        open_route("read-needs-no-token", "GET /habits/{id} needs no token.", reads),
        open_route("patch-needs-no-token", "PATCH /habits/{id} needs no token.", patches),
        open_route("put-needs-no-token", "PUT /habits/{id} needs no token.", puts),
        open_route("delete-needs-no-token", "DELETE /habits/{id} needs no token.", deletes),
        open_route("days-need-no-token", "GET /habits/{id}/completions needs no token.", lists_completions),
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
        open("me-needs-no-token", &["4.unauthorized", "4.session"], "GET /me needs no token.", reads_me),
        wrong("leaving-needs-no-token", GATES, "DELETE /me without a token answers 204.").response(
            |request| deletes_me(request) && is_anonymous(request),
            |_, response| {
                response.set_status(204);
                response.remove_header("www-authenticate");
                response.clear();
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
        wrong("refusal-has-no-request-id", GATES, "The 401 of a request without a token has no x-request-id.").response(
            |request| request.header("authorization").is_none(),
            |_, response| {
                if response.status() == 401 {
                    response.remove_header("x-request-id");
                }
            },
        ),
        wrong("garbage-answers-500", GATES, "A token that is none answers 500.").response(
            |request| request.header("authorization").is_some_and(|field| field.contains("garbage")),
            |_, response| response.set_problem(500, "Something went wrong."),
        ),
        wrong("garbage-answers-400", GATES, "An Authorization that cannot be read answers 400.").response(
            |request| request.header("authorization").is_some_and(|field| !field.contains('.')),
            |_, response| response.set_problem(400, "The token cannot be read."),
        ),
        wrong("three-parts-answer-500", GATES, "A token of three parts that are none answers 500.").response(
            |request| request.header("authorization") == Some("Bearer a.b.c"),
            |_, response| response.set_problem(500, "Something went wrong."),
        ),
    ]
}

fn order() -> Vec<Sabotage> {
    // Nobody's own: what is wrong with the request is told, and nothing is done.
    let told = |name, breaks, when: fn(&Request) -> bool, status: &'static [u16]| {
        wrong(name, GATES, breaks).instead(
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
    let told = |name, breaks, spoil: fn(&mut Response)| {
        wrong(name, GATES, breaks).response(
            move |request| below_habits(request) && is_anonymous(request),
            move |_, response| {
                if response.status() == 401 {
                    spoil(response)
                }
            },
        )
    };
    vec![
        told("no-token-answers-403", "A request without a token answers 403.", |response| {
            response.set_problem(403, "You may not do this.")
        }),
        told("no-token-answers-400", "A request without a token answers 400.", |response| {
            response.set_problem(400, "There is no token.")
        }),
        told("no-token-answers-404", "A request without a token answers 404.", |response| {
            response.set_problem(404, "There is nothing here.")
        }),
        told("no-token-leads-to-a-login", "A request without a token leads to a page to log in.", |response| {
            response.set_status(302);
            response.set_header("location", "/auth/login");
        }),
        told("no-token-gets-no-challenge", "The 401 for a request without a token has no WWW-Authenticate.", |response| {
            response.remove_header("www-authenticate")
        }),
        told("no-token-gets-another-challenge", "The 401 for a request without a token asks for Basic.", |response| {
            response.set_header("www-authenticate", "Basic realm=\"habits\"")
        }),
        told("no-token-gets-no-problem", "The 401 for a request without a token is no problem details.", |response| {
            response.set_plain_error(401, "no token")
        }),
        told("no-token-gets-another-status-in-the-body", "The problem details of a 401 say 403.", |response| {
            response.edit(|body| body["status"] = json!(403))
        }),
        wrong(
            "no-token-gets-no-challenge-anywhere",
            &["4.unauthorized", "4.session", "4.roles"],
            "No route asks for a token by WWW-Authenticate.",
        )
        .response(
            |request| request.header("authorization").is_none() && !request.path().starts_with("/auth"),
            |_, response| response.remove_header("www-authenticate"),
        ),
    ]
}
