//! Wrong refresh tokens.

use serde_json::{Value, json};

use crate::api::jwt::{self, Jwt};
use crate::api::routes::{logs_in, refreshes};
use crate::api::users::{act_as, set_login, unauthorized, user_by_email};
use crate::database::quote_literal;
use crate::http::{ConnectionLost, Request, Response, Upstream};
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [tokens(), reuse()].into_iter().flatten().collect()
}

/// The SQL condition that selects the refresh token in the body.
fn has_token_of(request: &Request) -> String {
    format!("token_hash = sha256(convert_to({}, 'UTF8'))", quote_literal(&request.text("refresh_token")))
}

/// Marks the refresh token in the body as unused.
async fn mark_unused(request: &Request, upstream: &Upstream) -> Result<(), ConnectionLost> {
    Ok(upstream.database().run(&format!("UPDATE refresh_tokens SET used = false WHERE {}", has_token_of(request))).await?)
}

async fn is_used(request: &Request, upstream: &Upstream) -> Result<bool, ConnectionLost> {
    let find = format!("SELECT used FROM refresh_tokens WHERE {}", has_token_of(request));
    let rows: Vec<(bool,)> = upstream.database().rows(&find).await?;
    Ok(rows == [(true,)])
}

fn tokens() -> Vec<Sabotage> {
    let trips = &["4.refresh"];
    let on_success = |name, breaks, change: fn(&mut Response)| {
        wrong(name, trips, breaks).response(refreshes, move |_, response| {
            if response.is_success() {
                change(response)
            }
        })
    };
    vec![
        on_success("refresh-answers-201", "POST /auth/refresh answers 201.", |response| response.set_status(201)),
        on_success("refresh-gives-no-access-token", "POST /auth/refresh answers no access token.", |response| {
            response.edit(|login| login["access_token"] = Value::Null)
        }),
        on_success("refresh-gives-a-token-that-is-none", "POST /auth/refresh answers an invalid access token.", |response| {
            response.edit(|login| login["access_token"] = json!("token"))
        }),
        on_success("refresh-gives-no-other", "POST /auth/refresh answers no refresh token.", |response| {
            response.edit(|login| login["refresh_token"] = Value::Null)
        }),
        on_success("refresh-gives-one-that-is-none", "POST /auth/refresh answers an invalid refresh token.", |response| {
            response.edit(|login| login["refresh_token"] = json!("0123456789012345678901234567890123456789012"))
        }),
        wrong("login-gives-no-refresh-token", trips, "A login answers no refresh token.").response(logs_in, |_, response| {
            if response.is_success() {
                response.edit(|login| login["refresh_token"] = Value::Null)
            }
        }),
        wrong("refresh-tokens-do-not-rotate", trips, "POST /auth/refresh answers the refresh token that was sent.").instead(
            refreshes,
            async |request, upstream| {
                let mut response = upstream.send(request.clone()).await?;
                if response.is_success() {
                    mark_unused(&request, upstream).await?;
                    response.edit(|login| login["refresh_token"] = request.text("refresh_token").into());
                }
                Ok(response)
            },
        ),
        wrong("refresh-gives-a-token-of-nobody", trips, "POST /auth/refresh answers an access token of an unknown user.")
            .instead(refreshes, async |request, upstream| {
                let mut response = upstream.send(request).await?;
                if response.is_success() {
                    let token = jwt::token_for(i64::MAX);
                    response.edit(|login| login["access_token"] = token.into());
                }
                Ok(response)
            }),
        wrong("access-tokens-refresh", trips, "An access token is accepted as a refresh token.").response(
            refreshes,
            |request, response| {
                if let Some(user) = Jwt::decode(&request.text("refresh_token")).and_then(|token| token.user()) {
                    set_login(response, user);
                }
            },
        ),
        wrong("any-refresh-token-is-taken", trips, "An unknown refresh token is accepted.").response(
            refreshes,
            |request, response| {
                if response.status() == 401 && Jwt::decode(&request.text("refresh_token")).is_none() {
                    set_login(response, 1)
                }
            },
        ),
        wrong("unknown-refresh-token-answers-500", trips, "An unknown refresh token answers 500.").instead(
            refreshes,
            async |request, upstream| {
                let find = format!("SELECT count(*) FROM refresh_tokens WHERE {}", has_token_of(&request));
                let is_known = upstream.database().integer(&find).await? == Some(1);
                let mut response = upstream.send(request).await?;
                if !is_known {
                    response.set_problem(500, "Something went wrong.");
                }
                Ok(response)
            },
        ),
        wrong("refresh-tokens-open-doors", trips, "A refresh token is accepted as an access token.").instead(
            |request| request.header("authorization").is_some_and(|field| !field.contains('.')),
            async |mut request, upstream| {
                let token = request.header("authorization").and_then(|field| field.strip_prefix("Bearer ")).map(quote_literal);
                let find = format!(
                    "SELECT user_id FROM refresh_families AS family JOIN refresh_tokens ON family_id = family.id
                        WHERE token_hash = sha256(convert_to({}, 'UTF8'))",
                    token.unwrap_or("''".into())
                );
                if let Some(user) = upstream.database().integer(&find).await? {
                    act_as(&mut request, user);
                }
                upstream.send(request).await
            },
        ),
    ]
}

