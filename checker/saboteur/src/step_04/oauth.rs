//! Wrong ways to sign in with a provider.

use std::cell::RefCell;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::Method;
use serde_json::json;

use crate::api::jwt;
use crate::api::routes::is_for;
use crate::api::users::{first_user, set_login};
use crate::database::quote_literal;
use crate::http::{ConnectionLost, Request, Response, Upstream};
use crate::sabotage::{Sabotage, wrong};
use crate::startup::Startup;

/// The cookie of the right server that ties a visit to a browser.
const COOKIE: &str = "__Host-oauth-state";
/// The variables of a provider.
const VARIABLES: [&str; 6] =
    ["OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OAUTH_AUTHORIZE_URL", "OAUTH_TOKEN_URL", "OAUTH_USERINFO_URL", "PUBLIC_URL"];

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [starts(), ends(), verifiers(), states(), denials(), failures(), absence()].into_iter().flatten().collect()
}

/// Whether a request is `GET /auth/oauth/start`.
fn starts_visit(request: &Request) -> bool {
    is_for(request, Method::GET, "/auth/oauth/start")
}

/// Whether a request is `GET /auth/oauth/callback`.
fn comes_back(request: &Request) -> bool {
    is_for(request, Method::GET, "/auth/oauth/callback")
}

/// Whether a request is the callback of a user who said no.
fn is_denied(request: &Request) -> bool {
    comes_back(request) && request.query_parameter("error").is_some()
}

/// A parameter of the way to the provider.
fn sent<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    let (_, query) = response.header("location")?.split_once('?')?;
    query.split('&').filter_map(|pair| pair.split_once('=')).find(|(known, _)| *known == name).map(|(_, value)| value)
}

/// Changes a parameter of the way to the provider, or takes it away.
fn send(response: &mut Response, name: &str, value: Option<&str>) {
    let Some((to, query)) = response.header("location").and_then(|location| location.split_once('?')) else { return };
    let mut pairs: Vec<String> = query.split('&').map(str::to_owned).collect();
    pairs.retain(|pair| pair.split('=').next() != Some(name));
    pairs.extend(value.map(|value| format!("{name}={value}")));
    let location = format!("{to}?{}", pairs.join("&"));
    response.set_header("location", &location);
}

fn starts() -> Vec<Sabotage> {
    let told = |name, breaks, spoil: fn(&mut Response)| {
        wrong(name, &["4.oauth"], breaks).response(starts_visit, move |_, response| {
            if response.status() == 302 {
                spoil(response)
            }
        })
    };
    vec![
        told("visit-starts-with-200", "GET /auth/oauth/start answers 200 and the address as JSON.", |response| {
            let location = response.header("location").unwrap_or_default().to_owned();
            response.set_status(200);
            response.set_json("application/json", &json!({ "url": location }));
        }),
        told("visit-starts-with-301", "GET /auth/oauth/start answers 301.", |response| response.set_status(301)),
        told("visit-has-no-response-type", "The provider is not told that a code is wanted.", |response| {
            send(response, "response_type", None)
        }),
        told("visit-wants-a-token", "The provider is asked for a token in place of a code.", |response| {
            send(response, "response_type", Some("token"))
        }),
        told("visit-has-no-client", "The provider is not told which client asks.", |response| send(response, "client_id", None)),
        told("visit-has-another-client", "The provider is told a client_id that stands in the source.", |response| {
            send(response, "client_id", Some("my-app"))
        }),
        told("visit-leads-back-to-localhost", "The way back is where the server listens, not PUBLIC_URL.", |response| {
            send(response, "redirect_uri", Some("http%3A%2F%2F127.0.0.1%3A8000%2Fauth%2Foauth%2Fcallback"))
        }),
        told("visit-leads-back-elsewhere", "The way back is another path of PUBLIC_URL.", |response| {
            send(response, "redirect_uri", Some("https%3A%2F%2Fhabits.example.com%2Fcallback"))
        }),
        told("visit-has-no-state", "The provider gets no state.", |response| send(response, "state", None)),
        told("visit-has-a-short-state", "The state is four letters.", |response| send(response, "state", Some("abcd"))),
        told("visit-has-no-challenge", "The provider gets no code_challenge.", |response| send(response, "code_challenge", None)),
        told("visit-has-no-challenge-method", "The provider is not told how the code_challenge is made.", |response| {
            send(response, "code_challenge_method", None)
        }),
        told("visit-has-a-plain-challenge-method", "The code_challenge_method is plain.", |response| {
            send(response, "code_challenge_method", Some("plain"))
        }),
        told("visit-has-a-hexadecimal-challenge", "The code_challenge is written in hexadecimal digits.", |response| {
            let bytes = sent(response, "code_challenge").and_then(|text| URL_SAFE_NO_PAD.decode(text).ok()).unwrap_or_default();
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            send(response, "code_challenge", Some(&digits));
        }),
        told("visit-has-a-padded-challenge", "The code_challenge is in base64 with padding.", |response| {
            let padded = format!("{}%3D", sent(response, "code_challenge").unwrap_or_default());
            send(response, "code_challenge", Some(&padded));
        }),
    ]
}

