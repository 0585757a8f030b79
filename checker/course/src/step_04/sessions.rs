//! Cookie sessions.

use serde_json::json;

use super::cookie::Jar;
use super::{expect_unauthorized, expect_user};
use harness::api::Api;
use harness::check::{Check, check};
use harness::users::Account;
use model::{Outcome, Request, Stop};
use probe::Response;

/// The route that starts and ends sessions.
const PATH: &str = "/auth/session";
/// The minimum length of a session id: 16 hexadecimal digits are 64 bits.
const ID_LEAST: usize = 16;

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("4.session", "POST /auth/session responds 204 with a session cookie (HttpOnly, Secure, SameSite=Lax) that authenticates requests")
            .stretch()
            .needs(&["4.me"])
            .book("sessions")
            .hints(&[
                "The server stores the session with its user; the browser stores only the session id, a long random number.",
                "`Set-Cookie: session=…; HttpOnly; Secure; SameSite=Lax; Path=/`. Which attack (XSS, eavesdropping, CSRF) does each attribute mitigate?",
                "The extractor `AuthUser` reads the `Authorization` header first, and the cookie if there is no such header.",
            ])
            .proof(async |api| {
                let account = api.user().await?;
                let first = start_session(api, &account, &Jar::default()).await?;
                let me = get(api, "/me", &first).await?;
                me.status(200)?;
                expect_user(&me, &account.email)?;
                get(api, "/habits", &first).await?.status(200)?;
                let wrong = json!({ "email": account.email, "password": api.data.token(16) });
                let rejected = api.http.send(Request::new("POST", PATH).json(&wrong)).await?;
                rejected.status(401)?;
                let mut jar = Jar::default();
                jar.keep(&rejected, PATH);
                expect_unauthorized(&get(api, "/me", &jar).await?)?;
                let second = start_session(api, &account, &Jar::default()).await?;
                let forged = second.with_values(|cookie| forged_value(&cookie.value));
                expect_unauthorized(&get(api, "/me", &forged).await?)?;
                let values = |jar: &Jar| jar.cookies().map(|cookie| cookie.value.clone()).collect::<Vec<_>>();
                if values(&second).iter().all(|value| value.len() < ID_LEAST) {
                    return Err(
                        me.fail("a session id that cannot be guessed", format!("cookies with {}", values(&second).join(", ")))
                    );
                }
                match values(&second) == values(&first) {
                    true => Err(me.fail("a new id for each session", format!("{} again", values(&second).join(", ")))),
                    false => Ok(()),
                }
            }),
        check("4.session-logout", "DELETE /auth/session ends the session on the server: its cookie is rejected with 401 from then on")
            .stretch()
            .needs(&["4.session"])
            .book("sessions")
            .hints(&[
                "Clearing the cookie in the browser is not enough: an attacker with a copy of it stays signed in.",
                "Delete the session's row in the database. Then its id is invalid.",
                "If the response also removes the cookie and its name begins with `__Host-`, that Set-Cookie needs `Secure` and `Path=/` too.",
            ])
            .proof(async |api| {
                let account = api.user().await?;
                let ended = start_session(api, &account, &Jar::default()).await?;
                let other = start_session(api, &account, &Jar::default()).await?;
                let response = api.anonymous().http.send(ended.send(Request::new("DELETE", PATH))).await?;
                response.status([200, 204])?;
                if let Some((cookie, missed)) = ended.ignored_change(&response) {
                    return Err(response.fail(
                        format!("a Set-Cookie that removes {} from the browser, with {missed}", cookie.name),
                        format!("a Set-Cookie that browsers ignore: the prefix of its name requires {missed}"),
                    ));
                }
                expect_unauthorized(&get(api, "/me", &ended).await?)?;
                // Logging out on one device may end the sessions on all devices; the server decides.
                get(api, "/me", &other).await?.status([200, 401])?;
                Ok(())
            }),
        check("4.session-fixation", "The server never adopts a session id that the client chose")
            .stretch()
            .needs(&["4.session"])
            .second_user()
            .book("sessions")
            .hints(&[
                "Session fixation: an attacker plants a session cookie in your browser and waits until you log in. What must not happen then?",
                "Generate a new random session id at every login, and ignore the one in the request.",
            ])
            .proof(async |api| {
                let (victim, attacker) = (api.user().await?, api.second_user().await?);
                let own = start_session(api, &attacker, &Jar::default()).await?;
                let invented = own.with_values(|cookie| forged_value(&cookie.value));
                // An id of an existing session, and one of none.
                for planted in [&own, &invented] {
                    let issued = start_session(api, &victim, planted).await?;
                    if let Some(kept) = planted.cookies().find(|cookie| issued.cookies().any(|new| new.value == cookie.value)) {
                        let actual = format!("the cookie {} keeps the value that the client sent", kept.name);
                        return Err(Stop::fail("a new session id", actual));
                    }
                    let response = get(api, "/me", planted).await?;
                    let is_victim = response.code() == 200 && expect_user(&response, &victim.email).is_ok();
                    if is_victim {
                        return Err(response.fail("no access to another user's session", format!("the session of {}", victim.email)));
                    }
                }
                Ok(())
            }),
    ]
}

/// Starts a session in a browser with these cookies; returns the session cookies.
async fn start_session(api: &Api, account: &Account, jar: &Jar) -> Outcome<Jar> {
    let body = json!({ "email": account.email, "password": account.password });
    let response = api.anonymous().http.send(jar.send(Request::new("POST", PATH).json(&body))).await?;
    response.status(204)?;
    let mut received = Jar::default();
    received.keep(&response, PATH);
    // A cookie that scripts may read, such as a CSRF token, is not a session cookie.
    let safe = received.only(|cookie| cookie.missing_attribute().or(cookie.broken_prefix()).is_none());
    if safe.cookies().next().is_some() {
        return Ok(safe);
    }
    let actual = match received.cookies().next() {
        Some(cookie) => {
            let missing = cookie.missing_attribute().or(cookie.broken_prefix());
            format!("the cookie {}, which must have {}", cookie.name, missing.unwrap_or_default())
        }
        None => "no cookie".into(),
    };
    Err(response.fail("Set-Cookie with HttpOnly, Secure and SameSite=Lax", actual))
}

/// Sends a GET request as a browser with these cookies and no token.
async fn get(api: &Api, path: &str, jar: &Jar) -> Outcome<Response> {
    api.anonymous().http.send(jar.send(Request::new("GET", path))).await
}

/// A value of the same format that the server never issued: every letter and digit is replaced by the next one.
fn forged_value(value: &str) -> String {
    let next = |c: char| match c {
        'a'..='y' | 'A'..='Y' | '0'..='8' => char::from(c as u8 + 1),
        'z' => 'a',
        'Z' => 'A',
        '9' => '0',
        c => c,
    };
    value.chars().map(next).collect()
}

#[cfg(test)]
mod tests {
    use super::forged_value;

    #[test]
    fn a_forged_value_has_the_format_of_the_original() {
        assert_eq!(forged_value("aZ9-z.0"), "bA0-a.1");
    }
}
