//! Access tokens: JSON Web Tokens (RFC 7519) that say who somebody is, signed so that nobody can
//! make them up.

use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::auth::hs256;
use crate::config::Secret;

/// How long a token is good for.
pub const LIFETIME: Duration = Duration::from_secs(60 * 60);

/// What a token says. Everybody can read it, so it holds no secrets.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    /// Whose token it is: the user's id (subject).
    sub: String,
    /// When it was made, in seconds since 1970 (issued at).
    iat: i64,
    /// When it ends, in seconds since 1970 (expires).
    exp: i64,
}

/// Makes tokens, and tells whose they are.
#[derive(Debug, Clone)]
pub struct Tokens {
    sign: EncodingKey,
    verify: DecodingKey,
}

impl Tokens {
    /// Tokens that are signed with `secret`.
    pub fn new(secret: &Secret<String>) -> Self {
        hs256::install();
        let secret = secret.0.as_bytes();
        Self {
            sign: EncodingKey::from_secret(secret),
            verify: DecodingKey::from_secret(secret),
        }
    }

    /// A token for a user, good from now on for [`LIFETIME`].
    pub fn issue(&self, user_id: i64) -> String {
        self.issue_at(user_id, OffsetDateTime::now_utc())
    }

    fn issue_at(&self, user_id: i64, now: OffsetDateTime) -> String {
        let claims = Claims {
            sub: user_id.to_string(),
            iat: now.unix_timestamp(),
            exp: (now + LIFETIME).unix_timestamp(),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.sign)
            .expect("an HMAC key signs these claims")
    }

    /// The id of the user whose token this is; none if it is not one of ours, or no longer good.
    pub fn user_id(&self, token: &str) -> Option<i64> {
        // The token itself names an algorithm too; only this list says which one counts.
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_required_spec_claims(&["sub", "exp"]);
        rules.leeway = 0;
        let token = jsonwebtoken::decode::<Claims>(token, &self.verify, &rules).ok()?;
        token.claims.sub.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use jsonwebtoken::errors::Error;
    use serde_json::{Value, json};

    use super::*;

    fn tokens(secret: &str) -> Tokens {
        Tokens::new(&Secret(secret.to_owned()))
    }

    fn ours() -> Tokens {
        tokens("0123456789abcdef0123456789abcdef")
    }

    /// A token with our signature and these claims.
    fn signed(claims: &Value) -> Result<String, Error> {
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &ours().sign)
    }

    #[test]
    fn a_token_tells_whose_it_is() {
        assert_eq!(ours().user_id(&ours().issue(7)), Some(7));
    }

    #[test]
    fn a_token_of_another_key_is_refused() {
        let other = tokens("fedcba9876543210fedcba9876543210").issue(7);
        assert_eq!(ours().user_id(&other), None);
    }

    #[test]
    fn a_token_ends() {
        let now = OffsetDateTime::now_utc();
        let minute = Duration::from_secs(60);
        let almost = ours().issue_at(7, now - LIFETIME + minute);
        assert_eq!(ours().user_id(&almost), Some(7));
        let over = ours().issue_at(7, now - LIFETIME - minute);
        assert_eq!(ours().user_id(&over), None);
    }

    #[test]
    fn a_token_that_says_too_little_is_refused() -> Result<(), Error> {
        let now = OffsetDateTime::now_utc().unix_timestamp();
        let full = json!({"sub": "7", "iat": now, "exp": now + 60});
        assert_eq!(ours().user_id(&signed(&full)?), Some(7));
        for claim in ["sub", "iat", "exp"] {
            let mut less = full.clone();
            less[claim].take();
            assert_eq!(ours().user_id(&signed(&less)?), None, "without {claim}");
        }
        Ok(())
    }

    #[test]
    fn an_altered_token_is_refused() {
        let token = ours().issue(7);
        let (content, signature) = token.rsplit_once('.').expect("three parts");
        let (header, _) = content.split_once('.').expect("three parts");
        let other = ours().issue(8);
        let (other, _) = other.rsplit_once('.').expect("three parts");
        for wrong in [
            format!("{other}.{signature}"),
            format!("{content}."),
            content.to_owned(),
            format!("{content}.{}", &signature[1..]),
            format!("{header}..{signature}"),
            format!("{token}."),
            format!("{token}A"),
            String::new(),
        ] {
            assert_eq!(ours().user_id(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_the_one_algorithm_counts() {
        let token = ours().issue(7);
        let (_, claims) = token.split_once('.').expect("three parts");
        let (claims, signature) = claims.split_once('.').expect("three parts");
        for algorithm in ["none", "None", "NONE", "HS384", "HS512", "RS256"] {
            let header = json!({"alg": algorithm}).to_string();
            let header = URL_SAFE_NO_PAD.encode(header);
            assert_eq!(ours().user_id(&format!("{header}.{claims}.")), None);
            assert_eq!(
                ours().user_id(&format!("{header}.{claims}.{signature}")),
                None
            );
        }
    }
}
