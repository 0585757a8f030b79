//! Sessions in cookies.

use serde_json::json;

use super::cookie::Jar;
use super::{expect_unauthorized, expect_user};
use harness::api::Api;
use harness::check::{Check, check};
use harness::users::Account;
use model::{Outcome, Request, Stop};
use probe::Answer;

/// Where sessions begin and end.
const PATH: &str = "/auth/session";
/// The fewest characters of a session's id: 16 in hexadecimal digits are 64 bits.
const ID_LEAST: usize = 16;

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("4.session", "POST /auth/session answers 204 with a cookie HttpOnly, Secure and SameSite=Lax, which signs in")
            .stretch()
            .needs(&["4.me"])
            .book("sessions")
            .hints(&[
                "The server keeps who is signed in; the browser keeps a long random number, the id of the session.",
                "`Set-Cookie: session=…; HttpOnly; Secure; SameSite=Lax; Path=/`. Which attack does each of them stop?",
                "`AuthUser` looks at `Authorization` first, and at the cookie if there is none.",
            ])
            .proof(async |api| {
                let account = api.user().await?;
                let first = begin(api, &account, &Jar::default()).await?;
                let me = get(api, "/me", &first).await?;
                me.status(200)?;
                expect_user(&me, &account.email)?;
                get(api, "/habits", &first).await?.status(200)?;
                let wrong = json!({ "email": account.email, "password": api.data.token(16) });
                let refused = api.http.send(Request::new("POST", PATH).json(&wrong)).await?;
                refused.status(401)?;
                let mut jar = Jar::default();
                jar.keep(&refused, PATH);
                expect_unauthorized(&get(api, "/me", &jar).await?)?;
                let again = begin(api, &account, &Jar::default()).await?;
                let made_up = again.with_values(|cookie| other(&cookie.value));
                expect_unauthorized(&get(api, "/me", &made_up).await?)?;
                let values = |jar: &Jar| jar.cookies().map(|cookie| cookie.value.clone()).collect::<Vec<_>>();
                if values(&again).iter().all(|value| value.len() < ID_LEAST) {
                    return Err(
                        me.fail("a session id that nobody guesses", format!("cookies with {}", values(&again).join(", ")))
                    );
                }
                match values(&again) == values(&first) {
                    true => Err(me.fail("another id for each session", format!("{} again", values(&again).join(", ")))),
                    false => Ok(()),
                }
            }),
        check("4.session-logout", "DELETE /auth/session ends the session on the server: its cookie answers 401 from then on")
            .stretch()
            .needs(&["4.session"])
            .book("sessions")
            .hints(&[
                "Taking the cookie back from the browser is not enough: whoever has copied it goes on.",
                "Delete the row of the session; then the cookie leads nowhere.",
            ])
            .proof(async |api| {
                let account = api.user().await?;
                let [ended, other] = [begin(api, &account, &Jar::default()).await?, begin(api, &account, &Jar::default()).await?];
                let answer = api.as_nobody().http.send(ended.send(Request::new("DELETE", PATH))).await?;
                answer.status([200, 204])?;
                expect_unauthorized(&get(api, "/me", &ended).await?)?;
                // Somebody who leaves one device may leave them all; that is for the server to decide.
                get(api, "/me", &other).await?.status([200, 401])?;
                Ok(())
            }),
        check("4.session-fixation", "A session id that the client chose is never taken over")
            .stretch()
            .needs(&["4.session"])
            .second_user()
            .book("sessions")
            .hints(&[
                "Somebody puts a cookie of theirs into your browser and waits until you log in. What must not happen then?",
                "Make a new random id at every login, whatever the request brings along.",
            ])
            .proof(async |api| {
                let (victim, attacker) = (api.user().await?, api.second_user().await?);
                let own = begin(api, &attacker, &Jar::default()).await?;
                let chosen = own.with_values(|cookie| other(&cookie.value));
                // An id that there is, and one that there is not.
                for planted in [&own, &chosen] {
                    let given = begin(api, &victim, planted).await?;
                    if let Some(kept) = planted.cookies().find(|cookie| given.cookies().any(|new| new.value == cookie.value)) {
                        let actual = format!("the cookie {} keeps the value that the client sent", kept.name);
                        return Err(Stop::fail("a new session id", actual));
                    }
                    let answer = get(api, "/me", planted).await?;
                    let is_victim = answer.code() == 200 && expect_user(&answer, &victim.email).is_ok();
                    if is_victim {
                        return Err(answer.fail("a session of nobody else", format!("the session of {}", victim.email)));
                    }
                }
                Ok(())
            }),
    ]
}

/// Begins a session in a browser that has these cookies; gives the cookies that sign in.
async fn begin(api: &Api, account: &Account, jar: &Jar) -> Outcome<Jar> {
    let body = json!({ "email": account.email, "password": account.password });
    let answer = api.as_nobody().http.send(jar.send(Request::new("POST", PATH).json(&body))).await?;
    answer.status(204)?;
    let mut given = Jar::default();
    given.keep(&answer, PATH);
    // One that scripts may read, such as a token against forged requests, is no session.
    let safe = given.only(|cookie| cookie.lacks().is_none());
    if safe.cookies().next().is_some() {
        return Ok(safe);
    }
    let actual = match given.cookies().next() {
        Some(cookie) => format!("the cookie {} without {}", cookie.name, cookie.lacks().unwrap_or_default()),
        None => "no cookie".into(),
    };
    Err(answer.fail("Set-Cookie with HttpOnly, Secure and SameSite=Lax", actual))
}

/// What a browser gets that has these cookies and no token.
async fn get(api: &Api, path: &str, jar: &Jar) -> Outcome<Answer> {
    api.as_nobody().http.send(jar.send(Request::new("GET", path))).await
}

/// A value of the same form that was never given out: every letter and digit is the next one.
fn other(value: &str) -> String {
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
    use super::other;

    #[test]
    fn a_made_up_id_looks_like_the_one_it_is_made_from() {
        assert_eq!(other("aZ9-z.0"), "bA0-a.1");
    }
}
