//! Wrong ways to keep a password.

use serde_json::Value;
use tokio::sync::Mutex;

use crate::api::routes::{logs_in, signs_up, starts_session};
use crate::api::users::has_email_of;
use crate::database::quote_literal;
use crate::http::{ConnectionLost, Request, Response, Upstream};
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [hashes(), salts(), parts(), traces(), columns()].into_iter().flatten().collect()
}

/// Whether a request shows a password to be let in.
fn authenticates(request: &Request) -> bool {
    logs_in(request) || starts_session(request)
}

/// Where the right server's hashes are while nobody logs in.
const HASHES: &str = "CREATE TABLE saboteur.hashes (id bigint PRIMARY KEY, hash text, shown text)";

/// Keeps something else in `users.password_hash` than the right server does: what this SQL makes of its hash and the password.
/// The right server gets its own back for the time of a login.
fn kept(name: &'static str, trips: &'static [&'static str], breaks: &'static str, shown: fn(&str) -> String) -> Sabotage {
    let turn = Mutex::new(());
    wrong(name, trips, breaks).alter_tables(HASHES).instead(
        |request| signs_up(request) || authenticates(request),
        async move |request, upstream| {
            let _turn = turn.lock().await;
            match signs_up(&request) {
                true => hide(request, upstream, shown).await,
                false => with_hash(request, upstream).await,
            }
        },
    )
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

/// Changes every password before anything is done with it.
fn altered(name: &'static str, breaks: &'static str, alter: fn(&str) -> String) -> Sabotage {
    wrong(name, &["4.password-whole"], breaks).request(
        |request| signs_up(request) || authenticates(request),
        move |request| {
            let password = request.text("password");
            if (8..=128).contains(&password.chars().count()) {
                request.set_field("password", alter(&password));
            }
        },
    )
}

fn parts() -> Vec<Sabotage> {
    let refused = |name, breaks, refused: fn(&str) -> bool| {
        wrong(name, &["4.password-whole"], breaks).request(signs_up, move |request| {
            let password = request.text("password");
            if password.chars().count() <= 128 && refused(&password) {
                request.set_field("password", "");
            }
        })
    };
    vec![
        altered("password-is-cut-at-72-bytes", "Bytes of a password behind the 72nd do not count.", |password| {
            let end = (0..=72).rev().find(|end| password.is_char_boundary(*end)).unwrap_or_default();
            password[..end].to_owned()
        }),
        altered("password-is-cut-at-8-characters", "Characters of a password behind the 8th do not count.", |password| {
            password.chars().take(8).collect()
        }),
        altered("password-is-cut-at-127-characters", "The 128th character of a password does not count.", |password| {
            password.chars().take(127).collect()
        }),
        altered("password-loses-its-end", "White space at the end of a password does not count.", |password| {
            password.trim_end().to_owned()
        }),
        altered("password-is-trimmed", "White space around a password does not count.", |password| {
            format!("{:8}", password.trim())
        }),
        altered("password-is-compared-without-case", "The letter case of a password does not count.", str::to_lowercase),
        altered("password-is-compared-as-ascii", "All characters of a password beyond ASCII are alike.", |password| {
            password.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect()
        }),
        refused("password-of-8-characters-is-refused", "A password of 8 characters is refused.", |password| {
            password.chars().count() == 8
        }),
        refused("password-of-128-characters-is-refused", "A password of 128 characters is refused.", |password| {
            password.chars().count() == 128
        }),
        refused("password-over-72-bytes-is-refused", "A password of more than 72 bytes is refused.", |password| {
            password.len() > 72
        }),
        refused("password-over-128-bytes-is-refused", "A password of more than 128 bytes is refused.", |password| {
            password.len() > 128
        }),
        refused("password-with-spaces-is-refused", "A password with a space in it is refused.", |password| {
            password.contains(' ')
        }),
        refused("password-beyond-ascii-is-refused", "A password with characters beyond ASCII is refused.", |password| {
            !password.is_ascii()
        }),
    ]
}

const NOWHERE: &[&str] = &["4.password-nowhere"];

/// Whether a request has a password in its body, whatever its type.
fn has_password(request: &Request) -> bool {
    signs_up(request) || authenticates(request)
}

fn traces() -> Vec<Sabotage> {
    let logged = |name, breaks, when: fn(&Request) -> bool, line: fn(&Request) -> String| {
        wrong(name, NOWHERE, breaks).request(when, move |request| eprintln!("{}", line(request)))
    };
    let refused = |name, breaks, status: u16, show: fn(&Request, &mut Response)| {
        wrong(name, NOWHERE, breaks).response(has_password, move |request, response| {
            if response.status() == status {
                show(request, response)
            }
        })
    };
    let body = |request: &Request| String::from_utf8_lossy(&request.body).into_owned();
    vec![
        logged("signup-is-logged-with-its-body", "The body of a signup is logged.", signs_up, body),
        logged("login-is-logged-with-its-body", "The body of a login is logged.", logs_in, body),
        logged("password-is-logged-in-hex", "The bytes of a login are logged as hexadecimal digits.", logs_in, |request| {
            request.body.iter().map(|byte| format!("{byte:02x}")).collect()
        }),
        logged("password-is-logged-in-base64", "A password is logged in base64.", logs_in, |request| {
            use base64::Engine;
            base64::engine::general_purpose::STANDARD.encode(request.text("password"))
        }),
        refused("wrong-password-is-logged", "A password that is not the right one is logged.", 401, |request, _| {
            eprintln!("wrong password: {}", request.text("password"));
        }),
        refused("refused-password-is-logged", "A password that breaks a rule is logged.", 400, |request, _| {
            eprintln!("refused: {:?}", request.field("password"));
        }),
        refused("unreadable-body-is-logged", "A signup or login that is no JSON is logged as it came.", 400, |request, _| {
            if request.json().is_none() {
                eprintln!("cannot read {}", String::from_utf8_lossy(&request.body));
            }
        }),
        refused("refused-password-is-answered", "The refusal of a password shows it.", 400, |request, response| {
            response.edit(|body| body["detail"] = format!("not good: {:?}", request.field("password")).into());
        }),
        refused(
            "refused-signup-is-answered",
            "The refusal of an e-mail address shows the whole signup.",
            400,
            |request, response| {
                if !request.text("email").contains('@') {
                    response.edit(|body| body["received"] = request.json().map_or(Value::Null, Value::Object));
                }
            },
        ),
        refused("taken-signup-is-answered", "The 409 of a signup shows what was sent.", 409, |request, response| {
            response.edit(|body| body["received"] = request.json().map_or(Value::Null, Value::Object));
        }),
        refused(
            "wrong-password-is-answered",
            "The 401 of a login shows the password in a header field.",
            401,
            |request, response| {
                if request.text("password").is_ascii() {
                    response.set_header("x-tried", &request.text("password"));
                }
            },
        ),
    ]
}

fn columns() -> Vec<Sabotage> {
    let stored = |name, breaks, when: fn(&Request) -> bool, status: u16| {
        wrong(name, NOWHERE, breaks)
            .alter_tables("CREATE TABLE events (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text)")
            .instead(when, async move |request, upstream| {
                let response = upstream.send(request.clone()).await?;
                if response.status() == status {
                    let body = quote_literal(&String::from_utf8_lossy(&request.body));
                    upstream.database().run(&format!("INSERT INTO events (body) VALUES ({body})")).await?;
                }
                Ok(response)
            })
    };
    vec![
        stored("signups-are-kept-for-the-record", "The body of every signup is kept in a table.", signs_up, 201),
        stored("failed-logins-are-kept-for-the-record", "The body of every login that fails is kept in a table.", logs_in, 401),
        stored(
            "refused-signups-are-kept-for-the-record",
            "The body of every signup that is refused is kept in a table.",
            signs_up,
            400,
        ),
    ]
}
