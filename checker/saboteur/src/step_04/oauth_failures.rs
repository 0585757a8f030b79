//! Wrong responses to a user who denies access, to a provider that fails, and to a missing configuration.

use std::time::Duration;

use serde_json::json;

use super::oauth_requests::{comes_back, is_denied, starts_visit};
use crate::api::jwt;
use crate::api::users::first_user;
use crate::http::Response;
use crate::sabotage::{Sabotage, wrong};
use crate::startup::Startup;

/// The variables of a provider.
const VARIABLES: [&str; 6] =
    ["OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OAUTH_AUTHORIZE_URL", "OAUTH_TOKEN_URL", "OAUTH_USERINFO_URL", "PUBLIC_URL"];

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [denials(), failures(), absence()].into_iter().flatten().collect()
}

fn denials() -> Vec<Sabotage> {
    let told = |name, breaks, spoil: fn(&mut Response)| {
        wrong(name, &["4.oauth-denied"], breaks).response(is_denied, move |_, response| spoil(response))
    };
    vec![
        told("no-answers-500", "A user who says no to the provider gets 500.", |response| {
            response.set_problem(500, "Something went wrong.")
        }),
        told("no-answers-502", "A user who says no to the provider gets 502.", |response| {
            response.set_problem(502, "The provider failed.")
        }),
        told("no-answers-200", "A user who says no to the provider gets 200.", |response| {
            response.set_status(200);
            response.set_json("application/json", &json!({ "status": "denied" }));
        }),
        wrong("no-signs-in", &["4.oauth-denied"], "A user who says no to the provider is signed in.").instead(
            is_denied,
            async |request, upstream| {
                let mut response = upstream.send(request).await?;
                response.set_status(303);
                response.set_header("location", &format!("/?access_token={}", jwt::token_for(first_user(upstream).await?)));
                Ok(response)
            },
        ),
        wrong("no-asks-for-a-token", &["4.oauth-denied"], "The token endpoint is asked when a user says no, and then it is 400.")
            .request(is_denied, |request| {
                request.set_query_parameter("error", None);
                request.set_query_parameter("code", Some("undefined"));
            })
            .response(is_denied, |_, response| response.set_problem(400, "You have said no.")),
    ]
}

fn failures() -> Vec<Sabotage> {
    let trips = &["4.oauth-down"];
    let told = |name, breaks, is_it: fn(u16) -> bool, spoil: fn(&mut Response)| {
        wrong(name, trips, breaks).response(comes_back, move |_, response| {
            if is_it(response.status()) {
                spoil(response)
            }
        })
    };
    let any_failure = |status| matches!(status, 502 | 504);
    vec![
        told("provider-down-answers-500", "A provider that is down is answered by 500.", any_failure, |response| {
            response.set_problem(500, "Something went wrong.")
        }),
        told("provider-down-answers-400", "A provider that is down is the user's mistake.", any_failure, |response| {
            response.set_problem(400, "You were not signed in.")
        }),
        told("provider-down-answers-200", "A provider that is down is answered by 200 and an error.", any_failure, |response| {
            response.set_status(200);
            response.set_json("application/json", &json!({ "error": "provider" }));
        }),
        told(
            "silent-provider-answers-500",
            "A provider that does not answer is answered by 500.",
            |status| status == 504,
            |response| response.set_problem(500, "Something went wrong."),
        ),
        told("provider-down-tells-where-it-is", "A provider that is down is told with its address.", any_failure, |response| {
            let address = std::env::var("OAUTH_TOKEN_URL").unwrap_or_default();
            response.set_problem(502, &format!("error sending request for url ({address}): connection refused"));
        }),
        told("provider-down-ends-the-server", "A provider that is down ends the server.", any_failure, |_| std::process::exit(1)),
        wrong("silent-provider-is-waited-for", trips, "A provider that does not answer is waited for.").instead(
            comes_back,
            async |request, upstream| {
                let response = upstream.send(request).await?;
                if response.status() == 504 {
                    tokio::time::sleep(Duration::from_secs(60)).await;
                }
                Ok(response)
            },
        ),
    ]
}

fn absence() -> Vec<Sabotage> {
    let trips = &["4.oauth-off"];
    let set = || VARIABLES.iter().filter(|name| std::env::var(name).is_ok_and(|value| !value.is_empty())).count();
    let absent = |name, breaks, status: u16| {
        wrong(name, trips, breaks).response(
            |request| starts_visit(request) || comes_back(request),
            move |_, response| {
                if response.status() == 404 {
                    response.set_problem(status, "There is no provider.")
                }
            },
        )
    };
    let partial = |name, breaks, change: fn(&mut Startup)| {
        wrong(name, trips, breaks).startup(move |startup| {
            if (1..VARIABLES.len()).contains(&set()) {
                change(startup)
            }
        })
    };
    vec![
        absent("no-provider-answers-500", "Without a provider the routes answer 500.", 500),
        absent("no-provider-answers-501", "Without a provider the routes answer 501.", 501),
        absent("no-provider-answers-503", "Without a provider the routes answer 503.", 503),
        absent("no-provider-answers-401", "Without a provider the routes answer 401.", 401),
        partial("half-a-provider-is-none", "With some variables of the provider the server starts without it.", |startup| {
            startup.variables.extend(VARIABLES.map(|name| (name, String::new())));
        }),
        partial(
            "half-a-provider-is-not-named",
            "With some variables of the provider the server ends without a name.",
            |startup| {
                startup.error = Some("the provider is not set up".into());
            },
        ),
        partial(
            "half-a-provider-names-another",
            "With some variables of the provider the server ends and names one that is there.",
            |startup| {
                startup.error = Some("OAUTH_CLIENT_ID is not enough".into());
            },
        ),
    ]
}
