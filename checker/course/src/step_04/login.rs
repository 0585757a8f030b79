//! Login and the authenticated user.

use std::time::{Duration, Instant};

use futures_util::future::try_join;
use serde_json::{Map, Value, json};

use super::{expect_user, me_of};
use harness::api::Api;
use harness::check::{Check, check};
use harness::data::mixed_case;
use harness::problem::expect_problem;
use harness::timing::{are_clearly_longer, median};
use harness::users::access_token;
use model::{Outcome, Stop};
use probe::Response;

/// The maximum lifetime of an access token, in seconds.
const LIFETIME_MOST: u64 = 24 * 60 * 60;
/// The minimum and maximum number of timed logins of each kind. Timing stops in between once both take equally long.
const ROUNDS: [usize; 2] = [5, 15];
/// The time limit of these measurements, after the minimum.
const TIME_LIMIT: Duration = Duration::from_secs(6);
/// The factor by which one kind of login may take longer than the other.
const FACTOR_MOST: f64 = 2.5;
/// The smallest difference that counts, in seconds.
const DIFFERENCE_LEAST: f64 = 0.005;
/// Headers that may differ between responses.
const VARYING_HEADERS: [&str; 3] = ["date", "content-length", "x-request-id"];

/// The visible content of a response, by header and by field of the body.
type Content = Map<String, Value>;

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("4.login", "POST /auth/login responds 200 with access_token, token_type and expires_in, and the token is accepted")
            .needs(&["4.signup"])
            .book("logging-in")
            .hints(&[
                "Look the user up by e-mail address, case-insensitively, and verify the password against the stored hash.",
                "The response body is `{\"access_token\": \"…\", \"token_type\": \"Bearer\", \"expires_in\": 3600}`, with the token's lifetime in seconds.",
                "`GET /habits` with `Authorization: Bearer …` must then respond 200: write the extractor `AuthUser`.",
            ])
            .proof(async |api| {
                let (email, password) = (api.email(), api.data.token(16));
                api.sign_up(json!({ "email": email, "password": password })).await?.status(201)?;
                for email in [email.clone(), mixed_case(&email)] {
                    let response = api.log_in(&email, &password).await?;
                    response.status(200)?;
                    let login = response.json()?;
                    let token = access_token(&response, &login)?;
                    if login["token_type"].as_str().is_none_or(|kind| !kind.eq_ignore_ascii_case("bearer")) {
                        return Err(response.fail("\"token_type\": \"Bearer\"", format!("\"token_type\": {}", login["token_type"])));
                    }
                    if login["expires_in"].as_u64().is_none_or(|lifetime| !(1..=LIFETIME_MOST).contains(&lifetime)) {
                        let expected = format!("\"expires_in\": seconds, at most {LIFETIME_MOST}");
                        return Err(response.fail(expected, format!("\"expires_in\": {}", login["expires_in"])));
                    }
                    api.as_holder(&token).get("/habits").await?.status(200)?;
                }
                Ok(())
            }),
        check("4.login-wrong", "A wrong password and an unknown e-mail address get the same 401 response")
            .needs(&["4.login"])
            .book("logging-in")
            .hints(&[
                "If the response reveals which of the two was wrong, anybody can find out who has an account: user enumeration.",
                "Return the same error in both cases: \"The e-mail address or the password is wrong.\"",
            ])
            .proof(async |api| {
                let known = &api.user().await?.email;
                let unknown = api.email();
                let twice = async |email| try_join(rejected_login(api, email), rejected_login(api, email)).await.map(<[Response; 2]>::from);
                let (wrong, unknown_user) = try_join(twice(known), twice(&unknown)).await?;
                let [wrong, wrong_again] = wrong.map(|response| content(&response, known));
                let (response, [unknown_user, unknown_again]) = (unknown_user[0].clone(), unknown_user.map(|response| content(&response, &unknown)));
                // A value that differs between two equal requests is an id or a timestamp.
                let varies = |key: &String| wrong.get(key) != wrong_again.get(key) || unknown_user.get(key) != unknown_again.get(key);
                let stable = |content: &Content| content.iter().filter(|(key, _)| !varies(key)).map(|(key, value)| (key.clone(), value.clone())).collect();
                response.same(&Value::Object(stable(&wrong)), &Value::Object(stable(&unknown_user)))?;
                // `LIKE` would match this address.
                let (_, rest) = known.split_at(1);
                let member = api.user().await?;
                expect_problem(&api.log_in(&format!("_{rest}"), &member.password).await?, 401)?;
                Ok(())
            }),
        check("4.login-timing", "Logins with a wrong password and with an unknown e-mail address take about the same time")
            .needs(&["4.login-wrong"])
            .exclusive()
            .second_user()
            .book("logging-in")
            .hints(&[
                "Verifying a hash is slow on purpose. For an unknown user there is no hash to verify, so the response is faster: a timing attack can tell the two apart.",
                "For an unknown user, verify the password against a dummy hash, created once at startup with the same parameters, and reject the login whatever the result.",
            ])
            .proof(async |api| {
                let known = &api.second_user().await?.email;
                let unknown = api.email();
                let mut times = [const { Vec::new() }; 2];
                let started = Instant::now();
                for round in 1..=ROUNDS[1] {
                    for (email, times) in [known, &unknown].into_iter().zip(&mut times) {
                        let clock = Instant::now();
                        rejected_login(api, email).await?;
                        times.push(clock.elapsed().as_secs_f64());
                    }
                    if round >= ROUNDS[0] && (judge(&times).is_ok() || started.elapsed() > TIME_LIMIT) {
                        break;
                    }
                }
                judge(&times)
            }),
        check("4.me", "GET /me responds 200 with the authenticated user")
            .needs(&["4.login"])
            .second_user()
            .book("the-signed-in-user")
            .hints(&[
                "The token identifies the user: its `sub` claim is the user's id. The rest is in the database.",
                "The handler takes the extractor `user: AuthUser` and returns the same JSON as the signup.",
            ])
            .proof(async |api| {
                for account in [api.user().await?, api.second_user().await?] {
                    let response = me_of(api, &account.token).await?;
                    response.status(200)?;
                    let user = expect_user(&response, &account.email)?;
                    let known = |user: &Value| json!({ "id": user["id"], "email": user["email"], "name": user["name"] });
                    response.same(&known(&account.user), &known(&user))?;
                    super::expect_no_secret(&response, &account.password)?;
                }
                Ok(())
            }),
    ]
}

