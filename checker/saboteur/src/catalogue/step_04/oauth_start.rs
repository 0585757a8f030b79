//! Wrong authorization requests to the OAuth provider (RFC 6749, section 4.1.1).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::oauth_requests::{redirect_parameter, set_redirect_parameter, starts_login};
use crate::http::Response;
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    let on_redirect = |name, breaks, change: fn(&mut Response)| {
        wrong(name, &["4.oauth"], breaks).response(starts_login, move |_, response| {
            if response.status() == 302 {
                change(response)
            }
        })
    };
    vec![
        on_redirect("visit-starts-with-200", "GET /auth/oauth/start answers 200 with the URL as JSON.", |response| {
            let location = response.header("location").unwrap_or_default().to_owned();
            response.set_status(200);
            response.set_json("application/json", &json!({ "url": location }));
        }),
        on_redirect("visit-starts-with-301", "GET /auth/oauth/start answers 301.", |response| response.set_status(301)),
        on_redirect("visit-has-no-response-type", "The authorization request has no response_type.", |response| {
            set_redirect_parameter(response, "response_type", None)
        }),
        on_redirect("visit-wants-a-token", "The authorization request has the response_type token.", |response| {
            set_redirect_parameter(response, "response_type", Some("token"))
        }),
        on_redirect("visit-has-no-client", "The authorization request has no client_id.", |response| {
            set_redirect_parameter(response, "client_id", None)
        }),
        on_redirect("visit-has-another-client", "The authorization request has a hard-coded client_id.", |response| {
            set_redirect_parameter(response, "client_id", Some("my-app"))
        }),
        on_redirect(
            "visit-leads-back-to-localhost",
            "The redirect_uri is the server's own address instead of PUBLIC_URL.",
            |response| {
                set_redirect_parameter(response, "redirect_uri", Some("http%3A%2F%2F127.0.0.1%3A8000%2Fauth%2Foauth%2Fcallback"))
            },
        ),
        on_redirect("visit-leads-back-elsewhere", "The redirect_uri has the wrong path.", |response| {
            set_redirect_parameter(response, "redirect_uri", Some("https%3A%2F%2Fhabits.example.com%2Fcallback"))
        }),
        on_redirect("visit-has-no-state", "The authorization request has no state.", |response| {
            set_redirect_parameter(response, "state", None)
        }),
        on_redirect("visit-has-a-short-state", "The state has four characters.", |response| {
            set_redirect_parameter(response, "state", Some("abcd"))
        }),
        on_redirect("visit-has-no-challenge", "The authorization request has no code_challenge.", |response| {
            set_redirect_parameter(response, "code_challenge", None)
        }),
        on_redirect("visit-has-no-challenge-method", "The authorization request has no code_challenge_method.", |response| {
            set_redirect_parameter(response, "code_challenge_method", None)
        }),
        on_redirect("visit-has-a-plain-challenge-method", "The code_challenge_method is plain.", |response| {
            set_redirect_parameter(response, "code_challenge_method", Some("plain"))
        }),
        on_redirect("visit-has-a-hexadecimal-challenge", "The code_challenge is in hexadecimal.", |response| {
            let bytes = redirect_parameter(response, "code_challenge")
                .and_then(|text| URL_SAFE_NO_PAD.decode(text).ok())
                .unwrap_or_default();
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            set_redirect_parameter(response, "code_challenge", Some(&digits));
        }),
        on_redirect("visit-has-a-padded-challenge", "The code_challenge is Base64 with padding.", |response| {
            let padded = format!("{}%3D", redirect_parameter(response, "code_challenge").unwrap_or_default());
            set_redirect_parameter(response, "code_challenge", Some(&padded));
        }),
    ]
}
