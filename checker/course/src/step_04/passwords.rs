//! Password storage and secrecy.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;
use serde_json::json;

use super::{hash, stored_hash};
use harness::api::Api;
use harness::check::{Check, check};
use model::{Outcome, Request, Stop, shorten};
use probe::Response;
use services::postgres::Store;

/// The maximum length of a password, in characters.
const LENGTH_MOST: usize = 128;

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("4.password-hash", "users.password_hash is an argon2id PHC string with at least 19 MiB and 2 passes, or a bcrypt hash")
            .needs(&["4.login"])
            .second_user()
            .book("hashing-passwords")
            .hints(&[
                "With a fast hash such as SHA-256, an attacker can try a billion passwords per second. Which password hashing function is slow on purpose?",
                "The crate `argon2` generates a PHC string: `$argon2id$v=19$m=19456,t=2,p=1$…`. Store it unchanged.",
                "`Argon2::default()` has these parameters. bcrypt is accepted too, with a cost of at least 10.",
            ])
            .proof(async |api| {
                for account in [api.user().await?, api.second_user().await?] {
                    let stored = stored_hash(&*api.fixture::<Store>()?, &account.email).await?;
                    if let Some(weakness) = hash::weakness(&stored) {
                        let expected = "argon2id with at least m=19456 and t=2, such as $argon2id$v=19$m=19456,t=2,p=1$salt$hash";
                        let actual = format!("{weakness}, in password_hash: {}", shorten(&stored, 120));
                        return Err(Stop::fail(expected, actual));
                    }
                }
                Ok(())
            }),
        check("4.password-salted", "Password hashes are salted: two users with the same password have different hashes")
            .needs(&["4.password-hash"])
            .second_user()
            .book("hashing-passwords")
            .hints(&[
                "Without a salt, equal passwords have equal hashes: an attacker who cracks one hash knows the password of all users who chose it.",
                "Use a new random salt for every password: `hash_password` of the crate `argon2` generates one itself.",
            ])
            .proof(async |api| {
                // Both users have the same password.
                let (first, second) = (api.user().await?, api.second_user().await?);
                let store = api.fixture::<Store>()?;
                let hashes = [stored_hash(&store, &first.email).await?, stored_hash(&store, &second.email).await?];
                let salt = |hash: &str| match hash.split('$').collect::<Vec<_>>()[..] {
                    [_, "argon2id", .., salt, _] => salt.to_owned(),
                    [.., last] => last.chars().take(22).collect(),
                    [] => String::new(),
                };
                match salt(&hashes[0]) == salt(&hashes[1]) {
                    false => Ok(()),
                    true => Err(Stop::fail("a different salt for each user", format!("the same salt in both hashes: {}", hashes[0]))),
                }
            }),
        check("4.password-whole", "A password of 8 to 128 characters is accepted, and every character is significant")
            .needs(&["4.login"])
            .book("hashing-passwords")
            .hints(&[
                "bcrypt hashes only the first 72 bytes and ignores the rest: any password with the same first 72 bytes is accepted.",
                "Do not trim, truncate or change the letter case of a password. Count characters, not bytes.",
                "argon2id accepts any length. With bcrypt, rejecting passwords over 72 bytes is no solution: 128 characters must be accepted.",
            ])
            .proof(async |api| {
                let token = |length: usize| api.data.token(length);
                // The longest password has mostly 4-byte characters, white space at both ends, and letters of both cases.
                let passwords = [token(8), format!(" {}Q{} ", token(8), "💧".repeat(LENGTH_MOST - 11))];
                let all = passwords.iter().map(|password| expect_significant(api, password));
                join_all(all).await.into_iter().collect()
            }),
        check("4.password-nowhere", "No response, log line or table column contains a password")
            .needs(&["4.login"])
            .book("hashing-passwords")
            .hints(&[
                "Many people read logs, and logs are kept for a long time. Do you log request bodies, or error messages that quote them?",
                "Do not derive `Debug` for a type that contains a password. Implement it by hand and redact the password, or leave it out.",
                "Store only the hash. A validation error names the invalid field, never its value.",
            ])
            .proof(async |api| {
                let (email, password) = (api.email(), api.data.token(20));
                let [wrong, long, invalid, taken] = [20, LENGTH_MOST + 1, 20, 20].map(|length| api.data.token(length));
                api.sign_up(json!({ "email": email, "password": password })).await?.status(201)?;
                let signups = [
                    json!({ "email": email, "password": taken }),
                    json!({ "email": "nobody", "password": invalid }),
                    json!({ "email": api.email(), "password": long }),
                    json!({ "email": api.email(), "password": [invalid] }),
                    json!({ "email": [api.email()], "password": invalid }),
                ];
                for body in signups {
                    api.sign_up(body).await?;
                }
                // Servers tend to log a malformed body verbatim.
                let malformed = format!("{{\"email\": \"{email}\", \"password\": \"{invalid}\", ");
                for path in ["/auth/signup", "/auth/login"] {
                    let request = Request::new("POST", path).header("content-type", "application/json").body(malformed.clone());
                    api.http.send(request).await?;
                }
                api.log_in(&email, &wrong).await?;
                api.log_in(&api.email(), &wrong).await?;
                let login = api.log_in(&email, &password).await?.json()?;
                let token = login["access_token"].as_str().unwrap_or_default();
                api.as_holder(token).get("/me").await?.status(200)?;
                let member = api.user().await?.password.clone();
                expect_nowhere(api, &[password, wrong, long, invalid, taken, member]).await
            }),
    ]
}

