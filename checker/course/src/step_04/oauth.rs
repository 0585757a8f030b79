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
        check("4.oauth", "GET /auth/oauth/start leads to the provider with state and PKCE, and the callback signs its user in")
            .stretch()
            .needs(&["4.me"])
            .book("oauth")
            .hints(&[
                "302 to `OAUTH_AUTHORIZE_URL` with response_type=code, client_id, redirect_uri, state, code_challenge, code_challenge_method=S256.",
                "redirect_uri is `PUBLIC_URL` and `/auth/oauth/callback`. There the code becomes a token, and the token a user.",
                "An address that the provider has not verified may be anybody's: it must not open an account that exists.",
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
                    let answer = visit.go(api, &back).await?;
                    let Some(me) = visit.me(api, &answer).await? else {
                        let refusal = provider.token_requests().pop().and_then(|asked| asked.refusal);
                        let told = refusal.map(|why| format!("; the provider has refused the code: {why}")).unwrap_or_default();
                        return Err(answer.fail("an answer that signs the user in", format!("status {}{told}", answer.code())));
                    };
                    ids.push(super::expect_user(&me, &person.email)?["id"].clone());
                }
                if ids[0] != ids[1] {
                    return Err(Stop::fail(format!("one account, with the id {}", ids[0]), format!("another one, {}", ids[1])));
                }
                let member = api.user().await?;
                provider.set_user(visit::Person { subject: api.data.token(8), email: member.email.clone(), verified: false, ..person });
                let mut visit = Visit::start(api).await?;
                let back = visit.agree(api, &provider).await?;
                let answer = visit.go(api, &back).await?;
                match visit.me(api, &answer).await? {
                    Some(me) if super::expect_user(&me, &member.email).is_ok() => {
                        Err(answer.fail("no way into an account by an address that is not verified", format!("signed in as {}", member.email)))
                    }
                    _ => Ok(()),
                }
            }),
        check("4.oauth-pkce", "The token endpoint gets the code_verifier that fits the challenge, and each visit has its own")
            .stretch()
            .needs(&["4.oauth"])
            .book("oauth")
            .hints(&[
                "The verifier is a long random text that stays on the server; the challenge is its SHA-256 in base64 for URLs.",
                "Keep the verifier beside the state, and send it as `code_verifier` with the code.",
            ])
            .proof(async |api| {
                let (api, provider, _) = server(api, &[]).await?;
                let api = &api.api;
                let mut verifiers = Vec::new();
                for _ in 0..2 {
                    let mut visit = Visit::start(api).await?;
                    let back = visit.agree(api, &provider).await?;
                    let answer = visit.go(api, &back).await?;
                    let requests = provider.token_requests();
                    let Some(asked) = requests.last() else {
                        return Err(answer.fail("a request to the token endpoint", "none"));
                    };
                    let verifier = form::value(&asked.fields, "code_verifier").unwrap_or_default();
                    if asked.challenge.as_deref() != Some(&*challenge(verifier)) {
                        let expected = format!("a code_verifier whose SHA-256 is {}", asked.challenge.as_deref().unwrap_or("there"));
                        return Err(answer.fail(expected, format!("code_verifier: {verifier:?}, with the SHA-256 {}", challenge(verifier))));
                    }
                    // RFC 7636, section 4.1.
                    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
                    if !(43..=128).contains(&verifier.len()) || !verifier.chars().all(is_plain) {
                        return Err(answer.fail("a code_verifier of 43 to 128 letters, digits and -._~", verifier));
                    }
                    if verifiers.iter().any(|known| known == verifier) {
                        return Err(answer.fail("another code_verifier each time", format!("{verifier} again")));
                    }
                    verifiers.push(verifier.to_owned());
                }
                Ok(())
            }),
        check("4.oauth-state", "A callback with a wrong, missing or reused state is refused, and its code is not used")
            .stretch()
            .needs(&["4.oauth"])
            .book("oauth")
            .hints(&[
                "Anybody can send your user to the callback with a code of their own. The state says whether this visit began here.",
                "A state is good once: delete it when it comes back, before anything else is done.",
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
        check("4.oauth-denied", "A user who says no to the provider is told so by 4xx, and nobody is signed up")
            .stretch()
            .needs(&["4.oauth"])
            .book("oauth")
            .hints(&["Then the callback gets `error=access_denied` in the place of a code. That is no failure of the server."])
            .proof(async |api| {
                let (api, provider, person) = server(api, &[]).await?;
                let api = &api.api;
                let mut visit = Visit::start(api).await?;
                let denied = visit::fields([("error", "access_denied"), ("state", visit.field("state"))]);
                let answer = visit.go(api, &denied).await?;
                // A page of one's own may tell it as well.
                if !(300..500).contains(&answer.code()) {
                    return Err(answer.fail("status 4xx", format!("status {}", answer.code())));
                }
                if visit.me(api, &answer).await?.is_some() || !provider.token_requests().is_empty() {
                    return Err(answer.fail("nobody who is signed in, and no request for a token", "the visit goes on"));
                }
                expect_users(api, &person.email, 0).await
            }),
        check("4.oauth-down", "While the provider is down, silent or out of order, the callback answers 502, 503 or 504 in time")
            .stretch()
            .needs(&["4.oauth"])
            .book("oauth")
            .hints(&[
                "A request to somebody else's server needs a deadline: `Client::builder().timeout(…)` of reqwest.",
                "What the provider does wrong is neither your user's mistake nor yours: 502 Bad Gateway, or 504 when it took too long.",
            ])
            .proof(async |api| {
                let closed = ClosedPort::bind().map_err(|error| Stop::Inconclusive(format!("there is no port: {error}")))?;
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
        check("4.oauth-off", "Without OAUTH_* the routes answer 404; with some of them missing, the program ends and names one")
            .stretch()
            .book("oauth")
            .hints(&[
                "Nobody has to set up a provider to run your server. All variables absent means: the feature is off.",
                "Half a configuration is a mistake, and is told at the start. `Option<OAuth>` in the configuration holds all or nothing.",
            ])
            .proof(async |api| {
                for path in [START.to_owned(), format!("{CALLBACK}?code=x&state=y")] {
                    api.as_nobody().get(path).await?.status(404)?;
                }
                let variables = visit::some_variables();
                for missing in ["OAUTH_CLIENT_SECRET", "OAUTH_TOKEN_URL"] {
                    let rest: Vec<(&str, &str)> = variables.iter().copied().filter(|(name, _)| *name != missing).collect();
                    let came = api.run_to_exit(&rest).await?;
                    expect_refusal(missing, &format!("every variable but {missing}"), came)?;
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
    let answer = visit.go(api, &back).await;
    provider.set_token_fault(None);
    let answer = answer?;
    answer.status([502, 503, 504])?;
    // Both addresses are of this kind.
    if answer.text().contains("127.0.0.1") {
        return Err(answer.fail("an answer without the provider's address", answer.text()));
    }
    api.get("/me").await?.status(200)?;
    Ok(())
}
