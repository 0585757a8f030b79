//! Wrong password hashes.

use tokio::sync::Mutex;

use crate::api::routes::{has_password, signs_up};
use crate::api::users::has_email_of;
use crate::database::quote_literal;
use crate::http::{ConnectionLost, Request, Response, Upstream};
use crate::sabotage::{Sabotage, wrong};

/// The upstream server's hashes, and what the column shows instead of them.
const HASHES: &str = "CREATE TABLE saboteur.hashes (id bigint PRIMARY KEY, hash text, shown text)";

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [hashes(), salts()].into_iter().flatten().collect()
}

/// Replaces `users.password_hash` by the result of the SQL that `shown` returns, which may use the hash and the password. The upstream
/// server gets its own hash back for the time of a login.
fn replace_hash(name: &'static str, trips: &'static [&'static str], breaks: &'static str, shown: fn(&str) -> String) -> Sabotage {
    let turn = Mutex::new(());
    wrong(name, trips, breaks).alter_tables(HASHES).instead(has_password, async move |request, upstream| {
        let _turn = turn.lock().await;
        match signs_up(&request) {
            true => sign_up(request, upstream, shown).await,
            false => log_in(request, upstream).await,
        }
    })
}

async fn sign_up(request: Request, upstream: &Upstream, shown: fn(&str) -> String) -> Result<Response, ConnectionLost> {
    let response = upstream.send(request.clone()).await?;
    if response.is_success() {
        let (user, shown) = (has_email_of(&request), shown(&quote_literal(&request.text("password"))));
        let replace = format!(
            "INSERT INTO saboteur.hashes SELECT id, password_hash, {shown} FROM users WHERE {user};
            UPDATE users SET password_hash = {shown} WHERE {user}"
        );
        upstream.database().run(&replace).await?;
    }
    Ok(response)
}

async fn log_in(request: Request, upstream: &Upstream) -> Result<Response, ConnectionLost> {
    let user = has_email_of(&request);
    let set = |column: &str| {
        format!("UPDATE users SET password_hash = kept.{column} FROM saboteur.hashes AS kept WHERE kept.id = users.id AND {user}")
    };
    upstream.database().run(&set("hash")).await?;
    let response = upstream.send(request.clone()).await;
    upstream.database().run(&set("shown")).await?;
    response
}

fn hashes() -> Vec<Sabotage> {
    let weak = |name, breaks, shown| replace_hash(name, &["4.password-hash"], breaks, shown);
    let plain = |name, breaks, shown| replace_hash(name, &["4.password-hash", "4.password-nowhere"], breaks, shown);
    vec![
        plain("password-is-stored-as-it-is", "password_hash is the plain password.", |password| password.into()),
        plain("password-is-stored-in-base64", "password_hash is the password in Base64.", |password| {
            format!("encode(convert_to({password}, 'UTF8'), 'base64')")
        }),
        plain("password-is-stored-in-hex", "password_hash is the password in hexadecimal.", |password| {
            format!("encode(convert_to({password}, 'UTF8'), 'hex')")
        }),
        plain("password-is-stored-behind-its-hash", "password_hash is a hash followed by the plain password.", |password| {
            format!("password_hash || ':' || {password}")
        }),
        weak("hash-is-md5", "password_hash is an MD5 hash.", |password| format!("md5({password})")),
        weak("hash-is-salted-md5", "password_hash is an MD5 hash, salted with the e-mail address.", |password| {
            format!("'$1$' || email || '$' || md5(email || {password})")
        }),
        weak("hash-is-sha-256", "password_hash is a SHA-256 hash.", |password| {
            format!("encode(sha256(convert_to({password}, 'UTF8')), 'hex')")
        }),
        weak("hash-is-salted-sha-512", "password_hash is a single round of salted SHA-512.", |password| {
            format!("'$6$' || id || '$' || encode(sha512(convert_to(id || {password}, 'UTF8')), 'base64')")
        }),
        weak("hash-is-pbkdf2", "password_hash is PBKDF2 with 1000 iterations.", |password| {
            format!("'pbkdf2_sha256$1000$' || id || '$' || encode(sha256(convert_to(id || {password}, 'UTF8')), 'base64')")
        }),
        weak("hash-is-bcrypt-of-cost-4", "password_hash is bcrypt with a cost of 4.", |_| bcrypt_like("2b$04", "id::text")),
        weak("hash-is-bcrypt-of-cost-9", "password_hash is bcrypt with a cost of 9.", |_| bcrypt_like("2y$09", "id::text")),
        weak("hash-is-argon2i", "password_hash is Argon2i.", |_| "replace(password_hash, 'argon2id', 'argon2i')".into()),
        weak("hash-is-argon2d", "password_hash is Argon2d.", |_| "replace(password_hash, 'argon2id', 'argon2d')".into()),
        weak("hash-takes-little-memory", "password_hash is Argon2id with 4 MiB of memory.", |_| {
            "replace(password_hash, 'm=19456', 'm=4096')".into()
        }),
        weak("hash-takes-one-byte-of-memory-less", "password_hash is Argon2id with 1 KiB less than 19 MiB of memory.", |_| {
            "replace(password_hash, 'm=19456', 'm=19455')".into()
        }),
        weak("hash-takes-one-pass", "password_hash is Argon2id with a single iteration.", |_| {
            "replace(password_hash, 't=2', 't=1')".into()
        }),
        weak("hash-has-a-short-salt", "password_hash is Argon2id with a salt of 4 bytes.", |_| {
            with_salt("left(md5(id::text), 6)")
        }),
        weak("hash-is-cut-off", "password_hash is an Argon2id hash truncated to 60 characters.", |_| {
            "left(password_hash, 60)".into()
        }),
        weak("hash-is-elsewhere", "password_hash is NULL because the hash is stored elsewhere.", |_| "NULL".into()),
    ]
}

/// The SQL for a text in the form of a bcrypt hash. `seed` is SQL, too.
fn bcrypt_like(kind: &str, seed: &str) -> String {
    format!("'${kind}$' || left(md5({seed}) || md5(password_hash), 53)")
}

/// The SQL for the hash with another salt. `salt` is SQL, too.
fn with_salt(salt: &str) -> String {
    format!(r"regexp_replace(password_hash, '^((\$[^$]*){{3}}\$)[^$]*', '\1' || {salt})")
}

fn salts() -> Vec<Sabotage> {
    let unsalted = |name, breaks, shown| replace_hash(name, &["4.password-salted"], breaks, shown);
    vec![
        unsalted("salt-is-fixed", "All passwords have the same salt.", |_| with_salt("'c2FsdHNhbHRzYWx0c2E'")),
        unsalted("salt-is-made-of-the-password", "The salt is derived from the password.", |password| {
            with_salt(&format!("left(md5({password}), 22)"))
        }),
        unsalted("salt-of-bcrypt-is-fixed", "All bcrypt hashes have the same salt.", |_| bcrypt_like("2b$12", "'salt'")),
    ]
}