/// What the database does when somebody from a provider has the e-mail address of a user: it leaves a lock behind, which names
/// that user and outlives the transaction that fails.
const NOTED: &str = "CREATE FUNCTION saboteur.note() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_advisory_lock_shared(7352, id::int) FROM users WHERE lower(email) = lower(NEW.email); RETURN NEW; END';
    CREATE TRIGGER note BEFORE INSERT ON users FOR EACH ROW WHEN (NEW.password_hash IS NULL) EXECUTE FUNCTION saboteur.note()";

fn ends() -> Vec<Sabotage> {
    let trips = &["4.oauth"];
    let told = |name, breaks, spoil: fn(&mut Response)| {
        wrong(name, trips, breaks).response(comes_back, move |_, response| {
            if response.is_success() {
                spoil(response)
            }
        })
    };
    vec![
        told("visit-ends-with-nothing", "The callback answers 200 and signs nobody in.", |response| {
            response.set_json("application/json", &json!({ "status": "ok" }))
        }),
        told("visit-ends-with-500", "The callback answers 500.", |response| response.set_problem(500, "Something went wrong.")),
        told("visit-ends-with-a-bad-token", "The callback gives an access token that leads nowhere.", |response| {
            response.edit(|login| login["access_token"] = json!("token"))
        }),
        wrong("visit-ends-in-the-first-account", trips, "The callback signs everybody in as the first user.").instead(
            comes_back,
            async |request, upstream| {
                let mut response = upstream.send(request).await?;
                if response.is_success() {
                    set_login(&mut response, first_user(upstream).await?);
                }
                Ok(response)
            },
        ),
        wrong("each-visit-makes-a-user", trips, "Each visit to the provider makes another user.").instead(
            comes_back,
            async |request, upstream| {
                let forget =
                    "UPDATE users SET email = gen_random_uuid() || '@localhost' WHERE id IN (SELECT user_id FROM oauth_accounts);
                    DELETE FROM oauth_accounts";
                upstream.database().run(forget).await?;
                upstream.send(request).await
            },
        ),
        wrong(
            "unverified-address-opens-an-account",
            trips,
            "An address that the provider has not verified opens the account that has it.",
        )
        .alter_tables(NOTED)
        .instead(comes_back, async |request, upstream| {
            let mut response = upstream.send(request).await?;
            let find = "SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND classid = 7352
                    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
            if let (409, Some(user)) = (response.status(), upstream.database().integer(find).await?) {
                set_login(&mut response, user);
            }
            Ok(response)
        }),
    ]
}

/// The verifier of the visit that just started.
async fn verifier(response: &Response, upstream: &Upstream) -> Result<String, ConnectionLost> {
    let find = format!("SELECT code_verifier FROM oauth_attempts WHERE {}", attempt(sent(response, "state").unwrap_or_default()));
    let rows: Vec<(String,)> = upstream.database().rows(&find).await?;
    Ok(rows.into_iter().next().map(|row| row.0).unwrap_or_default())
}

/// The row of a visit, as a condition.
fn attempt(state: &str) -> String {
    format!("state_hash = sha256(convert_to({}, 'UTF8'))", quote_literal(state))
}

/// The `S256` challenge of a verifier.
fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(hmac_sha256::Hash::hash(verifier.as_bytes()))
}

fn verifiers() -> Vec<Sabotage> {
    let trips = &["4.oauth-pkce"];
    // Starts visits with a verifier that is made of the right server's.
    let other = |name, breaks, other: fn(&str) -> String, challenge: fn(&str) -> String| {
        wrong(name, trips, breaks).instead(starts_visit, async move |request, upstream| {
            let mut response = upstream.send(request).await?;
            let other = other(&verifier(&response, upstream).await?);
            let state = attempt(sent(&response, "state").unwrap_or_default());
            let (stored, challenge) = (quote_literal(&other), challenge(&other));
            upstream.database().run(&format!("UPDATE oauth_attempts SET code_verifier = {stored} WHERE {state}")).await?;
            send(&mut response, "code_challenge", Some(&challenge));
            Ok(response)
        })
    };
    vec![
        other("verifier-is-the-challenge", "The code_challenge is the verifier itself.", str::to_owned, str::to_owned),
        other(
            "verifier-is-empty",
            "The verifier that the token endpoint gets is empty.",
            |_| String::new(),
            |_| challenge("another"),
        ),
        other(
            "verifier-is-another",
            "The verifier that the token endpoint gets is not that of the challenge.",
            str::to_owned,
            |_| challenge("another"),
        ),
        other("verifier-is-hashed-twice", "The challenge is the hash of a hash.", str::to_owned, |verifier| {
            challenge(&challenge(verifier))
        }),
        other("verifier-is-always-the-same", "All visits have one verifier.", |_| "verifier-".repeat(6), challenge),
        other("verifier-is-short", "A verifier has 20 letters.", |verifier| verifier[..20].to_owned(), challenge),
        other("verifier-is-long", "A verifier has 172 letters.", |verifier| verifier.repeat(4), challenge),
        other(
            "verifier-has-other-letters",
            "A verifier is written in base64 with plus signs and slashes.",
            |verifier| format!("+/{}=", &verifier[2..]),
            challenge,
        ),
    ]
}

