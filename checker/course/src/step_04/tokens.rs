//! Access tokens: what stands in them, and which ones are refused.

use std::time::{SystemTime, UNIX_EPOCH};

use super::jwt::Jwt;
use super::{expect_refusal, expect_unauthorized, get_with_forged};
use harness::api::Api;
use harness::check::{Check, check};
use model::{Outcome, Stop};
use services::JwtSecret;

/// The longest life of a token, in seconds.
const LIFE_MOST: f64 = 24.0 * 60.0 * 60.0;
/// How far clocks and roundings may be apart, in seconds.
const DRIFT: f64 = 300.0;
const ROUNDING: f64 = 2.0;
/// The fewest bytes of a key.
const KEY_LEAST: usize = 32;
/// Who does not need the key to sign: guesses, and a key that is none.
const FOREIGN_KEYS: [&str; 4] = ["another key that is as long as it has to be", "secret", "changeme", ""];

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("4.token-claims", "A token is signed by HS256 with JWT_SECRET; it has sub, iat and exp, at most 24 hours later")
            .needs(&["4.me"])
            .book("tokens")
            .hints(&[
                "`sub` is the user's id as a text, `iat` and `exp` are seconds since 1970. The signature is HMAC-SHA-256.",
                "The key is `JWT_SECRET` as it is, its bytes. `EncodingKey::from_secret(secret.as_bytes())` takes it.",
                "`expires_in` says the same as `exp - iat`: make both from one constant.",
            ])
            .proof(async |api| {
                let account = api.user().await?;
                let token = read(&account.token)?;
                if token.header.get("alg").is_none_or(|name| name != "HS256") {
                    return Err(Stop::fail("a header with \"alg\": \"HS256\"", serde_json::json!(token.header).to_string()));
                }
                let told = || serde_json::json!(token.claims).to_string();
                if token.claims.get("sub").is_none_or(|sub| *sub != account.id()) {
                    return Err(Stop::fail(format!("\"sub\": \"{}\", the user's id as a text", account.id()), told()));
                }
                let (Some(issued), Some(expires)) = (token.number("iat"), token.number("exp")) else {
                    return Err(Stop::fail("iat and exp, in seconds since 1970", told()));
                };
                // It may have been given out a while ago.
                if !(-3600.0..DRIFT).contains(&(issued - now())) || expires <= now() {
                    return Err(Stop::fail(
                        format!("an iat of now, which is {}, and an exp in the future", now() as u64),
                        told(),
                    ));
                }
                // Anybody can read it.
                if ["$argon2", "$2a$", "$2b$", "$2y$", &account.password].iter().any(|secret| told().contains(secret)) {
                    return Err(Stop::fail("claims without password and hash", told()));
                }
                if expires - issued > LIFE_MOST {
                    return Err(Stop::fail("an exp at most 24 hours after iat", told()));
                }
                let life = account.login["expires_in"].as_f64().unwrap_or_default();
                if (expires - issued - life).abs() > ROUNDING {
                    let actual = format!("\"expires_in\": {life}, and exp - iat = {}", expires - issued);
                    return Err(Stop::fail("the same life in expires_in and in the token", actual));
                }
                let Some(secret) = api.visible::<JwtSecret>() else { return Ok(()) };
                let key = secret.key();
                match token.is_signed_with(key.as_bytes()) {
                    true => Ok(()),
                    false => Err(Stop::fail("a signature by HMAC-SHA-256 with the bytes of JWT_SECRET", "another signature")),
                }
            }),
        check("4.token-expired", "A token that has expired is refused with 401")
            .needs(&["4.token-claims"])
            .book("checking-the-token")
            .hints(&[
                "A token ends at `exp`. Which setting of your library looks at it?",
                "`Validation::new(Algorithm::HS256)` of jsonwebtoken does. Do not set `validate_exp` to false.",
            ])
            .proof(async |api| {
                let (secret, token) = (api.fixture::<JwtSecret>()?, own_token(api).await?);
                let key = secret.key().as_bytes();
                for (issued, expires) in [(-7200.0, -3600.0), (-10.0 * LIFE_MOST, -9.0 * LIFE_MOST)] {
                    let moment = |from_now: f64| (now() + from_now).round() as u64;
                    let mut expired = token.clone().with("iat", moment(issued)).with("exp", moment(expires));
                    if expired.claims.contains_key("nbf") {
                        expired = expired.with("nbf", moment(issued));
                    }
                    expect_refused(api, &expired.signed_with(key)).await?;
                }
                Ok(())
            }),
        check("4.token-tampered", "A token that was changed is refused with 401: its claims, its signature, or a part cut off")
            .needs(&["4.token-claims"])
            .second_user()
            .book("checking-the-token")
            .hints(&[
                "Anybody can read a token and write another name into it. What anybody cannot do is sign it.",
                "Decode and verify in one call; a function that decodes without verifying is for debugging alone.",
            ])
            .proof(async |api| {
                let token = own_token(api).await?;
                let other = read(&api.second_user().await?.token)?;
                let signature = &token.signature;
                let first = if signature.starts_with('A') { "B" } else { "A" };
                let reversed: String = signature.chars().rev().collect();
                let tampered = [
                    token.clone().with("sub", other.claims["sub"].clone()),
                    token.clone().with("exp", (now() + 20.0 * LIFE_MOST) as u64),
                    token.clone().with("role", "admin"),
                    token.clone().with_signature(format!("{first}{}", &signature[1..])),
                    token.clone().with_signature(&signature[..signature.len() / 2]),
                    token.clone().with_signature(reversed),
                    token.clone().with_signature(&other.signature),
                    token.clone().with_signature(""),
                ];
                for token in &tampered {
                    expect_refused(api, token).await?;
                }
                let whole = token.to_string();
                let unsigned = whole.rsplit_once('.').map_or("", |(unsigned, _)| unsigned);
                for text in [unsigned, &format!("{whole}.{signature}"), &whole[1..]] {
                    expect_text_refused(api, text).await?;
                }
                Ok(())
            }),
        check("4.token-none", "A token that says alg none is refused with 401, however it is written")
            .needs(&["4.token-claims"])
            .book("checking-the-token")
            .hints(&[
                "The header of a token is written by whoever sends it. It must not decide how the token is checked.",
                "Name the one algorithm you accept: `Validation::new(Algorithm::HS256)`.",
            ])
            .proof(async |api| {
                let token = own_token(api).await?;
                for name in ["none", "None", "NONE", "nOnE"] {
                    let unsecured = token.clone().with_algorithm(name);
                    for signature in ["", &token.signature] {
                        expect_refused(api, &unsecured.clone().with_signature(signature)).await?;
                    }
                }
                expect_refused(api, &token.without_algorithm().with_signature("")).await
            }),
        check(
            "4.token-foreign",
            "A token signed with another key or for another algorithm, or without sub or exp, is refused with 401",
        )
        .needs(&["4.token-claims"])
        .book("checking-the-token")
        .hints(&[
            "The signature is checked with the key from `JWT_SECRET` and with no other, by HS256 and by nothing else.",
            "A token without `exp` would be good for ever: let your library ask for `exp` and `sub`.",
            "`validation.set_required_spec_claims(&[\"exp\", \"sub\"])`.",
        ])
        .proof(async |api| {
            let token = own_token(api).await?;
            for key in FOREIGN_KEYS {
                let foreign = token.clone().signed_with(key.as_bytes());
                expect_refused(api, &foreign).await.map_err(|stop| of_a_token(stop, "signed with another key"))?;
            }
            for name in ["HS384", "HS512", "RS256", "ES256", "hs256"] {
                let confused = token.clone().with_algorithm(name);
                for confused in [confused.clone(), confused.with_signature("")] {
                    let what = format!("whose header says {name}");
                    expect_refused(api, &confused).await.map_err(|stop| of_a_token(stop, &what))?;
                }
            }
            let Some(secret) = api.visible::<JwtSecret>() else { return Ok(()) };
            let key = secret.key();
            for claim in ["sub", "exp"] {
                let lacking = token.clone().without(claim).signed_with(key.as_bytes());
                let what = format!("without {claim}, signed with JWT_SECRET");
                expect_refused(api, &lacking).await.map_err(|stop| of_a_token(stop, &what))?;
            }
            Ok(())
        }),
        check("4.jwt-secret", "Without a JWT_SECRET of 32 bytes, the program ends at once and names the variable on stderr")
            .book("the-key")
            .hints(&[
                "A default key is a key that everybody knows. Whoever forgot the variable has to learn it at once.",
                "An empty variable counts as unset. Bytes count here: `len()`, not characters.",
            ])
            .proof(async |api| {
                let short = api.data.token(KEY_LEAST - 1);
                for value in ["", "short", &short] {
                    let came = api.run_to_exit(&[("JWT_SECRET", value)]).await?;
                    expect_refusal("JWT_SECRET", &format!("JWT_SECRET={value}"), came)?;
                }
                if !is_in_a_file("JWT_SECRET") {
                    expect_refusal("JWT_SECRET", "no JWT_SECRET", api.run_to_exit_without("JWT_SECRET").await?)?;
                }
                let just_long_enough = api.data.token(KEY_LEAST);
                api.start_on(api.backing()?, &[("JWT_SECRET", &just_long_enough)]).await?;
                Ok(())
            }),
    ]
}

