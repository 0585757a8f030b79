//! Wrong responses to a user who denies access, to a provider that fails, and to a missing configuration.

use std::time::Duration;

use serde_json::json;

use super::oauth_requests::{is_callback, is_denied, starts_login};
use crate::api::jwt;
use crate::api::users::first_user;
use crate::http::Response;
use crate::sabotage::{Sabotage, wrong};
use crate::startup::Startup;

/// The variables that configure a provider.
const VARIABLES: [&str; 6] =
    ["OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OAUTH_AUTHORIZE_URL", "OAUTH_TOKEN_URL", "OAUTH_USERINFO_URL", "PUBLIC_URL"];

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [denials(), failures(), absence()].into_iter().flatten().collect()
}

fn denials() -> Vec<Sabotage> {
    let change_denial = |name, breaks, change: fn(&mut Response)| {
        wrong(name, &["4.oauth-denied"], breaks).response(is_denied, move |_, response| change(response))
    };
    vec![
        change_denial("no-answers-500", "A callback with error=access_denied answers 500.", |response| {
            response.set_problem(500, "Something went wrong.")
        }),
        change_denial("no-answers-502", "A callback with error=access_denied answers 502.", |response| {
            response.set_problem(502, "The provider failed.")
        }),
        change_denial("no-answers-200", "A callback with error=access_denied answers 200.", |response| {
            response.set_status(200);
            response.set_json("application/json", &json!({ "status": "denied" }));
        }),
        wrong("no-signs-in", &["4.oauth-denied"], "A callback with error=access_denied logs the user in.").instead(
            is_denied,
            async |request, upstream| {
                let mut response = upstream.send(request).await?;
                response.set_status(303);
                response.set_header("location", &format!("/?access_token={}", jwt::token_for(first_user(upstream).await?)));
                Ok(response)
            },
        ),
        wrong(
            "no-asks-for-a-token",
            &["4.oauth-denied"],
            "A callback with error=access_denied answers 400, but only after a request to the token endpoint.",
        )
        .request(is_denied, |request| {
            request.set_query_parameter("error", None);
            request.set_query_parameter("code", Some("undefined"));
        })
        .response(is_denied, |_, response| response.set_problem(400, "You have said no.")),
    ]
}

fn failures() -> Vec<Sabotage> {
    let trips = &["4.oauth-down"];
    let on_failure = |name, breaks, is_it: fn(u16) -> bool, change: fn(&mut Response)| {
        wrong(name, trips, breaks).response(is_callback, move |_, response| {
            if is_it(response.status()) {
                change(response)
            }
        })
    };
    let any_failure = |status| matches!(status, 502 | 504);
    vec![
        on_failure("provider-down-answers-500", "A failing provider answers 500.", any_failure, |response| {
            response.set_problem(500, "Something went wrong.")
        }),
        on_failure("provider-down-answers-400", "A failing provider answers 400.", any_failure, |response| {
            response.set_problem(400, "You were not signed in.")
        }),
        on_failure("provider-down-answers-200", "A failing provider answers 200 and an error.", any_failure, |response| {
            response.set_status(200);
            response.set_json("application/json", &json!({ "error": "provider" }));
        }),
        on_failure(
            "silent-provider-answers-500",
            "A provider that does not respond answers 500.",
            |status| status == 504,
            |response| response.set_problem(500, "Something went wrong."),
        ),
        on_failure(
            "provider-down-tells-where-it-is",
            "The error response for a failing provider shows its URL.",
            any_failure,
            |response| {
                let address = std::env::var("OAUTH_TOKEN_URL").unwrap_or_default();
                response.set_problem(502, &format!("error sending request for url ({address}): connection refused"));
            },
        ),
        on_failure("provider-down-ends-the-server", "A failing provider ends the server.", any_failure, |_| {
            std::process::exit(1)
        }),
        wrong("silent-provider-is-waited-for", trips, "The server waits without a timeout for a provider that does not respond.")
            .instead(is_callback, async |request, upstream| {
                let response = upstream.send(request).await?;
                if response.status() == 504 {
                    tokio::time::sleep(Duration::from_secs(60)).await;
                }
                Ok(response)
            }),
    ]
}

fn absence() -> Vec<Sabotage> {
    let trips = &["4.oauth-off"];
    let count_set = || VARIABLES.iter().filter(|name| std::env::var(name).is_ok_and(|value| !value.is_empty())).count();
    let on_404 = |name, breaks, status: u16| {
        wrong(name, trips, breaks).response(
            |request| starts_login(request) || is_callback(request),
            move |_, response| {
                if response.status() == 404 {
                    response.set_problem(status, "There is no provider.")
                }
            },
        )
    };
    let if_incomplete = |name, breaks, change: fn(&mut Startup)| {
        wrong(name, trips, breaks).startup(move |startup| {
            if (1..VARIABLES.len()).contains(&count_set()) {
                change(startup)
            }
        })
    };
    vec![
        on_404("no-provider-answers-500", "Without a provider the OAuth routes answer 500.", 500),
        on_404("no-provider-answers-501", "Without a provider the OAuth routes answer 501.", 501),
        on_404("no-provider-answers-503", "Without a provider the OAuth routes answer 503.", 503),
        on_404("no-provider-answers-401", "Without a provider the OAuth routes answer 401.", 401),
        if_incomplete(
            "half-a-provider-is-none",
            "With only some of the provider's variables the server starts without OAuth.",
            |startup| {
                startup.variables.extend(VARIABLES.map(|name| (name, String::new())));
            },
        ),
        if_incomplete(
            "half-a-provider-is-not-named",
            "With only some of the provider's variables the server exits without naming a missing one.",
            |startup| {
                startup.error = Some("the provider is not set up".into());
            },
        ),
        if_incomplete(
            "half-a-provider-names-another",
            "With only some of the provider's variables the server exits and names one that is set.",
            |startup| {
                startup.error = Some("OAUTH_CLIENT_ID is not enough".into());
            },
        ),
    ]
}
