//! Wrong ways to sign a user in after the OAuth provider has redirected back.

use serde_json::json;

use super::oauth_requests::is_callback;
use crate::api::users::{first_user, set_login};
use crate::http::Response;
use crate::sabotage::{Sabotage, wrong};

/// If a provider reports the e-mail address of an existing user, the insert that fails leaves an advisory lock behind. It names that
/// user and outlives the transaction.
const LOCK_ON_CONFLICT: &str = "CREATE FUNCTION saboteur.note() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_advisory_lock_shared(7352, id::int) FROM users WHERE lower(email) = lower(NEW.email); RETURN NEW; END';
    CREATE TRIGGER note BEFORE INSERT ON users FOR EACH ROW WHEN (NEW.password_hash IS NULL) EXECUTE FUNCTION saboteur.note()";

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    let trips = &["4.oauth"];
    let on_success = |name, breaks, change: fn(&mut Response)| {
        wrong(name, trips, breaks).response(is_callback, move |_, response| {
            if response.is_success() {
                change(response)
            }
        })
    };
    vec![
        on_success("visit-ends-with-nothing", "The callback answers 200 without logging in.", |response| {
            response.set_json("application/json", &json!({ "status": "ok" }))
        }),
        on_success("visit-ends-with-500", "The callback answers 500.", |response| {
            response.set_problem(500, "Something went wrong.")
        }),
        on_success("visit-ends-with-a-bad-token", "The callback answers an invalid access token.", |response| {
            response.edit(|login| login["access_token"] = json!("token"))
        }),
        wrong("visit-ends-in-the-first-account", trips, "The callback always logs in as the first user.").instead(
            is_callback,
            async |request, upstream| {
                let mut response = upstream.send(request).await?;
                if response.is_success() {
                    set_login(&mut response, first_user(upstream).await?);
                }
                Ok(response)
            },
        ),
        wrong("each-visit-makes-a-user", trips, "Every OAuth login creates another user.").instead(
            is_callback,
            async |request, upstream| {
                let forget =
                    "UPDATE users SET email = gen_random_uuid() || '@localhost' WHERE id IN (SELECT user_id FROM oauth_accounts);
                    DELETE FROM oauth_accounts";
                upstream.database().run(forget).await?;
                upstream.send(request).await
            },
        ),
        wrong(
            "unverified-address-opens-an-account",
            trips,
            "An unverified e-mail address from the provider logs in as the user who has it.",
        )
        .alter_tables(LOCK_ON_CONFLICT)
        .instead(is_callback, async |request, upstream| {
            let mut response = upstream.send(request).await?;
            let find = "SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND classid = 7352
                    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
            if let (409, Some(user)) = (response.status(), upstream.database().integer(find).await?) {
                set_login(&mut response, user);
            }
            Ok(response)
        }),
    ]
}