/// Comes back as the visit with this state, in its browser.
fn come_back_as(request: &mut Request, state: &str) {
    request.set_query_parameter("state", Some(state));
    request.set_header("cookie", &format!("{COOKIE}={state}"));
}

fn states() -> Vec<Sabotage> {
    let trips = &["4.oauth-state"];
    // Takes what was never given out for the state of a visit that is going on.
    let lax = |name, breaks, status: Option<u16>, is_taken: fn(Option<&str>, &str) -> bool| {
        let given = RefCell::new(Vec::new());
        wrong(name, trips, breaks).instead(
            |request| starts_visit(request) || comes_back(request) && !is_denied(request),
            async move |mut request, upstream| {
                if starts_visit(&request) {
                    let response = upstream.send(request).await?;
                    given.borrow_mut().push(sent(&response, "state").unwrap_or_default().to_owned());
                    return Ok(response);
                }
                let state = request.query_parameter("state");
                let is_given = given.borrow().iter().any(|known| state == Some(known));
                let taken = given.borrow().iter().rev().find(|known| is_taken(state, known)).cloned();
                let Some(taken) = taken.filter(|_| !is_given) else { return upstream.send(request).await };
                come_back_as(&mut request, &taken);
                let mut response = upstream.send(request).await?;
                if let Some(status) = status {
                    response.set_problem(status, "The state is wrong.");
                }
                Ok(response)
            },
        )
    };
    vec![
        lax("state-is-not-looked-at", "The callback takes any state.", None, |_, _| true),
        lax("state-may-be-missing", "The callback takes a missing state.", None, |state, _| state.is_none()),
        lax("state-may-be-empty", "The callback takes an empty state.", None, |state, _| state == Some("")),
        lax("state-is-compared-by-its-length", "The callback takes any state of the right length.", None, |state, known| {
            state.is_some_and(|state| state.len() == known.len())
        }),
        lax(
            "state-is-compared-behind-its-first-letter",
            "The first letter of the state does not count.",
            None,
            |state, known| state.is_some_and(|state| state.len() == known.len() && state[1..] == known[1..]),
        ),
        lax("state-is-looked-at-last", "A code is used before the state is looked at.", Some(400), |_, _| true),
        lax(
            "missing-state-is-looked-at-last",
            "A code is used where the state is missing, and then refused.",
            Some(403),
            |state, _| state.is_none(),
        ),
        wrong("state-can-be-used-again", trips, "A state is good for any number of callbacks.").instead(
            |request| comes_back(request) && !is_denied(request),
            async |mut request, upstream| {
                let state = request.query_parameter("state").unwrap_or_default().to_owned();
                let keep = format!(
                    "CREATE TABLE IF NOT EXISTS saboteur_attempts (LIKE oauth_attempts);
                    INSERT INTO saboteur_attempts SELECT * FROM oauth_attempts WHERE {0};
                    INSERT INTO oauth_attempts SELECT DISTINCT * FROM saboteur_attempts WHERE {0} ON CONFLICT DO NOTHING",
                    attempt(&state)
                );
                upstream.database().run(&keep).await?;
                request.set_header("cookie", &format!("{COOKIE}={state}"));
                upstream.send(request).await
            },
        ),
        wrong("wrong-state-answers-500", trips, "A callback with a wrong state answers 500.").response(
            comes_back,
            |_, response| {
                if response.status() == 400 {
                    response.set_problem(500, "Something went wrong.")
                }
            },
        ),
        wrong("wrong-state-answers-200", trips, "A callback with a wrong state answers 200 and signs nobody in.").response(
            |request| comes_back(request) && !is_denied(request),
            |_, response| {
                if response.status() == 400 {
                    response.set_status(200);
                    response.set_json("application/json", &json!({ "error": "state" }));
                }
            },
        ),
    ]
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
