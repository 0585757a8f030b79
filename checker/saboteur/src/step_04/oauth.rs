//! Wrong ways to sign in with a provider.

use std::cell::RefCell;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::Method;
use serde_json::json;

use super::{first_user, is, jwt, number, sign_in, wrong};
use crate::message::{Answer, Request};
use crate::sabotage::Sabotage;
use crate::start::Start;
use crate::step_03::{parameter, quoted, refuse, set_parameter};
use crate::upstream::{Lost, Upstream};

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
    is(request, Method::GET, "/auth/oauth/start")
}

/// Whether a request is `GET /auth/oauth/callback`.
fn comes_back(request: &Request) -> bool {
    is(request, Method::GET, "/auth/oauth/callback")
}

/// Whether a request is the callback of a user who said no.
fn is_denied(request: &Request) -> bool {
    comes_back(request) && parameter(request, "error").is_some()
}

/// A parameter of the way to the provider.
fn sent<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    let (_, query) = answer.header("location")?.split_once('?')?;
    query.split('&').filter_map(|pair| pair.split_once('=')).find(|(known, _)| *known == name).map(|(_, value)| value)
}

/// Changes a parameter of the way to the provider, or takes it away.
fn send(answer: &mut Answer, name: &str, value: Option<&str>) {
    let Some((to, query)) = answer.header("location").and_then(|location| location.split_once('?')) else { return };
    let mut pairs: Vec<String> = query.split('&').map(str::to_owned).collect();
    pairs.retain(|pair| pair.split('=').next() != Some(name));
    pairs.extend(value.map(|value| format!("{name}={value}")));
    let location = format!("{to}?{}", pairs.join("&"));
    answer.set_header("location", &location);
}

