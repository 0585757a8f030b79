//! Wrong responses to a signup.

use serde_json::json;

use crate::api::jwt;
use crate::api::routes::signs_up;
use crate::api::users::has_email_of;
use crate::http::Response;
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    let trips = &["4.signup"];
    let on_success = |name, breaks, change: fn(&mut Response)| {
        wrong(name, trips, breaks).response(signs_up, move |_, response| {
            if response.is_success() {
                change(response)
            }
        })
    };
    let without = |name, breaks, field: &'static str| {
        wrong(name, trips, breaks).response(signs_up, move |_, response| {
            response.edit(|user| drop(user.as_object_mut().map(|user| user.remove(field))))
        })
    };
    vec![
        on_success("signup-answers-200", "POST /auth/signup answers 200 instead of 201.", |response| response.set_status(200)),
        without("signup-answers-no-id", "The response to a signup has no id.", "id"),
        without("signup-answers-no-email", "The response to a signup has no e-mail address.", "email"),
        without("signup-answers-no-name", "The response to a signup has no name.", "name"),
        without("signup-answers-no-moment", "The response to a signup has no created_at.", "created_at"),
        on_success("signup-moment-is-a-number", "created_at of a new user is a Unix time in seconds.", |response| {
            response.edit(|user| user["created_at"] = json!(jwt::unix_now()))
        }),
        on_success("signup-moment-is-1970", "created_at of a new user is 1970-01-01.", |response| {
            response.edit(|user| user["created_at"] = json!("1970-01-01T00:00:00Z"))
        }),
        on_success("signup-answers-nothing", "POST /auth/signup answers 201 without a body.", Response::clear),
        wrong("signup-shows-the-hash", trips, "The response to a signup contains the password hash.").instead(
            signs_up,
            async |request, upstream| {
                let mut response = upstream.send(request.clone()).await?;
                let find = format!("SELECT password_hash FROM users WHERE {}", has_email_of(&request));
                let rows: Vec<(Option<String>,)> = upstream.database().rows(&find).await?;
                if response.is_success() {
                    response.edit(|user| user["password_hash"] = json!(rows.first().map(|row| &row.0)));
                }
                Ok(response)
            },
        ),
        wrong(
            "signup-shows-the-password",
            trips,
            "The response to a signup contains everything that was sent, even the password.",
        )
        .response(signs_up, |request, response| {
            if response.is_success() {
                response.edit(|user| user["password"] = request.field("password").unwrap_or_default());
            }
        }),
        wrong("signup-needs-a-name", trips, "A signup without a name is rejected.")
            .request(signs_up, |request| request.edit(|body| _ = body.entry("name").or_insert(json!(7)))),
        wrong("signup-stores-nobody", trips, "A signup answers 201 but stores no user.").instead(
            signs_up,
            async |request, upstream| {
                let response = upstream.send(request.clone()).await?;
                if response.is_success() {
                    upstream.database().run(&format!("DELETE FROM users WHERE {}", has_email_of(&request))).await?;
                }
                Ok(response)
            },
        ),
        wrong("signup-forgets-the-name", &["4.me"], "A signup answers the user's name but does not store it.").instead(
            signs_up,
            async |request, upstream| {
                let response = upstream.send(request.clone()).await?;
                if response.is_success() {
                    upstream.database().run(&format!("UPDATE users SET name = NULL WHERE {}", has_email_of(&request))).await?;
                }
                Ok(response)
            },
        ),
    ]
}
