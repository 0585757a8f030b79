//! Signing in with a provider: OAuth 2.0, the code flow with PKCE and state.

mod visit;

use futures_util::future::try_join;

use super::{expect_refusal, expect_users};
use harness::check::{Check, check};
use model::{Outcome, Stop};
use services::form;
use services::loopback::{ClosedPort, Fault};
use services::oauth::challenge;
use visit::{CALLBACK, START, Visit, server};

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("4.oauth", "GET /auth/oauth/start redirects to the provider with a state and a PKCE challenge, and the callback signs the user in")
            .stretch()
            .needs(&["4.me"])
            .book("oauth")
            .hints(&[
                "Redirect with 302 to `OAUTH_AUTHORIZE_URL`. The query has response_type=code, client_id, redirect_uri, state, code_challenge, code_challenge_method=S256.",
                "redirect_uri is `PUBLIC_URL` followed by `/auth/oauth/callback`. There, exchange the code for an access token, and fetch the user with this token.",
                "An e-mail address that the provider has not verified may belong to anybody: it must not give access to an existing account.",
            ])
            .proof(async |api| {
                let (api, provider, person) = server(api, &[]).await?;
                let api = &api.api;
                let mut ids = Vec::new();
                // The second time there is an account.
                for _ in 0..2 {
                    let mut visit = Visit::start(api).await?;
                    visit.expect_query(&provider)?;
                    let back = visit.agree(api, &provider).await?;
                    let response = visit.go(api, &back).await?;
                    let Some(me) = visit.me(api, &response).await? else {
                        let refusal = provider.token_requests().pop().and_then(|asked| asked.refusal);
                        let why = refusal.map(|why| format!("; the provider rejected the code: {why}")).unwrap_or_default();
                        return Err(response.fail("a response that signs the user in", format!("status {}{why}", response.code())));
                    };
                    ids.push(super::expect_user(&me, &person.email)?["id"].clone());
                }
                if ids[0] != ids[1] {
                    return Err(Stop::fail(format!("the same user id again, {}", ids[0]), format!("another user, {}", ids[1])));
                }
                let member = api.user().await?;
                provider.set_user(visit::Person { subject: api.data.token(8), email: member.email.clone(), verified: false, ..person });
                let mut visit = Visit::start(api).await?;
                let back = visit.agree(api, &provider).await?;
                let response = visit.go(api, &back).await?;
                match visit.me(api, &response).await? {
                    Some(me) if super::expect_user(&me, &member.email).is_ok() => {
                        Err(response.fail("no access to an account through an unverified e-mail address", format!("signed in as {}", member.email)))
                    }
                    _ => Ok(()),
                }
            }),
        check("4.oauth-pkce", "The token request has the code_verifier that matches the challenge, and each sign-in has a new one")
            .stretch()
            .needs(&["4.oauth"])
            .book("oauth")
            .hints(&[
                "The verifier is a long random string that the browser never sees; the challenge is its SHA-256 hash in base64url.",
                "Store the verifier with the state, and send it as `code_verifier` with the code.",
            ])
            .proof(async |api| {
                let (api, provider, _) = server(api, &[]).await?;
                let api = &api.api;
                let mut verifiers = Vec::new();
                for _ in 0..2 {
                    let mut visit = Visit::start(api).await?;
                    let back = visit.agree(api, &provider).await?;
                    let response = visit.go(api, &back).await?;
                    let requests = provider.token_requests();
                    let Some(asked) = requests.last() else {
                        return Err(response.fail("a request to the token endpoint", "none"));
                    };
                    let verifier = form::value(&asked.fields, "code_verifier").unwrap_or_default();
                    if asked.challenge.as_deref() != Some(&*challenge(verifier)) {
                        let expected = format!("a code_verifier that hashes to {}", asked.challenge.as_deref().unwrap_or("the challenge"));
                        return Err(response.fail(expected, format!("code_verifier: {verifier:?}, with the SHA-256 {}", challenge(verifier))));
                    }
                    // RFC 7636, section 4.1.
                    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
                    if !(43..=128).contains(&verifier.len()) || !verifier.chars().all(is_plain) {
                        return Err(response.fail("a code_verifier of 43 to 128 letters, digits and -._~", verifier));
                    }
                    if verifiers.iter().any(|known| known == verifier) {
                        return Err(response.fail("a new code_verifier each time", format!("{verifier} again")));
                    }
                    verifiers.push(verifier.to_owned());
                }
                Ok(())
            }),
        check("4.oauth-state", "A callback with a wrong, missing or reused state is rejected, and its code is not used")
            .stretch()
            .needs(&["4.oauth"])
            .book("oauth")
            .hints(&[
                "Anybody can send your user to the callback with a code of their own. The state proves that this sign-in began in the same browser.",
                "A state is valid once: delete it when it comes back, before you do anything else.",
            ])
            .proof(async |api| {
                let (api, provider, _) = server(api, &[]).await?;
                let api = &api.api;
                let visit = Visit::start(api).await?;
                let code = visit.agree(api, &provider).await?;
                let code = form::value(&code, "code").unwrap_or_default().to_owned();
                let state = visit.field("state").to_owned();
                let first = if state.starts_with('A') { 'B' } else { 'A' };
                let changed = format!("{first}{}", state.chars().skip(1).collect::<String>());
                let random = api.data.token(state.len().max(8));
                for wrong in [Some(changed.as_str()), Some(&random), Some(""), None] {
                    let fields = [("code", code.as_str())].into_iter().chain(wrong.map(|wrong| ("state", wrong)));
                    // A visit of its own: a server may give a visit up after one wrong state.
                    let mut visit = Visit::start(api).await?;
                    visit.expect_refused(api, &provider, &visit::fields(fields)).await?;
                }
                let mut visit = Visit::start(api).await?;
                let back = visit.agree(api, &provider).await?;
                visit.go(api, &back).await?.status([200, 201, 204, 302, 303, 307])?;
                let again = visit.agree(api, &provider).await?;
                visit.expect_refused(api, &provider, &again).await
            }),
        check("4.oauth-denied", "When the user denies access at the provider, the callback responds 4xx and no user is created")
            .stretch()
            .needs(&["4.oauth"])
            .book("oauth")
            .hints(&["The callback then gets `error=access_denied` instead of a code. That is not a server error."])
            .proof(async |api| {
                let (api, provider, person) = server(api, &[]).await?;
                let api = &api.api;
                let mut visit = Visit::start(api).await?;
                let denied = visit::fields([("error", "access_denied"), ("state", visit.field("state"))]);
                let response = visit.go(api, &denied).await?;
                // A page of one's own may tell it as well.
                if !(300..500).contains(&response.code()) {
                    return Err(response.fail("status 4xx", format!("status {}", response.code())));
                }
                if visit.me(api, &response).await?.is_some() || !provider.token_requests().is_empty() {
                    return Err(response.fail("no signed-in user and no token request", "the sign-in continues"));
                }
                expect_users(api, &person.email, 0).await
            }),
        check("4.oauth-down", "While the provider refuses connections, hangs or fails, the callback responds 502, 503 or 504 in time")
            .stretch()
            .needs(&["4.oauth"])
            .book("oauth")
            .hints(&[
                "A request to another server needs a timeout: `Client::builder().timeout(…)` of reqwest.",
                "A provider's failure is neither the user's mistake nor yours: 502 Bad Gateway, or 504 when it took too long.",
            ])
            .proof(async |api| {
                let closed = ClosedPort::bind().map_err(|error| Stop::Inconclusive(format!("the checker found no free port: {error}")))?;
                let elsewhere = format!("{}/token", closed.base_url());
                let down = async {
                    let (api, provider, _) = server(api, &[("OAUTH_TOKEN_URL", &elsewhere)]).await?;
                    expect_bad_gateway(&api.api, &provider, None).await
                };
                let silent = async {
                    let (api, provider, _) = server(api, &[]).await?;
                    for fault in [Fault::Hang, Fault::Nonsense, Fault::ServerError] {
                        expect_bad_gateway(&api.api, &provider, Some(fault)).await?;
                    }
                    Ok(())
                };
                try_join(down, silent).await.map(drop)
            }),
        check("4.oauth-off", "Without the OAUTH_* variables the routes respond 404; if only some are set, the program exits and names a missing one")
            .stretch()
            .book("oauth")
            .hints(&[
                "Nobody has to set up a provider to run your server. If all variables are absent, the feature is off.",
                "A partial configuration is a mistake: report it at startup. `Option<OAuth>` in the configuration holds all or nothing.",
            ])
            .proof(async |api| {
                for path in [START.to_owned(), format!("{CALLBACK}?code=x&state=y")] {
                    api.anonymous().get(path).await?.status(404)?;
                }
                let variables = visit::some_variables();
                for missing in ["OAUTH_CLIENT_SECRET", "OAUTH_TOKEN_URL"] {
                    let rest: Vec<(&str, &str)> = variables.iter().copied().filter(|(name, _)| *name != missing).collect();
                    let came = api.run_to_exit(&rest).await?;
                    expect_refusal(missing, &format!("an environment without {missing}"), came)?;
                }
                Ok(())
            }),
    ]
}

/// Fails unless a visit ends by saying that the provider does not do its part, and the server goes on.
async fn expect_bad_gateway(api: &harness::api::Api, provider: &visit::Provider, fault: Option<Fault>) -> Outcome {
    let mut visit = Visit::start(api).await?;
    let back = visit.agree(api, provider).await?;
    provider.set_token_fault(fault);
    let response = visit.go(api, &back).await;
    provider.set_token_fault(None);
    let response = response?;
    response.status([502, 503, 504])?;
    // Both addresses are of this kind.
    if response.text().contains("127.0.0.1") {
        return Err(response.fail("a response without the provider's address", response.text()));
    }
    api.get("/me").await?.status(200)?;
    Ok(())
}
