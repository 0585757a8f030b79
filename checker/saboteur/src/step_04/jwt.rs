//! Access tokens as JSON Web Tokens (RFC 7519), read and signed with the key of the right server.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac_sha256::HMAC;
use serde_json::{Map, Value, json};

use crate::message::Request;

/// The life of a token that is made here, in seconds.
pub const LIFE: u64 = 3600;

/// A JSON object.
pub type Object = Map<String, Value>;

/// A token of three parts.
pub struct Jwt {
    /// The JOSE header.
    pub header: Object,
    /// What the token says.
    pub claims: Object,
    /// Base64 for URLs, as it was written.
    pub signature: String,
    /// Header and claims as they were written.
    signed: String,
}

impl Jwt {
    /// Reads a token without looking at its signature.
    pub fn read(token: &str) -> Option<Jwt> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let object = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
        Some(Jwt { header: object(header)?, claims: object(claims)?, signature: signature.into(), signed: signed.into() })
    }

    /// The token that a request brings along.
    pub fn of(request: &Request) -> Option<Jwt> {
        Jwt::read(request.header("authorization")?.strip_prefix("Bearer ")?)
    }

    /// The algorithm that the token names; empty if it names none.
    pub fn algorithm(&self) -> &str {
        self.header.get("alg").and_then(Value::as_str).unwrap_or_default()
    }

    /// Whose token it is: `sub`, or `id` where a sabotage has put it there.
    pub fn user(&self) -> Option<i64> {
        let user = self.claims.get("sub").or(self.claims.get("id"))?;
        user.as_i64().or_else(|| user.as_str()?.parse().ok())
    }

    /// Whether HMAC-SHA-256 with this key gives the signature, whatever the header says.
    pub fn is_signed_with(&self, key: &[u8]) -> bool {
        self.signature == signature(&self.signed, key)
    }

    /// The signature that the token should have.
    pub fn right_signature(&self) -> String {
        signature(&self.signed, &key())
    }

    /// Whether it says of whom it is and until when, and that moment is still to come.
    pub fn is_current(&self) -> bool {
        self.user().is_some() && self.claims.get("exp").and_then(Value::as_f64).is_some_and(|end| end > now() as f64)
    }

    /// Whether the header says `HS256`.
    pub fn is_hs256(&self) -> bool {
        self.algorithm() == "HS256"
    }
}

/// The key of the right server.
pub fn key() -> Vec<u8> {
    std::env::var("JWT_SECRET").unwrap_or_default().into_bytes()
}

/// A token that the right server takes.
pub fn of_user(id: i64) -> String {
    let claims = json!({ "sub": id.to_string(), "iat": now(), "exp": now() + LIFE });
    written(&json!({ "typ": "JWT", "alg": "HS256" }), &claims, &key())
}

/// A token with this header and these claims, signed by HMAC-SHA-256.
pub fn written(header: &Value, claims: &Value, key: &[u8]) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    format!("{signed}.{}", signature(&signed, key))
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn signature(signed: &str, key: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(HMAC::mac(signed.as_bytes(), key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_was_written() {
        let (header, claims) = (json!({ "alg": "HS256" }), json!({ "sub": "7", "exp": now() + 60 }));
        let token = Jwt::read(&written(&header, &claims, b"key")).expect("a token");
        assert!(token.is_hs256() && token.is_current() && token.is_signed_with(b"key") && !token.is_signed_with(b"other"));
        assert_eq!(token.user(), Some(7));
        assert!(Jwt::read("a.b.c").is_none());
    }
}
