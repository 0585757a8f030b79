//! Access tokens with the wrong header, claims or key.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::api::jwt::{self, Jwt};
use crate::api::routes::any;
use crate::api::users::reissue_token;
use crate::http::Response;
use crate::sabotage::{Sabotage, wrong};

/// Changes the access token in a response.
fn change_token(response: &mut Response, change: impl Fn(Jwt) -> String) {
    response.edit(|login| {
        if let Some(token) = login["access_token"].as_str().and_then(Jwt::decode) {
            login["access_token"] = change(token).into();
        }
    });
}

/// Issues tokens with a changed header and changed claims, signed with this key, and accepts them.
fn issue(name: &'static str, breaks: &'static str, change: fn(&mut Value, &mut Value), key: fn() -> Vec<u8>) -> Sabotage {
    let shown = move |token: Jwt| {
        let (mut header, mut claims) = (Value::Object(token.header), Value::Object(token.claims));
        change(&mut header, &mut claims);
        jwt::encode(&header, &claims, &key())
    };
    wrong(name, &["4.token-claims"], breaks)
        .request(move |request| Jwt::from_request(request).is_some_and(|token| token.is_signed_with(&key())), reissue_token)
        .response(any, move |_, response| change_token(response, shown))
}

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    const YEAR: u64 = 365 * 24 * 3600;
    let change_claims = |name, breaks, change: fn(&mut Value, &mut Value)| issue(name, breaks, change, jwt::key);
    fn shift(claims: &mut Value, claim: &str, by: u64) {
        claims[claim] = json!(claims[claim].as_u64().unwrap_or_default() + by);
    }
    fn drop_claim(claims: &mut Value, claim: &str) {
        if let Some(claims) = claims.as_object_mut() {
            claims.remove(claim);
        }
    }
    vec![
        change_claims("token-has-no-end", "A token has no exp claim.", |_, claims| drop_claim(claims, "exp")),
        change_claims("token-has-no-beginning", "A token has no iat claim.", |_, claims| drop_claim(claims, "iat")),
        change_claims("token-names-its-user-elsewhere", "A token has the user in id instead of sub.", |_, claims| {
            claims["id"] = claims["sub"].take();
            drop_claim(claims, "sub");
        }),
        change_claims("token-names-its-user-by-a-number", "The sub of a token is a number.", |_, claims| {
            claims["sub"] = json!(claims["sub"].as_str().and_then(|sub| sub.parse::<i64>().ok()))
        }),
        change_claims("token-lives-for-a-year", "A token expires after a year.", |_, claims| shift(claims, "exp", YEAR)),
        change_claims("token-lives-for-25-hours", "A token expires after 25 hours.", |_, claims| shift(claims, "exp", 24 * 3600)),
        change_claims("token-counts-milliseconds", "The iat and exp of a token are in milliseconds.", |_, claims| {
            for claim in ["iat", "exp"] {
                claims[claim] = json!(claims[claim].as_u64().unwrap_or_default() * 1000);
            }
        }),
        change_claims("token-writes-its-end-as-a-date", "The exp of a token is a string.", |_, claims| {
            claims["exp"] = json!("2099-01-31T08:00:00Z")
        }),
        change_claims("token-begins-in-the-future", "The iat of a token is a day in the future.", |_, claims| {
            for claim in ["iat", "exp"] {
                shift(claims, claim, 24 * 3600);
            }
        }),
        change_claims("token-begins-in-1970", "The iat of a token is 0.", |_, claims| claims["iat"] = json!(0)),
        change_claims("token-says-hs384", "The header of a token says HS384.", |header, _| header["alg"] = json!("HS384")),
        change_claims("token-shows-the-hash", "A token contains the password hash.", |_, claims| {
            claims["user"] =
                json!({ "password_hash": "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2E$aGFzaGhhc2hoYXNoaGFzaA" })
        }),
        issue(
            "token-has-a-key-of-its-own",
            "Tokens are signed with a key that is hard-coded in the source.",
            |_, _| {},
            || b"a key that stands in the source".into(),
        ),
        issue(
            "token-has-a-decoded-key",
            "Tokens are signed with JWT_SECRET decoded from hexadecimal.",
            |_, _| {},
            || {
                let digits = jwt::key();
                let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap_or_default(), 16).unwrap_or_default();
                digits.chunks(2).map(byte).collect()
            },
        ),
        issue(
            "token-has-a-short-key",
            "Tokens are signed with the first 32 bytes of JWT_SECRET.",
            |_, _| {},
            || jwt::key().into_iter().take(32).collect(),
        ),
        wrong("token-outlives-expires-in", &["4.token-claims"], "A token lives longer than expires_in says.").response(
            any,
            |_, response| {
                response.edit(|login| {
                    if login.get("expires_in").is_some() {
                        login["expires_in"] = json!(60);
                    }
                })
            },
        ),
        wrong("token-is-opaque", &["4.token-claims"], "A token is an opaque string instead of a JWT.")
            .request(any, |request| {
                let opaque = request.header("authorization").and_then(|field| field.strip_prefix("Bearer o"));
                if let Some(token) = opaque.and_then(|token| String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok())
                    && Jwt::decode(&token).is_some()
                {
                    request.set_header("authorization", &format!("Bearer {token}"));
                }
            })
            .response(any, |_, response| {
                response.edit(|login| {
                    if let Some(token) = login["access_token"].as_str() {
                        login["access_token"] = format!("o{}", URL_SAFE_NO_PAD.encode(token)).into();
                    }
                })
            }),
    ]
}
