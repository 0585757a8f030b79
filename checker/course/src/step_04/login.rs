//! Logging in.

use std::time::{Duration, Instant};

use futures_util::future::try_join;
use serde_json::{Map, Value, json};

use super::{expect_user, me_of};
use harness::api::Api;
use harness::check::{Check, check};
use harness::data::recased;
use harness::problem::expect_problem;
use harness::timing::{are_clearly_longer, median};
use harness::users::access_token;
use model::{Outcome, Stop};
use probe::Answer;

/// The longest life of an access token, in seconds.
const LIFE_MOST: u64 = 24 * 60 * 60;
/// How often each login is timed when it is soon clear that both take as long, and how often at most.
const ROUNDS: [usize; 2] = [5, 15];
/// Then this long at most.
const LONGEST: Duration = Duration::from_secs(6);
/// How many times as long one of the two may take as the other.
const ALIKE: f64 = 2.5;
/// A difference below this says nothing, in seconds.
const NOTHING: f64 = 0.005;
/// Header fields that say nothing of what was wrong.
const PASSING: [&str; 3] = ["date", "content-length", "x-request-id"];

/// What there is to see of an answer, by header field and by field of the body.
type Look = Map<String, Value>;

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("4.login", "POST /auth/login answers 200 with access_token, token_type and expires_in, and the token works")
            .needs(&["4.signup"])
            .book("logging-in")
            .hints(&[
                "Look the user up by e-mail address, whatever its letter case, and check the password against the stored hash.",
                "The answer is `{\"access_token\": \"…\", \"token_type\": \"Bearer\", \"expires_in\": 3600}`, with the life in seconds.",
                "`GET /habits` with `Authorization: Bearer …` then answers 200: write the extractor `AuthUser`.",
            ])
            .proof(async |api| {
                let (email, password) = (api.email(), api.data.token(16));
                api.sign_up(json!({ "email": email, "password": password })).await?.status(201)?;
                for email in [email.clone(), recased(&email)] {
                    let answer = api.log_in(&email, &password).await?;
                    answer.status(200)?;
                    let login = answer.json()?;
                    let token = access_token(&answer, &login)?;
                    if login["token_type"].as_str().is_none_or(|kind| !kind.eq_ignore_ascii_case("bearer")) {
                        return Err(answer.fail("\"token_type\": \"Bearer\"", format!("\"token_type\": {}", login["token_type"])));
                    }
                    if login["expires_in"].as_u64().is_none_or(|life| !(1..=LIFE_MOST).contains(&life)) {
                        let expected = format!("\"expires_in\": seconds, at most {LIFE_MOST}");
                        return Err(answer.fail(expected, format!("\"expires_in\": {}", login["expires_in"])));
                    }
                    api.as_holder(&token).get("/habits").await?.status(200)?;
                }
                Ok(())
            }),
        check("4.login-wrong", "A wrong password and an unknown e-mail address get the same answer, 401")
            .needs(&["4.login"])
            .book("logging-in")
            .hints(&[
                "If the answer tells which of the two was wrong, anybody can find out who has an account here.",
                "One error for both cases: \"The e-mail address or the password is wrong.\"",
            ])
            .proof(async |api| {
                let known = &api.user().await?.email;
                let unknown = api.email();
                let twice = async |email| try_join(tried(api, email), tried(api, email)).await.map(<[Answer; 2]>::from);
                let (wrong, stranger) = try_join(twice(known), twice(&unknown)).await?;
                let [wrong, again] = wrong.map(|answer| shown(&answer, known));
                let (answer, [stranger, once_more]) = (stranger[0].clone(), stranger.map(|answer| shown(&answer, &unknown)));
                // What differs between two equal requests is an id or a moment.
                let by_itself = |key: &String| wrong.get(key) != again.get(key) || stranger.get(key) != once_more.get(key);
                let lasting = |look: &Look| look.iter().filter(|(key, _)| !by_itself(key)).map(|(key, value)| (key.clone(), value.clone())).collect();
                answer.same(&Value::Object(lasting(&wrong)), &Value::Object(lasting(&stranger)))?;
                // To `LIKE` it is the same address.
                let (_, rest) = known.split_at(1);
                let member = api.user().await?;
                expect_problem(&api.log_in(&format!("_{rest}"), &member.password).await?, 401)?;
                Ok(())
            }),
        check("4.login-timing", "A wrong password and an unknown e-mail address take about the same time")
            .needs(&["4.login-wrong"])
            .exclusive()
            .second_user()
            .book("logging-in")
            .hints(&[
                "Checking a hash takes its time. Without a user there is no hash to check, and the answer comes at once.",
                "Check against some fixed hash then, made once at the start with the same parameters, and refuse whatever comes.",
            ])
            .proof(async |api| {
                let known = &api.second_user().await?.email;
                let unknown = api.email();
                let mut times = [const { Vec::new() }; 2];
                let begun = Instant::now();
                for round in 1..=ROUNDS[1] {
                    for (email, times) in [known, &unknown].into_iter().zip(&mut times) {
                        let clock = Instant::now();
                        tried(api, email).await?;
                        times.push(clock.elapsed().as_secs_f64());
                    }
                    if round >= ROUNDS[0] && (judge(&times).is_ok() || begun.elapsed() > LONGEST) {
                        break;
                    }
                }
                judge(&times)
            }),
        check("4.me", "GET /me answers 200 with the user who is signed in")
            .needs(&["4.login"])
            .second_user()
            .book("the-signed-in-user")
            .hints(&[
                "Who asks is in the token: its `sub` is the user's id. The rest is in the database.",
                "The handler takes `user: AuthUser` and answers the same shape as the signup.",
            ])
            .proof(async |api| {
                for account in [api.user().await?, api.second_user().await?] {
                    let answer = me_of(api, &account.token).await?;
                    answer.status(200)?;
                    let user = expect_user(&answer, &account.email)?;
                    let known = |user: &Value| json!({ "id": user["id"], "email": user["email"], "name": user["name"] });
                    answer.same(&known(&account.user), &known(&user))?;
                    super::expect_no_secret(&answer, &account.password)?;
                }
                Ok(())
            }),
    ]
}

