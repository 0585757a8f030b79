//! Access tokens: their claims, and the tokens that the server must reject.

use std::time::{SystemTime, UNIX_EPOCH};

use super::jwt::Jwt;
use super::{expect_refusal, expect_unauthorized, get_with_forged_token};
use harness::api::Api;
use harness::check::{Check, check};
use model::{Outcome, Stop};
use services::JwtSecret;

/// The maximum lifetime of a token, in seconds.
const LIFETIME_MOST: f64 = 24.0 * 60.0 * 60.0;
/// The largest accepted clock difference and rounding error, in seconds.
const CLOCK_DRIFT: f64 = 300.0;
const ROUNDING: f64 = 2.0;
/// The minimum length of a key, in bytes.
const KEY_LEAST: usize = 32;
/// Keys that an attacker may try: guesses, and the empty key.
const FOREIGN_KEYS: [&str; 4] = ["another key that is as long as it has to be", "secret", "changeme", ""];

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("4.token-claims", "A token is signed with HS256 and JWT_SECRET, has the claims sub, iat and exp, and expires within 24 hours")
            .needs(&["4.me"])
            .book("tokens")
            .hints(&[
                "`sub` is the user's id as a string; `iat` and `exp` are Unix timestamps in seconds. The signature is HMAC-SHA-256.",
                "The key is the bytes of `JWT_SECRET`, unchanged: `EncodingKey::from_secret(secret.as_bytes())`.",
                "`expires_in` equals `exp - iat`: compute both from one constant.",
            ])
            .proof(async |api| {
                let account = api.user().await?;
                let token = parse(&account.token)?;
                if token.header.get("alg").is_none_or(|name| name != "HS256") {
                    return Err(Stop::fail("a header with \"alg\": \"HS256\"", serde_json::json!(token.header).to_string()));
                }
                let claims = || serde_json::json!(token.claims).to_string();
                if token.claims.get("sub").is_none_or(|sub| *sub != account.id()) {
                    return Err(Stop::fail(format!("\"sub\": \"{}\", the user's id as a string", account.id()), claims()));
                }
                let (Some(issued), Some(expires)) = (token.number("iat"), token.number("exp")) else {
                    return Err(Stop::fail("iat and exp as Unix timestamps in seconds", claims()));
                };
                // The token may have been issued a while ago.
                if !(-3600.0..CLOCK_DRIFT).contains(&(issued - now())) || expires <= now() {
                    return Err(Stop::fail(
                        format!("an iat close to the current time {}, and an exp in the future", now() as u64),
                        claims(),
                    ));
                }
                // Anybody can read the claims.
                if ["$argon2", "$2a$", "$2b$", "$2y$", &account.password].iter().any(|secret| claims().contains(secret)) {
                    return Err(Stop::fail("claims without a password or a hash", claims()));
                }
                if expires - issued > LIFETIME_MOST {
                    return Err(Stop::fail("an exp at most 24 hours after iat", claims()));
                }
                let lifetime = account.login["expires_in"].as_f64().unwrap_or_default();
                if (expires - issued - lifetime).abs() > ROUNDING {
                    let actual = format!("\"expires_in\": {lifetime}, and exp - iat = {}", expires - issued);
                    return Err(Stop::fail("the same lifetime in expires_in and in the token", actual));
                }
                let Some(secret) = api.visible::<JwtSecret>() else { return Ok(()) };
                let key = secret.key();
                match token.is_signed_with(key.as_bytes()) {
                    true => Ok(()),
                    false => Err(Stop::fail("an HMAC-SHA-256 signature with the bytes of JWT_SECRET as its key", "another signature")),
                }
            }),
        check("4.token-expired", "An expired token is rejected with 401")
            .needs(&["4.token-claims"])
            .book("checking-the-token")
            .hints(&[
                "A token is valid until `exp`. Which setting of your JWT library validates this claim?",
                "`Validation::new(Algorithm::HS256)` of jsonwebtoken validates it. Do not set `validate_exp` to false.",
            ])
            .proof(async |api| {
                let (secret, token) = (api.fixture::<JwtSecret>()?, own_token(api).await?);
                let key = secret.key().as_bytes();
                for (issued, expires) in [(-7200.0, -3600.0), (-10.0 * LIFETIME_MOST, -9.0 * LIFETIME_MOST)] {
                    let timestamp = |from_now: f64| (now() + from_now).round() as u64;
                    let mut expired = token.clone().with("iat", timestamp(issued)).with("exp", timestamp(expires));
                    if expired.claims.contains_key("nbf") {
                        expired = expired.with("nbf", timestamp(issued));
                    }
                    expect_rejected(api, &expired.signed_with(key)).await?;
                }
                Ok(())
            }),
        check("4.token-tampered", "A tampered token is rejected with 401: changed claims, a changed signature, or a missing part")
            .needs(&["4.token-claims"])
            .second_user()
            .book("checking-the-token")
            .hints(&[
                "Anybody can decode a token and change its claims. Only the server, with its key, can sign it: verify the signature.",
                "Decode and verify in one call. A function that decodes without verification is for debugging only.",
            ])
            .proof(async |api| {
                let token = own_token(api).await?;
                let other = parse(&api.second_user().await?.token)?;
                let signature = &token.signature;
                let first = if signature.starts_with('A') { "B" } else { "A" };
                let reversed: String = signature.chars().rev().collect();
                let tampered = [
                    token.clone().with("sub", other.claims["sub"].clone()),
                    token.clone().with("exp", (now() + 20.0 * LIFETIME_MOST) as u64),
                    token.clone().with("role", "admin"),
                    token.clone().with_signature(format!("{first}{}", &signature[1..])),
                    token.clone().with_signature(&signature[..signature.len() / 2]),
                    token.clone().with_signature(reversed),
                    token.clone().with_signature(&other.signature),
                    token.clone().with_signature(""),
                ];
                for token in &tampered {
                    expect_rejected(api, token).await?;
                }
                let whole = token.to_string();
                let unsigned = whole.rsplit_once('.').map_or("", |(unsigned, _)| unsigned);
                for text in [unsigned, &format!("{whole}.{signature}"), &whole[1..]] {
                    expect_text_rejected(api, text).await?;
                }
                Ok(())
            }),
        check("4.token-none", "A token with alg none, in any letter case, is rejected with 401")
            .needs(&["4.token-claims"])
            .book("checking-the-token")
            .hints(&[
                "The client controls the header of a token, so the header must not decide how the server verifies it (algorithm confusion).",
                "Accept one fixed algorithm: `Validation::new(Algorithm::HS256)`.",
            ])
            .proof(async |api| {
                let token = own_token(api).await?;
                for name in ["none", "None", "NONE", "nOnE"] {
                    let unsecured = token.clone().with_algorithm(name);
                    for signature in ["", &token.signature] {
                        expect_rejected(api, &unsecured.clone().with_signature(signature)).await?;
                    }
                }
                expect_rejected(api, &token.without_algorithm().with_signature("")).await
            }),
        check(
            "4.token-foreign",
            "A token with another signing key or algorithm, or without sub or exp, is rejected with 401",
        )
        .needs(&["4.token-claims"])
        .book("checking-the-token")
        .hints(&[
            "Verify the signature with the key from `JWT_SECRET` and the algorithm HS256 only.",
            "A token without `exp` would never expire: make `exp` and `sub` required claims.",
            "In jsonwebtoken: `validation.set_required_spec_claims(&[\"exp\", \"sub\"])`.",
        ])
        .proof(async |api| {
            let token = own_token(api).await?;
            for key in FOREIGN_KEYS {
                let foreign = token.clone().signed_with(key.as_bytes());
                expect_rejected(api, &foreign).await.map_err(|stop| about_token(stop, "signed with another key"))?;
            }
            for name in ["HS384", "HS512", "RS256", "ES256", "hs256"] {
                let confused = token.clone().with_algorithm(name);
                for confused in [confused.clone(), confused.with_signature("")] {
                    let what = format!("whose header says {name}");
                    expect_rejected(api, &confused).await.map_err(|stop| about_token(stop, &what))?;
                }
            }
            let Some(secret) = api.visible::<JwtSecret>() else { return Ok(()) };
            let key = secret.key();
            for claim in ["sub", "exp"] {
                let lacking = token.clone().without(claim).signed_with(key.as_bytes());
                let what = format!("without {claim}, signed with JWT_SECRET");
                expect_rejected(api, &lacking).await.map_err(|stop| about_token(stop, &what))?;
            }
            Ok(())
        }),
        check("4.jwt-secret", "Without a JWT_SECRET of at least 32 bytes, the program exits at once and names the variable on stderr")
            .book("the-key")
            .hints(&[
                "A default key is a key that everybody knows. Fail fast: the operator who forgot the variable must see an error at once.",
                "An empty variable counts as unset. The minimum length is in bytes: `len()`, not `chars().count()`.",
            ])
            .proof(async |api| {
                let short = api.data.token(KEY_LEAST - 1);
                for value in ["", "short", &short] {
                    let run = api.run_to_exit(&[("JWT_SECRET", value)]).await?;
                    expect_refusal("JWT_SECRET", &format!("JWT_SECRET={value}"), run)?;
                }
                if !is_in_env_file("JWT_SECRET") {
                    expect_refusal("JWT_SECRET", "an environment without JWT_SECRET", api.run_to_exit_without("JWT_SECRET").await?)?;
                }
                let just_long_enough = api.data.token(KEY_LEAST);
                api.start_on(api.backing()?, &[("JWT_SECRET", &just_long_enough)]).await?;
                Ok(())
            }),
    ]
}