/// The same failure, told of which token it is: its text does not show that.
fn of_a_token(stop: Stop, what: &str) -> Stop {
    match stop {
        Stop::Fail(mut failure) => {
            failure.expected = format!("{}, to a token {what}", failure.expected);
            Stop::Fail(failure)
        }
        other => other,
    }
}

/// Fails unless the token is refused wherever one is needed.
async fn expect_refused(api: &Api, token: &Jwt) -> Outcome {
    expect_text_refused(api, &token.to_string()).await
}

async fn expect_text_refused(api: &Api, token: &str) -> Outcome {
    for path in ["/me", "/habits"] {
        expect_unauthorized(&get_with_forged(api, path, token).await?)?;
    }
    Ok(())
}

/// The token as whose holder requests are sent.
async fn own_token(api: &Api) -> Outcome<Jwt> {
    read(&api.user().await?.token)
}

fn read(token: &str) -> Outcome<Jwt> {
    Jwt::read(token).ok_or_else(|| Stop::fail("an access token of three parts in base64: header, claims, signature", token))
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// Whether a file `.env`, from which some frameworks read variables by themselves, sets this one.
fn is_in_a_file(variable: &str) -> bool {
    let folder = std::env::current_dir().unwrap_or_default();
    let files = folder.ancestors().map(|folder| std::fs::read_to_string(folder.join(".env")).unwrap_or_default());
    files.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).any(|line| line.contains(variable))
}