fn reuse() -> Vec<Sabotage> {
    let trips = &["4.refresh-reuse"];
    vec![
        wrong("used-refresh-tokens-are-taken", trips, "A refresh token can be used any number of times.").instead(
            refreshes,
            async |request, upstream| {
                mark_unused(&request, upstream).await?;
                upstream.send(request).await
            },
        ),
        wrong("used-refresh-tokens-revoke-nothing", trips, "A reused refresh token answers 401 but revokes nothing.").instead(
            refreshes,
            async |request, upstream| match is_used(&request, upstream).await? {
                true => unauthorized(&request, upstream).await,
                false => upstream.send(request).await,
            },
        ),
        wrong(
            "used-refresh-tokens-revoke-used-ones",
            trips,
            "A reused refresh token revokes only tokens that were already used.",
        )
        .instead(refreshes, async |request, upstream| {
            if !is_used(&request, upstream).await? {
                return upstream.send(request).await;
            }
            let family = format!("(SELECT family_id FROM refresh_tokens WHERE {})", has_token_of(&request));
            upstream.database().run(&format!("DELETE FROM refresh_tokens WHERE used AND family_id = {family}")).await?;
            unauthorized(&request, upstream).await
        }),
        wrong("used-refresh-token-answers-400", trips, "A reused refresh token answers 400.").instead(
            refreshes,
            async |request, upstream| {
                let is_used = is_used(&request, upstream).await?;
                let mut response = upstream.send(request).await?;
                if is_used {
                    response.set_problem(400, "The refresh token was used.");
                }
                Ok(response)
            },
        ),
        wrong("reuse-shuts-the-user-out", trips, "After a reused refresh token, not even a new login of that user can refresh.")
            .instead(
                |request| refreshes(request) || logs_in(request),
                async |request, upstream| {
                    if logs_in(&request) {
                        let user = user_by_email(&request, upstream).await?.unwrap_or_default();
                        let response = upstream.send(request).await?;
                        let shut = format!(
                            "DELETE FROM refresh_families WHERE user_id = {user} AND to_regclass('saboteur.shut') IS NOT NULL"
                        );
                        upstream.database().run(&shut).await?;
                        return Ok(response);
                    }
                    if is_used(&request, upstream).await? {
                        upstream
                            .database()
                            .run("CREATE SCHEMA IF NOT EXISTS saboteur; CREATE TABLE IF NOT EXISTS saboteur.shut ()")
                            .await?;
                    }
                    upstream.send(request).await
                },
            ),
    ]
}