/// Adds a description of the token to a failure, since the token's text does not show it.
fn about_token(stop: Stop, what: &str) -> Stop {
    match stop {
        Stop::Fail(mut failure) => {
            failure.expected = format!("{}, in response to a token {what}", failure.expected);
            Stop::Fail(failure)
        }
        other => other,
    }
}

/// Fails unless protected routes reject the token.
async fn expect_rejected(api: &Api, token: &Jwt) -> Outcome {
    expect_text_rejected(api, &token.to_string()).await
}

async fn expect_text_rejected(api: &Api, token: &str) -> Outcome {
    for path in ["/me", "/habits"] {
        expect_unauthorized(&get_with_forged_token(api, path, token).await?)?;
    }
    Ok(())
}

/// The access token of the check's own user.
async fn own_token(api: &Api) -> Outcome<Jwt> {
    parse(&api.user().await?.token)
}

fn parse(token: &str) -> Outcome<Jwt> {
    Jwt::parse(token).ok_or_else(|| Stop::fail("an access token of three base64url parts: header, claims, signature", token))
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// Whether a `.env` file, which some frameworks load, sets this variable.
fn is_in_env_file(variable: &str) -> bool {
    let folder = std::env::current_dir().unwrap_or_default();
    let files = folder.ancestors().map(|folder| std::fs::read_to_string(folder.join(".env")).unwrap_or_default());
    files.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).any(|line| line.contains(variable))
}