/// A login with a password that is not the right one.
async fn tried(api: &Api, email: &str) -> Outcome<Answer> {
    let answer = api.log_in(email, &api.data.token(16)).await?;
    expect_problem(&answer, 401)?;
    Ok(answer)
}

/// What an answer shows: its header fields and what stands in its body, without the address that was sent.
fn shown(answer: &Answer, email: &str) -> Look {
    let fields = answer.all_headers().filter(|(name, _)| !PASSING.contains(name));
    let mut shown: Look = fields.map(|(name, value)| (format!("header {name}"), value.into())).collect();
    match answer.json() {
        Ok(Value::Object(body)) => shown.extend(body.into_iter().map(|(key, value)| (format!("body {key}"), value))),
        _ => drop(shown.insert("body".into(), answer.text().into())),
    }
    for value in shown.values_mut() {
        if let Value::String(text) = value {
            *text = text.replace(email, "the address");
        }
    }
    shown
}

/// Compares seconds: for a known address and for an unknown one.
fn judge(times: &[Vec<f64>; 2]) -> Outcome {
    let [usual, unknown] = times.each_ref().map(|times| median(times));
    let (shorter, longer) = if usual < unknown { (&times[0], &times[1]) } else { (&times[1], &times[0]) };
    let difference = (usual - unknown).abs();
    if difference < NOTHING || usual.max(unknown) <= usual.min(unknown) * ALIKE {
        return Ok(());
    }
    if !are_clearly_longer(longer, shorter) {
        return Err(Stop::Inconclusive("the machine is too busy for times to be compared".into()));
    }
    let milliseconds = |seconds: f64| format!("{:.1} ms", seconds * 1e3);
    let expected = format!("about {} for an unknown e-mail address, as for a wrong password", milliseconds(usual));
    Err(Stop::fail(expected, milliseconds(unknown)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_without_hashing_is_told_from_a_noisy_machine() {
        let judge = |known: [f64; 5], unknown: [f64; 5]| judge(&[known.to_vec(), unknown.to_vec()]);
        let usual = [0.050, 0.049, 0.058, 0.090, 0.051];
        assert!(judge(usual, [0.040, 0.052, 0.050, 0.140, 0.049]).is_ok());
        assert!(judge(usual, [0.110; 5]).is_ok());
        assert!(judge([0.0004; 5], [0.0012; 5]).is_ok(), "too little to say anything");
        assert!(matches!(judge(usual, [0.002, 0.003, 0.002, 0.040, 0.002]), Err(Stop::Fail(_))));
        assert!(matches!(judge(usual, [0.180; 5]), Err(Stop::Fail(_))));
        assert!(matches!(
            judge([0.050, 0.004, 0.120, 0.003, 0.110], [0.002, 0.040, 0.003, 0.050, 0.002]),
            Err(Stop::Inconclusive(_))
        ));
    }
}
