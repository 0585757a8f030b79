//! Wrong code verifiers and challenges (PKCE, RFC 7636).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::oauth_requests::{attempt, send, sent, starts_visit};
use crate::database::quote_literal;
use crate::http::{ConnectionLost, Response, Upstream};
use crate::sabotage::{Sabotage, wrong};

/// The verifier of the visit that just started.
async fn verifier(response: &Response, upstream: &Upstream) -> Result<String, ConnectionLost> {
    let find = format!("SELECT code_verifier FROM oauth_attempts WHERE {}", attempt(sent(response, "state").unwrap_or_default()));
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
