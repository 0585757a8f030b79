//! Wrong ways to leave.

use std::cell::RefCell;
use std::collections::HashSet;

use super::{caller, first_user, leaves, logs_in, sign_in, text, wrong};
use crate::message::Answer;
use crate::sabotage::Sabotage;
use crate::step_03::refusal;

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    let trips = &["4.delete-me"];
    let told = |name, breaks, spoil: fn(&mut Answer)| {
        wrong(name, trips, breaks).answer(leaves, move |_, answer| {
            if answer.is_success() {
                spoil(answer)
            }
        })
    };
    // SQL that is run before the right server deletes the user; `{}` is the user's id.
    let before = |name, trips, breaks, sql: &'static str| {
        wrong(name, trips, breaks).instead(leaves, async move |request, server| {
            if let Some(user) = caller(&request) {
                server.database().run(&sql.replace("{}", &user.to_string())).await?;
            }
            server.send(request).await
        })
    };
    // In the place of deleting the user.
    let instead = |name, breaks, sql: &'static str| {
        wrong(name, trips, breaks).instead(
            |request| leaves(request) && caller(request).is_some(),
            async move |request, server| {
                let user = caller(&request).unwrap_or_default();
                server.database().run(&sql.replace("{}", &user.to_string())).await?;
                let mut answer = refusal(&request, server, 204, "").await?;
                answer.clear();
                Ok(answer)
            },
        )
    };
    let gone = RefCell::new(HashSet::new());
    vec![
        told("leaving-answers-200", "DELETE /me answers 200.", |answer| answer.set_status(200)),
        told("leaving-answers-202", "DELETE /me answers 202.", |answer| answer.set_status(202)),
        instead("leaving-does-nothing", "DELETE /me answers 204 and does nothing.", "SELECT {}"),
        instead(
            "leaving-keeps-the-row",
            "DELETE /me takes the habits and the password, and the user stays.",
            "
            DELETE FROM habits WHERE user_id = {}; UPDATE users SET password_hash = NULL WHERE id = {}",
        ),
        instead("leaving-keeps-the-user", "DELETE /me takes the habits alone.", "DELETE FROM habits WHERE user_id = {}"),
        instead(
            "leaving-hides-the-address",
            "DELETE /me changes the e-mail address, and habits stay.",
            "
            UPDATE users SET password_hash = NULL, email = 'gone-' || id || '@localhost' WHERE id = {}",
        ),
        before(
            "leaving-gives-habits-away",
            trips,
            "The habits of a user who leaves go to another.",
            "
            INSERT INTO users (id, email) VALUES (-1, 'heir@localhost') ON CONFLICT DO NOTHING;
            UPDATE habits SET user_id = -1 WHERE user_id = {}",
        ),
        before(
            "leaving-keeps-completions",
            &["4.delete-me", "3.cascade", "3.foreign-keys"],
            "The completions of a user who leaves stay.",
            "SELECT {}",
        )
        .tables("ALTER TABLE completions DROP CONSTRAINT completions_habit_id_fkey"),
        before(
            "leaving-takes-all-habits-along",
            trips,
            "The habits of all users go with one who leaves.",
            "DELETE FROM habits WHERE {} > 0",
        ),
        before(
            "leaving-takes-all-days-along",
            trips,
            "The completions of all users go with one who leaves.",
            "
            DELETE FROM completions WHERE {} > 0",
        ),
        wrong("leaving-leaves-a-way-in", trips, "Who has left can still log in.").instead(
            |request| leaves(request) || logs_in(request),
            async move |request, server| {
                if leaves(&request) {
                    let find = format!("SELECT lower(email) FROM users WHERE id = {}", caller(&request).unwrap_or_default());
                    let left: Vec<(String,)> = server.database().rows(&find).await?;
                    gone.borrow_mut().extend(left.into_iter().map(|(email,)| email));
                    return server.send(request).await;
                }
                let has_left = gone.borrow().contains(&text(&request, "email").to_lowercase());
                let mut answer = server.send(request).await?;
                if has_left && answer.status() == 401 {
                    sign_in(&mut answer, first_user(server).await?);
                }
                Ok(answer)
            },
        ),
    ]
}
