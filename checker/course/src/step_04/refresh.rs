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
use probe::Response;

/// The route that refreshes tokens.
const PATH: &str = "/auth/refresh";

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check("4.refresh", "POST /auth/refresh responds 200 with a new access token and rotates the refresh token")
            .stretch()
            .needs(&["4.me"])
            .book("refresh-tokens")
            .hints(&[
                "The login response has a `refresh_token` too, with a longer lifetime. It can be exchanged for an access token once.",
                "A refresh token is a long random string. Store its hash, its user, its token family, and whether it has been used.",
                "Refresh token rotation: the response body is `{\"access_token\", \"token_type\": \"Bearer\", \"expires_in\", \"refresh_token\"}`, with a new refresh token.",
            ])
            .proof(async |api| {
                let account = api.user().await?;
                let mut grant = Grant::from_login(api, &account).await?;
                for _ in 0..2 {
                    let response = grant.refresh(api).await?;
                    response.status(200)?;
                    let token = access_token(&response, &response.json()?)?;
                    let me = me_of(api, &token).await?;
                    me.status(200)?;
                    super::expect_user(&me, &account.email)?;
                    let next = Grant::from_response(&response, PATH)?;
                    // A refresh token has a longer lifetime, so it must not work as an access token.
                    if let Some(token) = next.token.as_str() {
                        me_of(api, token).await?.status(401)?;
                    }
                    if next.is_same(&grant) {
                        return Err(response.fail("a new refresh token", "the refresh token that was just used"));
                    }
                    grant = next;
                }
                for wrong in [json!({ "refresh_token": api.data.token(43) }), json!({ "refresh_token": account.token })] {
                    let response = api.anonymous().post(PATH, wrong).await?;
                    expect_problem(&response, [400, 401])?;
                }
                Ok(())
            }),
        check("4.refresh-reuse", "A reused refresh token is rejected with 401, and its token family is revoked")
            .stretch()
            .needs(&["4.refresh"])
            .book("refresh-tokens")
            .hints(&[
                "A refresh token that is used a second time was probably stolen. Who is the attacker: the first to use it, or the second?",
                "The server cannot know, so both must log in again: this is reuse detection. Revoke the whole token family, that is, every refresh token from the same login.",
            ])
            .proof(async |api| {
                let account = api.user().await?;
                let first = Grant::from_login(api, &account).await?;
                let used = first.refresh(api).await?;
                used.status(200)?;
                let second = Grant::from_response(&used, PATH)?;
                let used = second.refresh(api).await?;
                used.status(200)?;
                let third = Grant::from_response(&used, PATH)?;
                expect_problem(&first.refresh(api).await?, 401)?;
                for revoked in [&third, &second] {
                    expect_problem(&revoked.refresh(api).await?, 401)?;
                }
                Grant::from_login(api, &account).await?.refresh(api).await?.status(200)?;
                Ok(())
            }),
    ]
}

/// A refresh token, from the body or a cookie.
struct Grant {
    token: Value,
    jar: Jar,
}

impl Grant {
    async fn from_login(api: &Api, account: &Account) -> Outcome<Grant> {
        let response = api.http.send(SIGN_IN.log_in(&json!({ "email": account.email, "password": account.password }))).await?;
        response.status(200)?;
        Grant::from_response(&response, "/auth/login")
    }

    fn from_response(response: &Response, path: &str) -> Outcome<Grant> {
        let mut jar = Jar::default();
        jar.keep(response, path);
        let token = response.json()?["refresh_token"].clone();
        match token.is_string() || jar.cookies().next().is_some() {
            true => Ok(Grant { token, jar }),
            false => Err(response.fail("a refresh_token", format!("\"refresh_token\": {token}, and no cookie"))),
        }
    }

    async fn refresh(&self, api: &Api) -> Outcome<Response> {
        let request = Request::new("POST", PATH);
        let request = if self.token.is_string() { request.json(&json!({ "refresh_token": self.token })) } else { request };
        api.anonymous().http.send(self.jar.send(request)).await
    }

    fn is_same(&self, other: &Grant) -> bool {
        let values = |grant: &Grant| grant.jar.cookies().map(|cookie| cookie.value.clone()).collect::<Vec<_>>();
        self.token == other.token && values(self) == values(other)
    }
}
