//! Access tokens: JSON Web Tokens (RFC 7519), signed with the upstream server's key.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac_sha256::HMAC;
use serde_json::{Map, Value, json};

use crate::http::Request;

/// The lifetime of a token that is made here, in seconds.
pub const LIFETIME: u64 = 3600;

/// A JSON object.
pub type Object = Map<String, Value>;

/// A decoded token.
pub struct Jwt {
    /// The JOSE header.
    pub header: Object,
    /// The claims.
    pub claims: Object,
    /// The signature, still in base64url.
    pub signature: String,
    /// What is signed: header and claims, still in base64url.
    signed: String,
}

impl Jwt {
    /// Decodes a token without verifying its signature.
    pub fn decode(token: &str) -> Option<Jwt> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let object = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
        Some(Jwt { header: object(header)?, claims: object(claims)?, signature: signature.into(), signed: signed.into() })
    }

    /// The bearer token of a request.
    pub fn from_request(request: &Request) -> Option<Jwt> {
        Jwt::decode(request.header("authorization")?.strip_prefix("Bearer ")?)
    }

    /// The `alg` of the header; empty if there is none.
    pub fn algorithm(&self) -> &str {
        self.header.get("alg").and_then(Value::as_str).unwrap_or_default()
    }

    /// The user: the claim `sub`, or `id` where a sabotage has moved it.
    pub fn user(&self) -> Option<i64> {
        let user = self.claims.get("sub").or(self.claims.get("id"))?;
        user.as_i64().or_else(|| user.as_str()?.parse().ok())
    }

    /// Whether the signature is HMAC-SHA-256 with this key, whatever the header says.
    pub fn is_signed_with(&self, key: &[u8]) -> bool {
        self.signature == signature(&self.signed, key)
    }

    /// The signature that the upstream server would make.
    pub fn expected_signature(&self) -> String {
        signature(&self.signed, &key())
    }

    /// Whether the token names a user and has not expired.
    pub fn is_current(&self) -> bool {
        self.user().is_some() && self.claims.get("exp").and_then(Value::as_f64).is_some_and(|end| end > unix_now() as f64)
    }

    /// Whether the `alg` of the header is `HS256`.
    pub fn is_hs256(&self) -> bool {
        self.algorithm() == "HS256"
    }
}

/// The upstream server's key.
pub fn key() -> Vec<u8> {
    std::env::var("JWT_SECRET").unwrap_or_default().into_bytes()
}

/// A valid token for a user.
pub fn token_for(user: i64) -> String {
    let claims = json!({ "sub": user.to_string(), "iat": unix_now(), "exp": unix_now() + LIFETIME });
    encode(&json!({ "typ": "JWT", "alg": "HS256" }), &claims, &key())
}

/// A token with this header and these claims, signed with HMAC-SHA-256.
pub fn encode(header: &Value, claims: &Value, key: &[u8]) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    format!("{signed}.{}", signature(&signed, key))
}

/// The current time in seconds since 1970.
pub fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn signature(signed: &str, key: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(HMAC::mac(signed.as_bytes(), key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_decodes_to_what_was_encoded() {
        let (header, claims) = (json!({ "alg": "HS256" }), json!({ "sub": "7", "exp": unix_now() + 60 }));
        let token = Jwt::decode(&encode(&header, &claims, b"key")).expect("a token");
        assert!(token.is_hs256() && token.is_current() && token.is_signed_with(b"key") && !token.is_signed_with(b"other"));
        assert_eq!(token.user(), Some(7));
        assert!(Jwt::decode("a.b.c").is_none());
    }
}
