//! Wrong refresh tokens.

use serde_json::{Value, json};

use super::jwt::Jwt;
use super::{jwt, logs_in, named_user, refreshes, sign_in, text, wrong};
use crate::message::{Answer, Request};
use crate::sabotage::Sabotage;
use crate::step_03::{quoted, refuse};
use crate::upstream::{Lost, Upstream};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [tokens(), reuse()].into_iter().flatten().collect()
}

/// The row of the refresh token that a request brings along, as a condition.
fn row(request: &Request) -> String {
    format!("token_hash = sha256(convert_to({}, 'UTF8'))", quoted(&text(request, "refresh_token")))
}

/// Forgets that the refresh token was used.
async fn forget(request: &Request, server: &Upstream) -> Result<(), Lost> {
    Ok(server.database().run(&format!("UPDATE refresh_tokens SET used = false WHERE {}", row(request))).await?)
}

async fn is_used(request: &Request, server: &Upstream) -> Result<bool, Lost> {
    let find = format!("SELECT used FROM refresh_tokens WHERE {}", row(request));
    let rows: Vec<(bool,)> = server.database().rows(&find).await?;
    Ok(rows == [(true,)])
}

fn tokens() -> Vec<Sabotage> {
    let trips = &["4.refresh"];
    let told = |name, breaks, spoil: fn(&mut Answer)| {
        wrong(name, trips, breaks).answer(refreshes, move |_, answer| {
            if answer.is_success() {
                spoil(answer)
            }
        })
    };
    vec![
        told("refresh-answers-201", "POST /auth/refresh answers 201.", |answer| answer.set_status(201)),
        told("refresh-gives-no-access-token", "POST /auth/refresh gives no access token.", |answer| {
            answer.edit(|login| login["access_token"] = Value::Null)
        }),
        told("refresh-gives-a-token-that-is-none", "POST /auth/refresh gives an access token that leads nowhere.", |answer| {
            answer.edit(|login| login["access_token"] = json!("token"))
        }),
        told("refresh-gives-no-other", "POST /auth/refresh gives no refresh token.", |answer| {
            answer.edit(|login| login["refresh_token"] = Value::Null)
        }),
        told("refresh-gives-one-that-is-none", "POST /auth/refresh gives a refresh token that is good for nothing.", |answer| {
            answer.edit(|login| login["refresh_token"] = json!("0123456789012345678901234567890123456789012"))
        }),
        wrong("login-gives-no-refresh-token", trips, "A login gives no refresh token.").answer(logs_in, |_, answer| {
            if answer.is_success() {
                answer.edit(|login| login["refresh_token"] = Value::Null)
            }
        }),
        wrong("refresh-tokens-do-not-rotate", trips, "POST /auth/refresh gives the refresh token back that was sent.").instead(
            refreshes,
            async |request, server| {
                let mut answer = server.send(request.clone()).await?;
                if answer.is_success() {
                    forget(&request, server).await?;
                    answer.edit(|login| login["refresh_token"] = text(&request, "refresh_token").into());
                }
                Ok(answer)
            },
        ),
        wrong("refresh-gives-a-token-of-nobody", trips, "POST /auth/refresh gives an access token of a user that there is not.")
            .instead(refreshes, async |request, server| {
                let mut answer = server.send(request).await?;
                if answer.is_success() {
                    let token = jwt::of_user(i64::MAX);
                    answer.edit(|login| login["access_token"] = token.into());
                }
                Ok(answer)
            }),
        wrong("access-tokens-refresh", trips, "An access token is taken for a refresh token.").answer(
            refreshes,
            |request, answer| {
                if let Some(user) = Jwt::read(&text(request, "refresh_token")).and_then(|token| token.user()) {
                    sign_in(answer, user);
                }
            },
        ),
        wrong("any-refresh-token-is-taken", trips, "A refresh token that was never given out is taken.").answer(
            refreshes,
            |request, answer| {
                if answer.status() == 401 && Jwt::read(&text(request, "refresh_token")).is_none() {
                    sign_in(answer, 1)
                }
            },
        ),
        wrong("unknown-refresh-token-answers-500", trips, "A refresh token that was never given out answers 500.").instead(
            refreshes,
            async |request, server| {
                let find = format!("SELECT count(*) FROM refresh_tokens WHERE {}", row(&request));
                let is_known = super::number(server, &find).await? == Some(1);
                let mut answer = server.send(request).await?;
                if !is_known {
                    refuse(&mut answer, 500, "Something went wrong.");
                }
                Ok(answer)
            },
        ),
        wrong("refresh-tokens-open-doors", trips, "A refresh token is taken for an access token.").instead(
            |request| request.header("authorization").is_some_and(|field| !field.contains('.')),
            async |mut request, server| {
                let token = request.header("authorization").and_then(|field| field.strip_prefix("Bearer ")).map(quoted);
                let find = format!(
                    "SELECT user_id FROM refresh_families AS family JOIN refresh_tokens ON family_id = family.id
                        WHERE token_hash = sha256(convert_to({}, 'UTF8'))",
                    token.unwrap_or("''".into())
                );
                if let Some(user) = super::number(server, &find).await? {
                    super::act_as(&mut request, user);
                }
                server.send(request).await
            },
        ),
    ]
}

fn reuse() -> Vec<Sabotage> {
    let trips = &["4.refresh-reuse"];
    vec![
        wrong("used-refresh-tokens-are-taken", trips, "A refresh token can be used any number of times.").instead(
            refreshes,
            async |request, server| {
                forget(&request, server).await?;
                server.send(request).await
            },
        ),
        wrong("used-refresh-tokens-revoke-nothing", trips, "A refresh token that comes again answers 401, and the others go on.")
            .instead(refreshes, async |request, server| match is_used(&request, server).await? {
                true => super::unauthorized(&request, server).await,
                false => server.send(request).await,
            }),
        wrong(
            "used-refresh-tokens-revoke-used-ones",
            trips,
            "A refresh token that comes again revokes those that were used already.",
        )
        .instead(refreshes, async |request, server| {
            if !is_used(&request, server).await? {
                return server.send(request).await;
            }
            let family = format!("(SELECT family_id FROM refresh_tokens WHERE {})", row(&request));
            server.database().run(&format!("DELETE FROM refresh_tokens WHERE used AND family_id = {family}")).await?;
            super::unauthorized(&request, server).await
        }),
        wrong("used-refresh-token-answers-400", trips, "A refresh token that comes again answers 400.").instead(
            refreshes,
            async |request, server| {
                let is_used = is_used(&request, server).await?;
                let mut answer = server.send(request).await?;
                if is_used {
                    refuse(&mut answer, 400, "The refresh token was used.");
                }
                Ok(answer)
            },
        ),
        wrong("reuse-shuts-the-user-out", trips, "After a refresh token came again no login of that user can refresh.").instead(
            |request| refreshes(request) || logs_in(request),
            async |request, server| {
                if logs_in(&request) {
                    let user = named_user(&request, server).await?.unwrap_or_default();
                    let answer = server.send(request).await?;
                    let shut = format!(
                        "DELETE FROM refresh_families WHERE user_id = {user} AND to_regclass('saboteur.shut') IS NOT NULL"
                    );
                    server.database().run(&shut).await?;
                    return Ok(answer);
                }
                if is_used(&request, server).await? {
                    server
                        .database()
                        .run("CREATE SCHEMA IF NOT EXISTS saboteur; CREATE TABLE IF NOT EXISTS saboteur.shut ()")
                        .await?;
                }
                server.send(request).await
            },
        ),
    ]
}