/// Logs in with a wrong password; fails unless the response is 401 with problem details.
async fn rejected_login(api: &Api, email: &str) -> Outcome<Response> {
    let response = api.log_in(email, &api.data.token(16)).await?;
    expect_problem(&response, 401)?;
    Ok(response)
}

/// The content of a response, with the e-mail address of the request masked.
fn content(response: &Response, email: &str) -> Content {
    let fields = response.all_headers().filter(|(name, _)| !VARYING_HEADERS.contains(name));
    let mut content: Content = fields.map(|(name, value)| (format!("header {name}"), value.into())).collect();
    match response.json() {
        Ok(Value::Object(body)) => content.extend(body.into_iter().map(|(key, value)| (format!("body {key}"), value))),
        _ => drop(content.insert("body".into(), response.text().into())),
    }
    for value in content.values_mut() {
        if let Value::String(text) = value {
            *text = text.replace(email, "the e-mail address");
        }
    }
    content
}

/// Compares the times in seconds of logins with a known and with an unknown address.
fn judge(times: &[Vec<f64>; 2]) -> Outcome {
    let [usual, unknown] = times.each_ref().map(|times| median(times));
    let (shorter, longer) = if usual < unknown { (&times[0], &times[1]) } else { (&times[1], &times[0]) };
    let difference = (usual - unknown).abs();
    if difference < DIFFERENCE_LEAST || usual.max(unknown) <= usual.min(unknown) * FACTOR_MOST {
        return Ok(());
    }
    if !are_clearly_longer(longer, shorter) {
        return Err(Stop::Inconclusive("the machine is too busy to compare times".into()));
    }
    let milliseconds = |seconds: f64| format!("{:.1} ms", seconds * 1e3);
    let expected = format!("about {} for an unknown e-mail address, as for a wrong password", milliseconds(usual));
    Err(Stop::fail(expected, milliseconds(unknown)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_without_hashing_fails_and_a_noisy_machine_is_inconclusive() {
        let judge = |known: [f64; 5], unknown: [f64; 5]| judge(&[known.to_vec(), unknown.to_vec()]);
        let usual = [0.050, 0.049, 0.058, 0.090, 0.051];
        assert!(judge(usual, [0.040, 0.052, 0.050, 0.140, 0.049]).is_ok());
        assert!(judge(usual, [0.110; 5]).is_ok());
        assert!(judge([0.0004; 5], [0.0012; 5]).is_ok(), "the difference is too small to count");
        assert!(matches!(judge(usual, [0.002, 0.003, 0.002, 0.040, 0.002]), Err(Stop::Fail(_))));
        assert!(matches!(judge(usual, [0.180; 5]), Err(Stop::Fail(_))));
        assert!(matches!(
            judge([0.050, 0.004, 0.120, 0.003, 0.110], [0.002, 0.040, 0.003, 0.050, 0.002]),
            Err(Stop::Inconclusive(_))
        ));
    }
}
