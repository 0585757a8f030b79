//! Wrong sessions.

use crate::api::routes::{ends_session, starts_session};
use crate::api::users::{act_as, caller, first_user, has_email_of};
use crate::database::quote_literal;
use crate::http::{Request, Response};
use crate::sabotage::{Sabotage, wrong};

/// The upstream server's session cookie.
const COOKIE: &str = "__Host-session";

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [creation(), deletion(), fixation()].into_iter().flatten().collect()
}

/// The session id in the cookie of a request.
fn session_id(request: &Request) -> Option<&str> {
    let pairs = request.header("cookie")?.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.into_iter().find(|(name, _)| *name == COOKIE).map(|(_, id)| id)
}

/// The SQL that stores a session with this id for the user with the e-mail address in the body.
fn insert_session(id: &str, request: &Request) -> String {
    format!(
        "INSERT INTO sessions (id_hash, user_id, expires_at)
            SELECT sha256(convert_to({}, 'UTF8')), id, now() + interval '30 days' FROM users WHERE {}
            ON CONFLICT (id_hash) DO UPDATE SET user_id = EXCLUDED.user_id",
        quote_literal(id),
        has_email_of(request)
    )
}

fn set_cookie(response: &mut Response, id: &str) {
    response.set_header("set-cookie", &format!("{COOKIE}={id}; HttpOnly; Secure; SameSite=Lax; Path=/"));
}