fn starts() -> Vec<Sabotage> {
    let told = |name, breaks, spoil: fn(&mut Answer)| {
        wrong(name, &["4.oauth"], breaks).answer(starts_visit, move |_, answer| {
            if answer.status() == 302 {
                spoil(answer)
            }
        })
    };
    vec![
        told("visit-starts-with-200", "GET /auth/oauth/start answers 200 and the address as JSON.", |answer| {
            let location = answer.header("location").unwrap_or_default().to_owned();
            answer.set_status(200);
            answer.set_json("application/json", &json!({ "url": location }));
        }),
        told("visit-starts-with-301", "GET /auth/oauth/start answers 301.", |answer| answer.set_status(301)),
        told("visit-has-no-response-type", "The provider is not told that a code is wanted.", |answer| {
            send(answer, "response_type", None)
        }),
        told("visit-wants-a-token", "The provider is asked for a token in place of a code.", |answer| {
            send(answer, "response_type", Some("token"))
        }),
        told("visit-has-no-client", "The provider is not told which client asks.", |answer| send(answer, "client_id", None)),
        told("visit-has-another-client", "The provider is told a client_id that stands in the source.", |answer| {
            send(answer, "client_id", Some("my-app"))
        }),
        told("visit-leads-back-to-localhost", "The way back is where the server listens, not PUBLIC_URL.", |answer| {
            send(answer, "redirect_uri", Some("http%3A%2F%2F127.0.0.1%3A8000%2Fauth%2Foauth%2Fcallback"))
        }),
        told("visit-leads-back-elsewhere", "The way back is another path of PUBLIC_URL.", |answer| {
            send(answer, "redirect_uri", Some("https%3A%2F%2Fhabits.example.com%2Fcallback"))
        }),
        told("visit-has-no-state", "The provider gets no state.", |answer| send(answer, "state", None)),
        told("visit-has-a-short-state", "The state is four letters.", |answer| send(answer, "state", Some("abcd"))),
        told("visit-has-no-challenge", "The provider gets no code_challenge.", |answer| send(answer, "code_challenge", None)),
        told("visit-has-no-challenge-method", "The provider is not told how the code_challenge is made.", |answer| {
            send(answer, "code_challenge_method", None)
        }),
        told("visit-has-a-plain-challenge-method", "The code_challenge_method is plain.", |answer| {
            send(answer, "code_challenge_method", Some("plain"))
        }),
        told("visit-has-a-hexadecimal-challenge", "The code_challenge is written in hexadecimal digits.", |answer| {
            let bytes = sent(answer, "code_challenge").and_then(|text| URL_SAFE_NO_PAD.decode(text).ok()).unwrap_or_default();
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            send(answer, "code_challenge", Some(&digits));
        }),
        told("visit-has-a-padded-challenge", "The code_challenge is in base64 with padding.", |answer| {
            let padded = format!("{}%3D", sent(answer, "code_challenge").unwrap_or_default());
            send(answer, "code_challenge", Some(&padded));
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
    let told = |name, breaks, spoil: fn(&mut Answer)| {
        wrong(name, trips, breaks).answer(comes_back, move |_, answer| {
            if answer.is_success() {
                spoil(answer)
            }
        })
    };
    vec![
        told("visit-ends-with-nothing", "The callback answers 200 and signs nobody in.", |answer| {
            answer.set_json("application/json", &json!({ "status": "ok" }))
        }),
        told("visit-ends-with-500", "The callback answers 500.", |answer| refuse(answer, 500, "Something went wrong.")),
        told("visit-ends-with-a-bad-token", "The callback gives an access token that leads nowhere.", |answer| {
            answer.edit(|login| login["access_token"] = json!("token"))
        }),
        wrong("visit-ends-in-the-first-account", trips, "The callback signs everybody in as the first user.").instead(
            comes_back,
            async |request, server| {
                let mut answer = server.send(request).await?;
                if answer.is_success() {
                    sign_in(&mut answer, first_user(server).await?);
                }
                Ok(answer)
            },
        ),
        wrong("each-visit-makes-a-user", trips, "Each visit to the provider makes another user.").instead(
            comes_back,
            async |request, server| {
                let forget =
                    "UPDATE users SET email = gen_random_uuid() || '@localhost' WHERE id IN (SELECT user_id FROM oauth_accounts);
                    DELETE FROM oauth_accounts";
                server.database().run(forget).await?;
                server.send(request).await
            },
        ),
        wrong(
            "unverified-address-opens-an-account",
            trips,
            "An address that the provider has not verified opens the account that has it.",
        )
        .tables(NOTED)
        .instead(comes_back, async |request, server| {
            let mut answer = server.send(request).await?;
            let find = "SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND classid = 7352
                    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
            if let (409, Some(user)) = (answer.status(), number(server, find).await?) {
                sign_in(&mut answer, user);
            }
            Ok(answer)
        }),
    ]
}

/// The verifier of the visit that just started.
async fn verifier(answer: &Answer, server: &Upstream) -> Result<String, Lost> {
    let find = format!("SELECT code_verifier FROM oauth_attempts WHERE {}", attempt(sent(answer, "state").unwrap_or_default()));
    let rows: Vec<(String,)> = server.database().rows(&find).await?;
    Ok(rows.into_iter().next().map(|row| row.0).unwrap_or_default())
}

/// The row of a visit, as a condition.
fn attempt(state: &str) -> String {
    format!("state_hash = sha256(convert_to({}, 'UTF8'))", quoted(state))
}

/// The `S256` challenge of a verifier.
fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(hmac_sha256::Hash::hash(verifier.as_bytes()))
}

fn verifiers() -> Vec<Sabotage> {
    let trips = &["4.oauth-pkce"];
    // Starts visits with a verifier that is made of the right server's.
    let other = |name, breaks, other: fn(&str) -> String, challenge: fn(&str) -> String| {
        wrong(name, trips, breaks).instead(starts_visit, async move |request, server| {
            let mut answer = server.send(request).await?;
            let other = other(&verifier(&answer, server).await?);
            let state = attempt(sent(&answer, "state").unwrap_or_default());
            let (stored, challenge) = (quoted(&other), challenge(&other));
            server.database().run(&format!("UPDATE oauth_attempts SET code_verifier = {stored} WHERE {state}")).await?;
            send(&mut answer, "code_challenge", Some(&challenge));
            Ok(answer)
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
    set_parameter(request, "state", Some(state));
    request.set_header("cookie", &format!("{COOKIE}={state}"));
}

fn states() -> Vec<Sabotage> {
    let trips = &["4.oauth-state"];
    // Takes what was never given out for the state of a visit that is going on.
    let lax = |name, breaks, status: Option<u16>, is_taken: fn(Option<&str>, &str) -> bool| {
        let given = RefCell::new(Vec::new());
        wrong(name, trips, breaks).instead(
            |request| starts_visit(request) || comes_back(request) && !is_denied(request),
            async move |mut request, server| {
                if starts_visit(&request) {
                    let answer = server.send(request).await?;
                    given.borrow_mut().push(sent(&answer, "state").unwrap_or_default().to_owned());
                    return Ok(answer);
                }
                let state = parameter(&request, "state");
                let is_given = given.borrow().iter().any(|known| state == Some(known));
                let taken = given.borrow().iter().rev().find(|known| is_taken(state, known)).cloned();
                let Some(taken) = taken.filter(|_| !is_given) else { return server.send(request).await };
                come_back_as(&mut request, &taken);
                let mut answer = server.send(request).await?;
                if let Some(status) = status {
                    refuse(&mut answer, status, "The state is wrong.");
                }
                Ok(answer)
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
            async |mut request, server| {
                let state = parameter(&request, "state").unwrap_or_default().to_owned();
                let keep = format!(
                    "CREATE TABLE IF NOT EXISTS saboteur_attempts (LIKE oauth_attempts);
                    INSERT INTO saboteur_attempts SELECT * FROM oauth_attempts WHERE {0};
                    INSERT INTO oauth_attempts SELECT DISTINCT * FROM saboteur_attempts WHERE {0} ON CONFLICT DO NOTHING",
                    attempt(&state)
                );
                server.database().run(&keep).await?;
                request.set_header("cookie", &format!("{COOKIE}={state}"));
                server.send(request).await
            },
        ),
        wrong("wrong-state-answers-500", trips, "A callback with a wrong state answers 500.").answer(comes_back, |_, answer| {
            if answer.status() == 400 {
                refuse(answer, 500, "Something went wrong.")
            }
        }),
        wrong("wrong-state-answers-200", trips, "A callback with a wrong state answers 200 and signs nobody in.").answer(
            |request| comes_back(request) && !is_denied(request),
            |_, answer| {
                if answer.status() == 400 {
                    answer.set_status(200);
                    answer.set_json("application/json", &json!({ "error": "state" }));
                }
            },
        ),
    ]
}

fn denials() -> Vec<Sabotage> {
    let told = |name, breaks, spoil: fn(&mut Answer)| {
        wrong(name, &["4.oauth-denied"], breaks).answer(is_denied, move |_, answer| spoil(answer))
    };
    vec![
        told("no-answers-500", "A user who says no to the provider gets 500.", |answer| {
            refuse(answer, 500, "Something went wrong.")
        }),
        told("no-answers-502", "A user who says no to the provider gets 502.", |answer| {
            refuse(answer, 502, "The provider failed.")
        }),
        told("no-answers-200", "A user who says no to the provider gets 200.", |answer| {
            answer.set_status(200);
            answer.set_json("application/json", &json!({ "status": "denied" }));
        }),
        wrong("no-signs-in", &["4.oauth-denied"], "A user who says no to the provider is signed in.").instead(
            is_denied,
            async |request, server| {
                let mut answer = server.send(request).await?;
                answer.set_status(303);
                answer.set_header("location", &format!("/?access_token={}", jwt::of_user(first_user(server).await?)));
                Ok(answer)
            },
        ),
        wrong("no-asks-for-a-token", &["4.oauth-denied"], "The token endpoint is asked when a user says no, and then it is 400.")
            .request(is_denied, |request| {
                set_parameter(request, "error", None);
                set_parameter(request, "code", Some("undefined"));
            })
            .answer(is_denied, |_, answer| refuse(answer, 400, "You have said no.")),
    ]
}

fn failures() -> Vec<Sabotage> {
    let trips = &["4.oauth-down"];
    let told = |name, breaks, is_it: fn(u16) -> bool, spoil: fn(&mut Answer)| {
        wrong(name, trips, breaks).answer(comes_back, move |_, answer| {
            if is_it(answer.status()) {
                spoil(answer)
            }
        })
    };
    let any_failure = |status| matches!(status, 502 | 504);
    vec![
        told("provider-down-answers-500", "A provider that is down is answered by 500.", any_failure, |answer| {
            refuse(answer, 500, "Something went wrong.")
        }),
        told("provider-down-answers-400", "A provider that is down is the user's mistake.", any_failure, |answer| {
            refuse(answer, 400, "You were not signed in.")
        }),
        told("provider-down-answers-200", "A provider that is down is answered by 200 and an error.", any_failure, |answer| {
            answer.set_status(200);
            answer.set_json("application/json", &json!({ "error": "provider" }));
        }),
        told(
            "silent-provider-answers-500",
            "A provider that does not answer is answered by 500.",
            |status| status == 504,
            |answer| refuse(answer, 500, "Something went wrong."),
        ),
        told("provider-down-tells-where-it-is", "A provider that is down is told with its address.", any_failure, |answer| {
            let address = std::env::var("OAUTH_TOKEN_URL").unwrap_or_default();
            refuse(answer, 502, &format!("error sending request for url ({address}): connection refused"));
        }),
        told("provider-down-ends-the-server", "A provider that is down ends the server.", any_failure, |_| std::process::exit(1)),
        wrong("silent-provider-is-waited-for", trips, "A provider that does not answer is waited for.").instead(
            comes_back,
            async |request, server| {
                let answer = server.send(request).await?;
                if answer.status() == 504 {
                    tokio::time::sleep(Duration::from_secs(60)).await;
                }
                Ok(answer)
            },
        ),
    ]
}

fn absence() -> Vec<Sabotage> {
    let trips = &["4.oauth-off"];
    let set = || VARIABLES.iter().filter(|name| std::env::var(name).is_ok_and(|value| !value.is_empty())).count();
    let absent = |name, breaks, status: u16| {
        wrong(name, trips, breaks).answer(
            |request| starts_visit(request) || comes_back(request),
            move |_, answer| {
                if answer.status() == 404 {
                    refuse(answer, status, "There is no provider.")
                }
            },
        )
    };
    let partial = |name, breaks, change: fn(&mut Start)| {
        wrong(name, trips, breaks).start(move |start| {
            if (1..VARIABLES.len()).contains(&set()) {
                change(start)
            }
        })
    };
    vec![
        absent("no-provider-answers-500", "Without a provider the routes answer 500.", 500),
        absent("no-provider-answers-501", "Without a provider the routes answer 501.", 501),
        absent("no-provider-answers-503", "Without a provider the routes answer 503.", 503),
        absent("no-provider-answers-401", "Without a provider the routes answer 401.", 401),
        partial("half-a-provider-is-none", "With some variables of the provider the server starts without it.", |start| {
            start.variables.extend(VARIABLES.map(|name| (name, String::new())));
        }),
        partial("half-a-provider-is-not-named", "With some variables of the provider the server ends without a name.", |start| {
            start.refusal = Some("the provider is not set up".into());
        }),
        partial(
            "half-a-provider-names-another",
            "With some variables of the provider the server ends and names one that is there.",
            |start| {
                start.refusal = Some("OAUTH_CLIENT_ID is not enough".into());
            },
        ),
    ]
}