/// Signs up with a password; fails unless only this password can log in.
async fn expect_significant(api: &Api, password: &str) -> Outcome {
    let email = api.email();
    api.sign_up(json!({ "email": email, "password": password })).await?.status(201)?;
    api.log_in(&email, password).await?.status(200)?;
    let (last, _) = password.char_indices().next_back().unwrap_or_default();
    let changed = if password.ends_with('x') { "y" } else { "x" };
    let mut others = vec![format!("{}{changed}", &password[..last])];
    if password.trim() != password {
        others.extend([password.trim_end().to_owned(), password.to_lowercase(), password.replace("💧 ", "💦 ")]);
    }
    for other in others.into_iter().filter(|other| other != password) {
        api.log_in(&email, &other).await?.status(401)?;
    }
    Ok(())
}

/// Fails if a response, the database or the log contains one of these passwords, verbatim, in hex or in base64.
async fn expect_nowhere(api: &Api, passwords: &[String]) -> Outcome {
    let has_password = |text: &str| passwords.iter().any(|password| text.contains(password.as_str()));
    for exchange in api.transcript() {
        let Ok(response) = Response::of(exchange) else { continue };
        if has_password(&response.text()) || response.all_headers().any(|(_, value)| has_password(value)) {
            return Err(response.fail("a response without the password", "a response that contains it"));
        }
    }
    let hex = |password: &String| password.bytes().map(|byte| format!("{byte:02x}")).collect();
    let texts = |password: &String| [password.clone(), hex(password), STANDARD.encode(password)];
    let texts: Vec<String> = passwords.iter().flat_map(texts).collect();
    if let Some(store) = api.visible::<Store>() {
        let columns = store.columns_with(&texts).await?;
        if !columns.is_empty() {
            return Err(Stop::fail("no column that contains a password", format!("the password in {}", columns.join(", "))));
        }
    }
    expect_not_logged(api, &texts).await
}

/// Fails if the server's log contains one of these texts.
pub async fn expect_not_logged(api: &Api, texts: &[String]) -> Outcome {
    let Ok(log) = api.log() else { return Ok(()) };
    // The log line of this request comes after all lines so far.
    let marker = format!("/marker-{}", api.data.token(8));
    // Another check covers a server that has exited in the meantime.
    if api.get(&marker).await.is_ok() {
        log.line(|line| line.contains(&marker)).await;
    }
    match log.whole().into_iter().find(|line| texts.iter().any(|text| line.contains(text.as_str()))) {
        None => Ok(()),
        Some(line) => Err(Stop::fail("a log without passwords", line)),
    }
}
