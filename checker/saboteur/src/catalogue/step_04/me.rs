//! Wrong responses to `GET /me`.

use serde_json::json;

use crate::api::jwt;
use crate::api::routes::{logs_in, reads_me};
use crate::api::users::{caller, first_user};
use crate::http::Response;
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    let trips = &["4.me"];
    let on_success = |name, breaks, change: fn(&mut Response)| {
        wrong(name, trips, breaks).response(reads_me, move |_, response| {
            if response.is_success() {
                change(response)
            }
        })
    };
    vec![
        on_success("me-answers-404", "GET /me answers 404.", |response| response.set_problem(404, "There is no such route.")),
        on_success("me-answers-an-array", "GET /me answers an array.", |response| response.edit(|me| *me = json!([me]))),
        on_success("me-has-no-id", "GET /me answers no id.", |response| {
            response.edit(|me| drop(me.as_object_mut().map(|me| me.remove("id"))))
        }),
        on_success("me-has-no-email", "GET /me answers no e-mail address.", |response| {
            response.edit(|me| drop(me.as_object_mut().map(|me| me.remove("email"))))
        }),
        on_success("me-shows-another-name", "GET /me answers the e-mail address as the name.", |response| {
            response.edit(|me| me["name"] = me["email"].clone())
        }),
        on_success("me-has-an-id-of-its-own", "GET /me answers a different id than the signup.", |response| {
            response.edit(|me| me["id"] = json!(me["id"].as_i64().unwrap_or_default() + 1000))
        }),
        wrong("me-is-always-the-first-user", trips, "GET /me answers the first user, whoever asks.").instead(
            reads_me,
            async |request, upstream| {
                let mut response = upstream.send(request).await?;
                if response.is_success() {
                    let first = first_user(upstream).await?;
                    let rows: Vec<(String,)> =
                        upstream.database().rows(&format!("SELECT email FROM users WHERE id = {first}")).await?;
                    response.edit(|me| (me["id"], me["email"]) = (json!(first), json!(rows.first().map(|row| &row.0))));
                }
                Ok(response)
            },
        ),
        wrong("me-shows-the-hash", trips, "GET /me answers the password hash.").instead(reads_me, async |request, upstream| {
            let user = caller(&request).unwrap_or_default();
            let mut response = upstream.send(request).await?;
            if response.is_success() {
                let find = format!("SELECT password_hash FROM users WHERE id = {user}");
                let rows: Vec<(Option<String>,)> = upstream.database().rows(&find).await?;
                response.edit(|me| me["password_hash"] = json!(rows.first().map(|row| &row.0)));
            }
            Ok(response)
        }),
        wrong("login-opens-the-first-account", trips, "Every successful login logs in as the first user.").instead(
            logs_in,
            async |request, upstream| {
                let mut response = upstream.send(request).await?;
                if response.is_success() {
                    let token = jwt::token_for(first_user(upstream).await?);
                    response.edit(|login| login["access_token"] = token.into());
                }
                Ok(response)
            },
        ),
    ]
}
