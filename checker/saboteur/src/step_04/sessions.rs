//! Wrong sessions.

use crate::api::routes::{ends_session, starts_session};
use crate::api::users::{act_as, caller, first_user, has_email_of};
use crate::database::quote_literal;
use crate::http::{Request, Response};
use crate::sabotage::{Sabotage, wrong};

/// The cookie of the right server.
const COOKIE: &str = "__Host-session";

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [begins(), ends(), fixations()].into_iter().flatten().collect()
}

/// The id of the session that a request is sent in.
fn session(request: &Request) -> Option<&str> {
    let pairs = request.header("cookie")?.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.into_iter().find(|(name, _)| *name == COOKIE).map(|(_, id)| id)
}

/// A session with this id for the user whose e-mail address stands in the body, as SQL.
fn adopted(id: &str, request: &Request) -> String {
    format!(
        "INSERT INTO sessions (id_hash, user_id, expires_at)
            SELECT sha256(convert_to({}, 'UTF8')), id, now() + interval '30 days' FROM users WHERE {}
            ON CONFLICT (id_hash) DO UPDATE SET user_id = EXCLUDED.user_id",
        quote_literal(id),
        has_email_of(request)
    )
}

fn begins() -> Vec<Sabotage> {
    let trips = &["4.session"];
    let told = |name, breaks, spoil: fn(&mut Response)| {
        wrong(name, trips, breaks).response(starts_session, move |_, response| {
            if response.is_success() {
                spoil(response)
            }
        })
    };
    let set = |name, breaks, change: fn(&str) -> String| {
        wrong(name, trips, breaks).response(starts_session, move |_, response| {
            if let Some(field) = response.header("set-cookie").map(change) {
                response.set_header("set-cookie", &field);
            }
        })
    };
    // Sessions with ids that are made here.
    let numbered = |name, breaks, id: fn(&Request) -> String| {
        wrong(name, trips, breaks).instead(starts_session, async move |request, upstream| {
            let mut response = upstream.send(request.clone()).await?;
            if response.is_success() {
                let id = id(&request);
                upstream.database().run(&adopted(&id, &request)).await?;
                response.set_header("set-cookie", &format!("{COOKIE}={id}; HttpOnly; Secure; SameSite=Lax; Path=/"));
            }
            Ok(response)
        })
    };
    fn without(field: &str, attribute: &str) -> String {
        let parts = field.split(';').filter(|part| !part.trim().eq_ignore_ascii_case(attribute));
        parts.collect::<Vec<_>>().join(";")
    }
    vec![
        told("session-answers-200", "POST /auth/session answers 200.", |response| response.set_status(200)),
        told("session-sets-no-cookie", "POST /auth/session sets no cookie.", |response| response.remove_header("set-cookie")),
        set("session-is-open-to-scripts", "The cookie of a session lacks HttpOnly.", |field| without(field, "HttpOnly")),
        set("session-goes-over-http", "The cookie of a session lacks Secure.", |field| without(field, "Secure")),
        set("session-has-no-site", "The cookie of a session lacks SameSite.", |field| without(field, "SameSite=Lax")),
        set("session-goes-to-all-sites", "The cookie of a session says SameSite=None.", |field| field.replace("=Lax", "=None")),
        set("session-has-a-small-path", "The cookie of a session goes to /auth alone.", |field| {
            field.replace("Path=/", "Path=/auth")
        }),
        wrong("session-signs-nobody-in", trips, "The cookie of a session leads nowhere.").request(
            |request| session(request).is_some() && !ends_session(request),
            |request| drop(request.head.headers.remove("cookie")),
        ),
        wrong("session-is-good-for-me-alone", trips, "The cookie of a session is looked at by /me alone.").request(
            |request| session(request).is_some() && request.path().starts_with("/habits"),
            |request| drop(request.head.headers.remove("cookie")),
        ),
        wrong("any-session-id-is-taken", trips, "A session id that was never given out opens the first account.").instead(
            |request| session(request).is_some() && caller(request).is_none() && !request.path().starts_with("/auth"),
            async |mut request, upstream| {
                let response = upstream.send(request.clone()).await?;
                if response.status() != 401 {
                    return Ok(response);
                }
                act_as(&mut request, first_user(upstream).await?);
                upstream.send(request).await
            },
        ),
        wrong("session-takes-any-password", trips, "POST /auth/session takes any password.").instead(
            starts_session,
            async |request, upstream| {
                let mut response = upstream.send(request.clone()).await?;
                if response.status() == 401 {
                    let id = format!("{:032x}", fastrand::u128(..));
                    upstream.database().run(&adopted(&id, &request)).await?;
                    response.set_status(204);
                    response.clear();
                    response.set_header("set-cookie", &format!("{COOKIE}={id}; HttpOnly; Secure; SameSite=Lax; Path=/"));
                }
                Ok(response)
            },
        ),
        wrong("refused-session-begins-all-the-same", trips, "POST /auth/session answers 401 and sets a cookie that signs in.")
            .instead(starts_session, async |request, upstream| {
                let mut response = upstream.send(request.clone()).await?;
                if response.status() == 401 {
                    let id = format!("{:032x}", fastrand::u128(..));
                    upstream.database().run(&adopted(&id, &request)).await?;
                    response.set_header("set-cookie", &format!("{COOKIE}={id}; HttpOnly; Secure; SameSite=Lax; Path=/"));
                }
                Ok(response)
            }),
        numbered("session-ids-are-short", "A session id has six digits.", |_| fastrand::u32(100_000..1_000_000).to_string()),
        numbered("session-id-is-made-of-the-address", "A user has the same session id each time.", |request| {
            hmac_sha256::Hash::hash(has_email_of(request).as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
        }),
    ]
}

fn ends() -> Vec<Sabotage> {
    let trips = &["4.session-logout"];
    vec![
        wrong("logout-only-takes-the-cookie-back", trips, "DELETE /auth/session takes the cookie back, and the session goes on.")
            .request(ends_session, |request| drop(request.head.headers.remove("cookie"))),
        wrong("logout-answers-401", trips, "DELETE /auth/session wants an access token.").response(
            |request| ends_session(request) && caller(request).is_none(),
            |_, response| response.set_problem(401, "Send a token."),
        ),
        wrong("logout-answers-404", trips, "DELETE /auth/session answers 404 and does nothing.")
            .request(ends_session, |request| drop(request.head.headers.remove("cookie")))
            .response(ends_session, |_, response| response.set_problem(404, "There is nothing here.")),
        wrong(
            "logout-ends-another-session",
            trips,
            "DELETE /auth/session ends the other sessions of the user and keeps this one.",
        )
        .instead(
            |request| ends_session(request) && session(request).is_some(),
            async |mut request, upstream| {
                let own =
                    format!("id_hash = sha256(convert_to({}, 'UTF8'))", quote_literal(session(&request).unwrap_or_default()));
                let others = format!("NOT {own} AND user_id = (SELECT user_id FROM sessions WHERE {own})");
                upstream.database().run(&format!("DELETE FROM sessions WHERE {others}")).await?;
                request.head.headers.remove("cookie");
                upstream.send(request).await
            },
        ),
    ]
}

fn fixations() -> Vec<Sabotage> {
    let trips = &["4.session-fixation"];
    let known = "SELECT count(*) FROM sessions WHERE id_hash = sha256(convert_to(";
    let fixed = |name, breaks, sends_it_back: bool, takes: fn(bool) -> bool| {
        wrong(name, trips, breaks).instead(
            |request| starts_session(request) && session(request).is_some(),
            async move |request, upstream| {
                let id = session(&request).unwrap_or_default().to_owned();
                let is_known = upstream.database().integer(&format!("{known}{}, 'UTF8'))", quote_literal(&id))).await? == Some(1);
                let mut response = upstream.send(request.clone()).await?;
                if response.is_success() && takes(is_known) {
                    upstream.database().run(&adopted(&id, &request)).await?;
                    if sends_it_back {
                        response.set_header("set-cookie", &format!("{COOKIE}={id}; HttpOnly; Secure; SameSite=Lax; Path=/"));
                    }
                }
                Ok(response)
            },
        )
    };
    vec![
        fixed("session-keeps-its-id-at-a-login", "A login takes the session over whose cookie comes along.", true, |is_known| {
            is_known
        }),
        fixed(
            "session-id-is-chosen-by-the-client",
            "A session id that was never given out becomes one by a login.",
            true,
            |is_known| !is_known,
        ),
        fixed(
            "former-session-is-signed-in-too",
            "A login gives a new session id, and signs the former one in as well.",
            false,
            |_| true,
        ),
    ]
}
