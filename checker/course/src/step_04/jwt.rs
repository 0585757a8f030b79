//! Parses and forges JSON Web Tokens (RFC 7519): each forged token is a changed copy of one that the server issued.

use base64::alphabet;
use base64::engine::general_purpose::NO_PAD;
use base64::engine::{DecodePaddingMode, Engine, GeneralPurpose};
use hmac_sha256::HMAC;
use serde_json::{Map, Value};

/// Base64 for URLs (RFC 7515, section 2). Written without padding; padding that a server writes does no harm.
const BASE64URL: GeneralPurpose =
    GeneralPurpose::new(&alphabet::URL_SAFE, NO_PAD.with_decode_padding_mode(DecodePaddingMode::Indifferent));

/// A token: header, claims and signature (RFC 7515, section 7.1).
#[derive(Debug, Clone)]
pub struct Jwt {
    /// The JOSE header.
    pub header: Map<String, Value>,
    /// The claims.
    pub claims: Map<String, Value>,
    /// The signature in base64url.
    pub signature: String,
    /// The signing input: header and claims as encoded in the token.
    signing_input: String,
}

impl Jwt {
    /// Parses a token without verifying its signature; `None` if it is not a JWT.
    pub fn parse(token: &str) -> Option<Jwt> {
        let (signing_input, signature) = token.rsplit_once('.')?;
        let (header, claims) = signing_input.split_once('.')?;
        let object = |part: &str| serde_json::from_slice(&BASE64URL.decode(part).ok()?).ok();
        BASE64URL.decode(signature).ok()?;
        Some(Jwt {
            header: object(header)?,
            claims: object(claims)?,
            signature: signature.into(),
            signing_input: signing_input.into(),
        })
    }

    /// Whether the signature is HMAC-SHA-256 with this key.
    pub fn is_signed_with(&self, key: &[u8]) -> bool {
        BASE64URL.decode(&self.signature).is_ok_and(|signature| signature == HMAC::mac(self.signing_input.as_bytes(), key))
    }

    /// A claim as a number, which may have a fraction (RFC 7519, section 2: NumericDate).
    pub fn number(&self, claim: &str) -> Option<f64> {
        self.claims.get(claim)?.as_f64()
    }

    /// The token with a changed claim and the old signature.
    #[must_use]
    pub fn with(mut self, claim: &str, value: impl Into<Value>) -> Jwt {
        self.claims.insert(claim.into(), value.into());
        self.encoded()
    }

    /// The token without a claim.
    #[must_use]
    pub fn without(mut self, claim: &str) -> Jwt {
        self.claims.remove(claim);
        self.encoded()
    }

    /// The token with another algorithm in its header.
    #[must_use]
    pub fn with_algorithm(mut self, name: &str) -> Jwt {
        self.header.insert("alg".into(), name.into());
        self.encoded()
    }

    /// The token without an algorithm in its header.
    #[must_use]
    pub fn without_algorithm(mut self) -> Jwt {
        self.header.remove("alg");
        self.encoded()
    }

    /// The token with another signature.
    #[must_use]
    pub fn with_signature(self, signature: impl Into<String>) -> Jwt {
        Jwt { signature: signature.into(), ..self }
    }

    /// The token signed with HMAC-SHA-256 and this key, whatever algorithm its header names.
    #[must_use]
    pub fn signed_with(self, key: &[u8]) -> Jwt {
        let signature = BASE64URL.encode(HMAC::mac(self.signing_input.as_bytes(), key));
        self.with_signature(signature)
    }

    fn encoded(self) -> Jwt {
        let part = |object: &Map<String, Value>| BASE64URL.encode(Value::Object(object.clone()).to_string());
        Jwt { signing_input: format!("{}.{}", part(&self.header), part(&self.claims)), ..self }
    }
}

impl std::fmt::Display for Jwt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.signing_input, self.signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7519, section 3.1, which is that of RFC 7515, appendix A.1.
    const EXAMPLE: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9\
        .eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ\
        .dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const KEY: &str = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";

    #[test]
    fn the_example_of_rfc_7515_is_parsed_and_signed_again() {
        let key = BASE64URL.decode(KEY).expect("base64");
        let token = Jwt::parse(EXAMPLE).expect("a token");
        assert_eq!((&token.header["alg"], &token.claims["iss"]), (&Value::from("HS256"), &Value::from("joe")));
        assert_eq!(token.number("exp"), Some(1_300_819_380.0));
        assert!(token.is_signed_with(&key) && !token.is_signed_with(b"another key"));
        assert_eq!(token.with_signature("").signed_with(&key).to_string(), EXAMPLE);
    }

    #[test]
    fn the_unsecured_example_of_rfc_7519_is_reproduced() {
        // Section 6.1. Its claims contain line breaks, so they are copied verbatim.
        let unsecured =
            Jwt { signing_input: format!("eyJhbGciOiJub25lIn0.{}", EXAMPLE.split('.').nth(1).expect("claims")), ..example() };
        let expected =
            "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.";
        assert_eq!(unsecured.with_signature("").to_string(), expected);
        let header = example().with_algorithm("none").to_string();
        let header = BASE64URL.decode(header.split('.').next().expect("a header")).expect("base64");
        assert_eq!(header, br#"{"alg":"none","typ":"JWT"}"#);
    }

    #[test]
    fn a_changed_token_is_valid_only_after_signing_again() {
        let key = BASE64URL.decode(KEY).expect("base64");
        for changed in [example().with("exp", 1), example().without("iss"), example().with_algorithm("HS512")] {
            assert!(!changed.is_signed_with(&key));
            let parsed = Jwt::parse(&changed.signed_with(&key).to_string()).expect("a token");
            assert!(parsed.is_signed_with(&key));
        }
        assert_eq!(example().with("exp", 1).claims["exp"], 1);
        assert!(!example().without("exp").claims.contains_key("exp"));
    }

    #[test]
    fn invalid_tokens_are_not_parsed() {
        for text in ["", "a.b", "e30.e30", "e30.W10.", "!.e30.", "e30.e30.!", "e30.e30.e30.e30"] {
            assert!(Jwt::parse(text).is_none(), "{text}");
        }
        assert!(Jwt::parse("e30.e30.").is_some());
    }

    #[test]
    fn padding_is_read_and_another_alphabet_is_not() {
        assert!(Jwt::parse("e30.e30.Zg").is_some_and(|token| token.signature == "Zg"));
        assert!(Jwt::parse("e30=.e30=.Zg==").is_some());
        for signature in ["//77", "Zm9vY", "Z=g="] {
            assert!(Jwt::parse(&format!("e30.e30.{signature}")).is_none(), "{signature}");
        }
    }

    fn example() -> Jwt {
        Jwt::parse(EXAMPLE).expect("a token")
    }
}
