//! Wrong ways to delete a user.

use std::cell::RefCell;
use std::collections::HashSet;

use crate::api::routes::{deletes_me, logs_in};
use crate::api::users::{caller, first_user, set_login};
use crate::http::Response;
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    let trips = &["4.delete-me"];
    let on_success = |name, breaks, change: fn(&mut Response)| {
        wrong(name, trips, breaks).response(deletes_me, move |_, response| {
            if response.is_success() {
                change(response)
            }
        })
    };
    // Runs SQL before the upstream server deletes the user. `{}` is the user's id.
    let run_before = |name, trips, breaks, sql: &'static str| {
        wrong(name, trips, breaks).instead(deletes_me, async move |request, upstream| {
            if let Some(user) = caller(&request) {
                upstream.database().run(&sql.replace("{}", &user.to_string())).await?;
            }
            upstream.send(request).await
        })
    };
    // Runs SQL instead of deleting the user.
    let run_instead = |name, breaks, sql: &'static str| {
        wrong(name, trips, breaks).instead(
            |request| deletes_me(request) && caller(request).is_some(),
            async move |request, upstream| {
                let user = caller(&request).unwrap_or_default();
                upstream.database().run(&sql.replace("{}", &user.to_string())).await?;
                let mut response = upstream.problem(&request, 204, "").await?;
                response.clear();
                Ok(response)
            },
        )
    };
    let gone = RefCell::new(HashSet::new());
    vec![
        on_success("leaving-answers-200", "DELETE /me answers 200.", |response| response.set_status(200)),
        on_success("leaving-answers-202", "DELETE /me answers 202.", |response| response.set_status(202)),
        run_instead("leaving-does-nothing", "DELETE /me answers 204 and does nothing.", "SELECT {}"),
        run_instead(
            "leaving-keeps-the-row",
            "DELETE /me deletes the habits and the password but keeps the user.",
            "
            DELETE FROM habits WHERE user_id = {}; UPDATE users SET password_hash = NULL WHERE id = {}",
        ),
        run_instead("leaving-keeps-the-user", "DELETE /me deletes only the habits.", "DELETE FROM habits WHERE user_id = {}"),
        run_instead(
            "leaving-hides-the-address",
            "DELETE /me replaces the e-mail address and keeps the habits.",
            "
            UPDATE users SET password_hash = NULL, email = 'gone-' || id || '@localhost' WHERE id = {}",
        ),
        run_before(
            "leaving-gives-habits-away",
            trips,
            "DELETE /me gives the habits to another user.",
            "
            INSERT INTO users (id, email) VALUES (-1, 'heir@localhost') ON CONFLICT DO NOTHING;
            UPDATE habits SET user_id = -1 WHERE user_id = {}",
        ),
        run_before(
            "leaving-keeps-completions",
            &["4.delete-me", "3.cascade", "3.foreign-keys"],
            "DELETE /me keeps the completions.",
            "SELECT {}",
        )
        .alter_tables("ALTER TABLE completions DROP CONSTRAINT completions_habit_id_fkey"),
        run_before(
            "leaving-takes-all-habits-along",
            trips,
            "DELETE /me deletes the habits of all users.",
            "DELETE FROM habits WHERE {} > 0",
        ),
        run_before(
            "leaving-takes-all-days-along",
            trips,
            "DELETE /me deletes the completions of all users.",
            "
            DELETE FROM completions WHERE {} > 0",
        ),
        wrong("leaving-leaves-a-way-in", trips, "A deleted user can still log in.").instead(
            |request| deletes_me(request) || logs_in(request),
            async move |request, upstream| {
                if deletes_me(&request) {
                    let find = format!("SELECT lower(email) FROM users WHERE id = {}", caller(&request).unwrap_or_default());
                    let left: Vec<(String,)> = upstream.database().rows(&find).await?;
                    gone.borrow_mut().extend(left.into_iter().map(|(email,)| email));
                    return upstream.send(request).await;
                }
                let has_left = gone.borrow().contains(&request.text("email").to_lowercase());
                let mut response = upstream.send(request).await?;
                if has_left && response.status() == 401 {
                    set_login(&mut response, first_user(upstream).await?);
                }
                Ok(response)
            },
        ),
    ]
}
