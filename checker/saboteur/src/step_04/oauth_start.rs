//! Wrong authorization requests to the OAuth provider (RFC 6749, section 4.1.1).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::oauth_requests::{send, sent, starts_visit};
use crate::http::Response;
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
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
