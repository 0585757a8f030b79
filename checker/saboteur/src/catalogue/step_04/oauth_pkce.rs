//! Wrong code verifiers and challenges (PKCE, RFC 7636).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::oauth_requests::{has_state, redirect_parameter, set_redirect_parameter, starts_login};
use crate::database::quote_literal;
use crate::http::{ConnectionLost, Response, Upstream};
use crate::sabotage::{Sabotage, wrong};

/// The code verifier of the login that just started.
async fn verifier(response: &Response, upstream: &Upstream) -> Result<String, ConnectionLost> {
    let find = format!(
        "SELECT code_verifier FROM oauth_attempts WHERE {}",
        has_state(redirect_parameter(response, "state").unwrap_or_default())
    );
    let rows: Vec<(String,)> = upstream.database().rows(&find).await?;
    Ok(rows.into_iter().next().map(|row| row.0).unwrap_or_default())
}

/// The `S256` challenge of a verifier.
fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(hmac_sha256::Hash::hash(verifier.as_bytes()))
}

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    let trips = &["4.oauth-pkce"];
    // Starts logins with a verifier derived from the upstream server's.
    let replace_verifier = |name, breaks, derive: fn(&str) -> String, challenge: fn(&str) -> String| {
        wrong(name, trips, breaks).instead(starts_login, async move |request, upstream| {
            let mut response = upstream.send(request).await?;
            let verifier = derive(&verifier(&response, upstream).await?);
            let state = has_state(redirect_parameter(&response, "state").unwrap_or_default());
            let (stored, challenge) = (quote_literal(&verifier), challenge(&verifier));
            upstream.database().run(&format!("UPDATE oauth_attempts SET code_verifier = {stored} WHERE {state}")).await?;
            set_redirect_parameter(&mut response, "code_challenge", Some(&challenge));
            Ok(response)
        })
    };
    vec![
        replace_verifier(
            "verifier-is-the-challenge",
            "The code_challenge is the plain code_verifier.",
            str::to_owned,
            str::to_owned,
        ),
        replace_verifier("verifier-is-empty", "The code_verifier is empty.", |_| String::new(), |_| challenge("another")),
        replace_verifier("verifier-is-another", "The code_verifier does not match the code_challenge.", str::to_owned, |_| {
            challenge("another")
        }),
        replace_verifier("verifier-is-hashed-twice", "The code_challenge is hashed twice.", str::to_owned, |verifier| {
            challenge(&challenge(verifier))
        }),
        replace_verifier(
            "verifier-is-always-the-same",
            "The code_verifier is always the same.",
            |_| "verifier-".repeat(6),
            challenge,
        ),
        replace_verifier(
            "verifier-is-short",
            "The code_verifier has 20 characters.",
            |verifier| verifier[..20].to_owned(),
            challenge,
        ),
        replace_verifier("verifier-is-long", "The code_verifier has 172 characters.", |verifier| verifier.repeat(4), challenge),
        replace_verifier(
            "verifier-has-other-letters",
            "The code_verifier contains characters that RFC 7636 does not allow.",
            |verifier| format!("+/{}=", &verifier[2..]),
            challenge,
        ),
    ]
}
