//! Refresh tokens.

use serde_json::{Value, json};

use super::SIGN_IN;
use super::cookie::Jar;
use super::me_of;
use harness::api::Api;
use harness::check::{Check, check};
use harness::problem::expect_problem;
use harness::users::{Account, access_token};
use model::{Outcome, Request};
use probe::Answer;

/// Where tokens are refreshed.
const PATH: &str = "/auth/refresh";

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("4.refresh", "POST /auth/refresh answers 200 with new tokens, and the refresh token is another one each time")
            .stretch()
            .needs(&["4.me"])
            .book("refresh-tokens")
            .hints(&[
                "The login's answer has a `refresh_token` too, which lives longer. It is worth an access token once.",
                "A refresh token is a long random text. Store its hash, its user, its family, and whether it was used.",
                "The answer is `{\"access_token\", \"token_type\": \"Bearer\", \"expires_in\", \"refresh_token\"}`.",
            ])
            .proof(async |api| {
                let account = api.user().await?;
                let mut grant = Grant::of_login(api, &account).await?;
                for _ in 0..2 {
                    let answer = grant.refresh(api).await?;
                    answer.status(200)?;
                    let token = access_token(&answer, &answer.json()?)?;
                    let me = me_of(api, &token).await?;
                    me.status(200)?;
                    super::expect_user(&me, &account.email)?;
                    let next = Grant::in_answer(&answer, PATH)?;
                    // It lives longer, and so it must not be worth as much.
                    if let Some(token) = next.token.as_str() {
                        me_of(api, token).await?.status(401)?;
                    }
                    if next.is_same(&grant) {
                        return Err(answer.fail("another refresh token", "the one that was just used"));
                    }
                    grant = next;
                }
                for wrong in [json!({ "refresh_token": api.data.token(43) }), json!({ "refresh_token": account.token })] {
                    let answer = api.as_nobody().post(PATH, wrong).await?;
                    expect_problem(&answer, [400, 401])?;
                }
                Ok(())
            }),
        check("4.refresh-reuse", "A refresh token that was used before answers 401, and revokes those that came of it")
            .stretch()
            .needs(&["4.refresh"])
            .book("refresh-tokens")
            .hints(&[
                "A token that comes a second time was copied. Who is the thief: the first who used it, or the second?",
                "Nobody knows, so both have to log in again: every token of the same login, the family, is revoked.",
            ])
            .proof(async |api| {
                let account = api.user().await?;
                let first = Grant::of_login(api, &account).await?;
                let used = first.refresh(api).await?;
                used.status(200)?;
                let second = Grant::in_answer(&used, PATH)?;
                let used = second.refresh(api).await?;
                used.status(200)?;
                let third = Grant::in_answer(&used, PATH)?;
                expect_problem(&first.refresh(api).await?, 401)?;
                for revoked in [&third, &second] {
                    expect_problem(&revoked.refresh(api).await?, 401)?;
                }
                Grant::of_login(api, &account).await?.refresh(api).await?.status(200)?;
                Ok(())
            }),
    ]
}

/// A refresh token, in the body or in a cookie.
struct Grant {
    token: Value,
    jar: Jar,
}

impl Grant {
    async fn of_login(api: &Api, account: &Account) -> Outcome<Grant> {
        let answer = api.http.send(SIGN_IN.log_in(&json!({ "email": account.email, "password": account.password }))).await?;
        answer.status(200)?;
        Grant::in_answer(&answer, "/auth/login")
    }

    fn in_answer(answer: &Answer, path: &str) -> Outcome<Grant> {
        let mut jar = Jar::default();
        jar.keep(answer, path);
        let token = answer.json()?["refresh_token"].clone();
        match token.is_string() || jar.cookies().next().is_some() {
            true => Ok(Grant { token, jar }),
            false => Err(answer.fail("a refresh_token", format!("\"refresh_token\": {token}, and no cookie"))),
        }
    }

    async fn refresh(&self, api: &Api) -> Outcome<Answer> {
        let request = Request::new("POST", PATH);
        let request = if self.token.is_string() { request.json(&json!({ "refresh_token": self.token })) } else { request };
        api.as_nobody().http.send(self.jar.send(request)).await
    }

    fn is_same(&self, other: &Grant) -> bool {
        let values = |grant: &Grant| grant.jar.cookies().map(|cookie| cookie.value.clone()).collect::<Vec<_>>();
        self.token == other.token && values(self) == values(other)
    }
}