fn creation() -> Vec<Sabotage> {
    let trips = &["4.session"];
    let on_success = |name, breaks, change: fn(&mut Response)| {
        wrong(name, trips, breaks).response(starts_session, move |_, response| {
            if response.is_success() {
                change(response)
            }
        })
    };
    let change_cookie = |name, breaks, change: fn(&str) -> String| {
        wrong(name, trips, breaks).response(starts_session, move |_, response| {
            if let Some(field) = response.header("set-cookie").map(change) {
                response.set_header("set-cookie", &field);
            }
        })
    };
    // Replaces the id of the new session.
    let choose_id = |name, breaks, id: fn(&Request) -> String| {
        wrong(name, trips, breaks).instead(starts_session, async move |request, upstream| {
            let mut response = upstream.send(request.clone()).await?;
            if response.is_success() {
                let id = id(&request);
                upstream.database().run(&insert_session(&id, &request)).await?;
                set_cookie(&mut response, &id);
            }
            Ok(response)
        })
    };
    fn without(field: &str, attribute: &str) -> String {
        let parts = field.split(';').filter(|part| !part.trim().eq_ignore_ascii_case(attribute));
        parts.collect::<Vec<_>>().join(";")
    }
    vec![
        on_success("session-answers-200", "POST /auth/session answers 200.", |response| response.set_status(200)),
        on_success("session-sets-no-cookie", "POST /auth/session sets no cookie.", |response| {
            response.remove_header("set-cookie")
        }),
        change_cookie("session-is-open-to-scripts", "The session cookie lacks HttpOnly.", |field| without(field, "HttpOnly")),
        change_cookie("session-goes-over-http", "The session cookie lacks Secure.", |field| without(field, "Secure")),
        change_cookie("session-has-no-site", "The session cookie lacks SameSite.", |field| without(field, "SameSite=Lax")),
        change_cookie("session-goes-to-all-sites", "The session cookie has SameSite=None.", |field| {
            field.replace("=Lax", "=None")
        }),
        change_cookie("session-has-a-small-path", "The session cookie has Path=/auth.", |field| {
            field.replace("Path=/", "Path=/auth")
        }),
        wrong("session-signs-nobody-in", trips, "The session cookie is never accepted.").request(
            |request| session_id(request).is_some() && !ends_session(request),
            |request| drop(request.head.headers.remove("cookie")),
        ),
        wrong("session-is-good-for-me-alone", trips, "The session cookie is accepted only by /me.").request(
            |request| session_id(request).is_some() && request.path().starts_with("/habits"),
            |request| drop(request.head.headers.remove("cookie")),
        ),
        wrong("any-session-id-is-taken", trips, "An unknown session id is accepted as the first user's.").instead(
            |request| session_id(request).is_some() && caller(request).is_none() && !request.path().starts_with("/auth"),
            async |mut request, upstream| {
                let response = upstream.send(request.clone()).await?;
                if response.status() != 401 {
                    return Ok(response);
                }
                act_as(&mut request, first_user(upstream).await?);
                upstream.send(request).await
            },
        ),
        wrong("session-takes-any-password", trips, "POST /auth/session accepts any password.").instead(
            starts_session,
            async |request, upstream| {
                let mut response = upstream.send(request.clone()).await?;
                if response.status() == 401 {
                    let id = format!("{:032x}", fastrand::u128(..));
                    upstream.database().run(&insert_session(&id, &request)).await?;
                    response.set_status(204);
                    response.clear();
                    set_cookie(&mut response, &id);
                }
                Ok(response)
            },
        ),
        wrong("refused-session-begins-all-the-same", trips, "POST /auth/session answers 401 but sets a valid session cookie.")
            .instead(starts_session, async |request, upstream| {
                let mut response = upstream.send(request.clone()).await?;
                if response.status() == 401 {
                    let id = format!("{:032x}", fastrand::u128(..));
                    upstream.database().run(&insert_session(&id, &request)).await?;
                    set_cookie(&mut response, &id);
                }
                Ok(response)
            }),
        choose_id("session-ids-are-short", "Session ids have six digits.", |_| fastrand::u32(100_000..1_000_000).to_string()),
        choose_id("session-id-is-made-of-the-address", "The session id is a hash of the e-mail address.", |request| {
            hmac_sha256::Hash::hash(has_email_of(request).as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
        }),
    ]
}

fn deletion() -> Vec<Sabotage> {
    let trips = &["4.session-logout"];
    vec![
        wrong("logout-only-takes-the-cookie-back", trips, "DELETE /auth/session deletes the cookie but keeps the session.")
            .request(ends_session, |request| drop(request.head.headers.remove("cookie"))),
        wrong("logout-removes-the-cookie-in-vain", trips, "DELETE /auth/session removes the __Host- cookie without Secure.")
            .response(ends_session, |_, response| {
                response.set_header("set-cookie", &format!("{COOKIE}=; Max-Age=0; Path=/"));
            }),
        wrong("logout-answers-401", trips, "DELETE /auth/session requires an access token.").response(
            |request| ends_session(request) && caller(request).is_none(),
            |_, response| response.set_problem(401, "Send a token."),
        ),
        wrong("logout-answers-404", trips, "DELETE /auth/session answers 404 and does nothing.")
            .request(ends_session, |request| drop(request.head.headers.remove("cookie")))
            .response(ends_session, |_, response| response.set_problem(404, "There is nothing here.")),
        wrong("logout-ends-another-session", trips, "DELETE /auth/session ends the user's other sessions but keeps this one.")
            .instead(
                |request| ends_session(request) && session_id(request).is_some(),
                async |mut request, upstream| {
                    let own = format!(
                        "id_hash = sha256(convert_to({}, 'UTF8'))",
                        quote_literal(session_id(&request).unwrap_or_default())
                    );
                    let others = format!("NOT {own} AND user_id = (SELECT user_id FROM sessions WHERE {own})");
                    upstream.database().run(&format!("DELETE FROM sessions WHERE {others}")).await?;
                    request.head.headers.remove("cookie");
                    upstream.send(request).await
                },
            ),
    ]
}

fn fixation() -> Vec<Sabotage> {
    let trips = &["4.session-fixation"];
    let known = "SELECT count(*) FROM sessions WHERE id_hash = sha256(convert_to(";
    let adopt_id = |name, breaks, sends_it_back: bool, takes: fn(bool) -> bool| {
        wrong(name, trips, breaks).instead(
            |request| starts_session(request) && session_id(request).is_some(),
            async move |request, upstream| {
                let id = session_id(&request).unwrap_or_default().to_owned();
                let is_known = upstream.database().integer(&format!("{known}{}, 'UTF8'))", quote_literal(&id))).await? == Some(1);
                let mut response = upstream.send(request.clone()).await?;
                if response.is_success() && takes(is_known) {
                    upstream.database().run(&insert_session(&id, &request)).await?;
                    if sends_it_back {
                        set_cookie(&mut response, &id);
                    }
                }
                Ok(response)
            },
        )
    };
    vec![
        adopt_id("session-keeps-its-id-at-a-login", "A login reuses the id of an existing session.", true, |is_known| is_known),
        adopt_id(
            "session-id-is-chosen-by-the-client",
            "A login accepts an unknown session id from the client.",
            true,
            |is_known| !is_known,
        ),
        adopt_id(
            "former-session-is-signed-in-too",
            "A login creates a new session id and also logs in the session that the client had before.",
            false,
            |_| true,
        ),
    ]
}
