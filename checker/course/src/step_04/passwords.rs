//! What becomes of a password.

use futures_util::future::join_all;
use serde_json::json;

use super::{hash, stored_hash};
use harness::api::Api;
use harness::check::{Check, check};
use model::base64;
use model::{Outcome, Request, Stop, shorten};
use probe::Answer;
use services::postgres::Store;

/// The most characters of a password.
const MOST: usize = 128;

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("4.password-hash", "users.password_hash is an argon2id PHC string of 19 MiB and 2 passes at least, or bcrypt")
            .needs(&["4.login"])
            .second_user()
            .book("hashing-passwords")
            .hints(&[
                "A fast hash, SHA-256 for example, lets an attacker try a billion passwords a second. Which one is slow on purpose?",
                "The crate `argon2` writes the PHC string: `$argon2id$v=19$m=19456,t=2,p=1$…`. Store it as it is.",
                "`Argon2::default()` has these parameters. bcrypt is accepted too, from a cost of 10.",
            ])
            .proof(async |api| {
                for account in [api.user().await?, api.second_user().await?] {
                    let stored = stored_hash(&*api.fixture::<Store>()?, &account.email).await?;
                    if let Some(weakness) = hash::weakness(&stored) {
                        let expected = "argon2id with m=19456 and t=2 at least, such as $argon2id$v=19$m=19456,t=2,p=1$salt$hash";
                        let actual = format!("{weakness}, in password_hash: {}", shorten(&stored, 120));
                        return Err(Stop::fail(expected, actual));
                    }
                }
                Ok(())
            }),
        check("4.password-salted", "The same password of two users has two hashes")
            .needs(&["4.password-hash"])
            .second_user()
            .book("hashing-passwords")
            .hints(&[
                "Without a salt, who cracks one hash has the password of everybody who chose the same.",
                "A new random salt for every password: `hash_password` of the crate `argon2` makes one by itself.",
            ])
            .proof(async |api| {
                // Both have the same password.
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
                    true => Err(Stop::fail("two salts for two users", format!("one salt in both hashes: {}", hashes[0]))),
                }
            }),
        check("4.password-whole", "A password of 8 to 128 characters is accepted, and every one of them counts")
            .needs(&["4.login"])
            .book("hashing-passwords")
            .hints(&[
                "bcrypt looks at the first 72 bytes alone. What follows can be anything, and the login succeeds.",
                "Do not trim, shorten or change the letter case of a password. Characters are not bytes.",
                "argon2id takes any length. With bcrypt, refusing what is longer is no way out: 128 characters are allowed.",
            ])
            .proof(async |api| {
                let token = |length: usize| api.data.token(length);
                // The longest has four bytes for most characters, white space at both ends, and letters of both cases.
                let passwords = [token(8), format!(" {}Q{} ", token(8), "💧".repeat(MOST - 11))];
                let all = passwords.iter().map(|password| whole(api, password));
                join_all(all).await.into_iter().collect()
            }),
        check("4.password-nowhere", "A password stands in no answer, in no log line, and in no column of any table")
            .needs(&["4.login"])
            .book("hashing-passwords")
            .hints(&[
                "A log is read by many and kept for long. Does yours show the body of a request, or what was wrong with it?",
                "Do not derive `Debug` for what holds a password, or write it by hand and leave the password out.",
                "Store the hash alone. An error names the field that is wrong, never what was in it.",
            ])
            .proof(async |api| {
                let (email, password) = (api.email(), api.data.token(20));
                let [wrong, long, refused, taken] = [20, MOST + 1, 20, 20].map(|length| api.data.token(length));
                api.sign_up(json!({ "email": email, "password": password })).await?.status(201)?;
                let signups = [
                    json!({ "email": email, "password": taken }),
                    json!({ "email": "nobody", "password": refused }),
                    json!({ "email": api.email(), "password": long }),
                    json!({ "email": api.email(), "password": [refused] }),
                    json!({ "email": [api.email()], "password": refused }),
                ];
                for body in signups {
                    api.sign_up(body).await?;
                }
                // What cannot be read tends to be logged as it is.
                let broken = format!("{{\"email\": \"{email}\", \"password\": \"{refused}\", ");
                for path in ["/auth/signup", "/auth/login"] {
                    let request = Request::new("POST", path).header("content-type", "application/json").body(broken.clone());
                    api.http.send(request).await?;
                }
                api.log_in(&email, &wrong).await?;
                api.log_in(&api.email(), &wrong).await?;
                let login = api.log_in(&email, &password).await?.json()?;
                let token = login["access_token"].as_str().unwrap_or_default();
                api.as_holder(token).get("/me").await?.status(200)?;
                let member = api.user().await?.password.clone();
                expect_nowhere(api, &[password, wrong, long, refused, taken, member]).await
            }),
    ]
}

/// Signs up with a password, and fails unless that one alone opens the account.
async fn whole(api: &Api, password: &str) -> Outcome {
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

/// Fails when something shows one of these passwords, as it is or written in another way.
async fn expect_nowhere(api: &Api, passwords: &[String]) -> Outcome {
    let shows = |text: &str| passwords.iter().any(|password| text.contains(password.as_str()));
    for exchange in api.transcript() {
        let Ok(answer) = Answer::of(exchange) else { continue };
        if shows(&answer.text()) || answer.all_headers().any(|(_, value)| shows(value)) {
            return Err(answer.fail("an answer without the password", "an answer with it"));
        }
    }
    let hex = |password: &String| password.bytes().map(|byte| format!("{byte:02x}")).collect();
    let texts = |password: &String| [password.clone(), hex(password), base64::encode(password.as_bytes())];
    let texts: Vec<String> = passwords.iter().flat_map(texts).collect();
    if let Some(store) = api.visible::<Store>() {
        let columns = store.columns_with(&texts).await?;
        if !columns.is_empty() {
            return Err(Stop::fail("a password that is stored nowhere", format!("it stands in {}", columns.join(", "))));
        }
    }
    expect_not_logged(api, &texts).await
}

/// Fails when a line of the server's log holds one of these texts.
pub async fn expect_not_logged(api: &Api, texts: &[String]) -> Outcome {
    let Ok(log) = api.log() else { return Ok(()) };
    // The line of this request comes after every line so far.
    let marker = format!("/marker-{}", api.data.token(8));
    // A server that has ended meanwhile is another check's business.
    if api.get(&marker).await.is_ok() {
        log.line(|line| line.contains(&marker)).await;
    }
    match log.whole().into_iter().find(|line| texts.iter().any(|text| line.contains(text.as_str()))) {
        None => Ok(()),
        Some(line) => Err(Stop::fail("a log without passwords", line)),
    }
}
