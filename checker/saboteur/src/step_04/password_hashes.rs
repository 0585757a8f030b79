//! Wrong ways to store a password.

use tokio::sync::Mutex;

use crate::api::routes::{has_password, signs_up};
use crate::api::users::has_email_of;
use crate::database::quote_literal;
use crate::http::{ConnectionLost, Request, Response, Upstream};
use crate::sabotage::{Sabotage, wrong};

/// Where the right server's hashes are while nobody logs in.
const HASHES: &str = "CREATE TABLE saboteur.hashes (id bigint PRIMARY KEY, hash text, shown text)";

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [hashes(), salts()].into_iter().flatten().collect()
}

/// Keeps something else in `users.password_hash` than the right server does: what this SQL makes of its hash and the password.
/// The right server gets its own back for the time of a login.
fn kept(name: &'static str, trips: &'static [&'static str], breaks: &'static str, shown: fn(&str) -> String) -> Sabotage {
    let turn = Mutex::new(());
    wrong(name, trips, breaks).alter_tables(HASHES).instead(has_password, async move |request, upstream| {
        let _turn = turn.lock().await;
        match signs_up(&request) {
            true => hide(request, upstream, shown).await,
            false => with_hash(request, upstream).await,
        }
    })
}

async fn hide(request: Request, upstream: &Upstream, shown: fn(&str) -> String) -> Result<Response, ConnectionLost> {
    let response = upstream.send(request.clone()).await?;
    if response.is_success() {
        let (user, shown) = (has_email_of(&request), shown(&quote_literal(&request.text("password"))));
        let hide = format!(
            "INSERT INTO saboteur.hashes SELECT id, password_hash, {shown} FROM users WHERE {user};
            UPDATE users SET password_hash = {shown} WHERE {user}"
        );
        upstream.database().run(&hide).await?;
    }
    Ok(response)
}

async fn with_hash(request: Request, upstream: &Upstream) -> Result<Response, ConnectionLost> {
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
    let weak = |name, breaks, shown| kept(name, &["4.password-hash"], breaks, shown);
    let plain = |name, breaks, shown| kept(name, &["4.password-hash", "4.password-nowhere"], breaks, shown);
    vec![
        plain("password-is-stored-as-it-is", "The column password_hash holds the password.", |password| password.into()),
        plain("password-is-stored-in-base64", "The column password_hash holds the password in base64.", |password| {
            format!("encode(convert_to({password}, 'UTF8'), 'base64')")
        }),
        plain("password-is-stored-in-hex", "The column password_hash holds the password in hexadecimal digits.", |password| {
            format!("encode(convert_to({password}, 'UTF8'), 'hex')")
        }),
        plain("password-is-stored-behind-its-hash", "The column password_hash holds a hash and the password.", |password| {
            format!("password_hash || ':' || {password}")
        }),
        weak("hash-is-md5", "The column password_hash holds an MD5 of the password.", |password| format!("md5({password})")),
        weak("hash-is-salted-md5", "The hash is an MD5 of the password and the e-mail address.", |password| {
            format!("'$1$' || email || '$' || md5(email || {password})")
        }),
        weak("hash-is-sha-256", "The column password_hash holds a SHA-256 of the password.", |password| {
            format!("encode(sha256(convert_to({password}, 'UTF8')), 'hex')")
        }),
        weak("hash-is-salted-sha-512", "The hash is one round of SHA-512 with a salt.", |password| {
            format!("'$6$' || id || '$' || encode(sha512(convert_to(id || {password}, 'UTF8')), 'base64')")
        }),
        weak("hash-is-pbkdf2", "The hash is PBKDF2 with 1000 rounds.", |password| {
            format!("'pbkdf2_sha256$1000$' || id || '$' || encode(sha256(convert_to(id || {password}, 'UTF8')), 'base64')")
        }),
        weak("hash-is-bcrypt-of-cost-4", "The hash is bcrypt with a cost of 4.", |_| bcrypt("2b$04", "id::text")),
        weak("hash-is-bcrypt-of-cost-9", "The hash is bcrypt with a cost of 9.", |_| bcrypt("2y$09", "id::text")),
        weak("hash-is-argon2i", "The hash is argon2i.", |_| "replace(password_hash, 'argon2id', 'argon2i')".into()),
        weak("hash-is-argon2d", "The hash is argon2d.", |_| "replace(password_hash, 'argon2id', 'argon2d')".into()),
        weak("hash-takes-little-memory", "The hash is argon2id with 4 MiB of memory.", |_| {
            "replace(password_hash, 'm=19456', 'm=4096')".into()
        }),
        weak("hash-takes-one-byte-of-memory-less", "The hash is argon2id with 1 KiB less than 19 MiB.", |_| {
            "replace(password_hash, 'm=19456', 'm=19455')".into()
        }),
        weak("hash-takes-one-pass", "The hash is argon2id with one pass.", |_| "replace(password_hash, 't=2', 't=1')".into()),
        weak("hash-has-a-short-salt", "The hash is argon2id with a salt of 4 bytes.", |_| salted("left(md5(id::text), 6)")),
        weak("hash-is-cut-off", "The column password_hash holds the first 60 characters of an argon2id hash.", |_| {
            "left(password_hash, 60)".into()
        }),
        weak("hash-is-elsewhere", "The column password_hash is empty, and the hash is elsewhere.", |_| "NULL".into()),
    ]
}

/// A bcrypt hash by its form; `seed` is SQL.
fn bcrypt(kind: &str, seed: &str) -> String {
    format!("'${kind}$' || left(md5({seed}) || md5(password_hash), 53)")
}

/// The hash with another salt, which is SQL.
fn salted(salt: &str) -> String {
    format!(r"regexp_replace(password_hash, '^((\$[^$]*){{3}}\$)[^$]*', '\1' || {salt})")
}

fn salts() -> Vec<Sabotage> {
    let unsalted = |name, breaks, shown| kept(name, &["4.password-salted"], breaks, shown);
    vec![
        unsalted("salt-is-fixed", "All passwords have one salt.", |_| salted("'c2FsdHNhbHRzYWx0c2E'")),
        unsalted("salt-is-made-of-the-password", "The salt is made of the password.", |password| {
            salted(&format!("left(md5({password}), 22)"))
        }),
        unsalted("salt-of-bcrypt-is-fixed", "The hash is bcrypt, and all passwords have one salt.", |_| {
            bcrypt("2b$12", "'salt'")
        }),
    ]
}
