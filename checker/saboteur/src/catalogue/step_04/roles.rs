//! Wrong roles of users, and wrong access to `GET /admin/users`.

use std::cell::Cell;

use hyper::Method;
use serde_json::{Value, json};

use crate::api::routes::{is_for, signs_up};
use crate::api::users::{has_email_of, is_anonymous};
use crate::database::quote_literal;
use crate::http::{ConnectionLost, Request, Response, Upstream};
use crate::sabotage::{Sabotage, wrong};

/// Whether a request is `GET /admin/users`.
fn lists_users(request: &Request) -> bool {
    is_for(request, Method::GET, "/admin/users")
}

/// Turns a response into the list of users.
async fn set_user_list(response: &mut Response, upstream: &Upstream) -> Result<(), ConnectionLost> {
    let users: Vec<(i64, String, String)> = upstream.database().rows("SELECT id, email, role FROM users ORDER BY id").await?;
    let users = users.into_iter().map(|(id, email, role)| json!({ "id": id, "email": email, "name": null, "role": role }));
    response.set_status(200);
    response.remove_header("www-authenticate");
    response.set_json("application/json", &Value::Array(users.collect()));
    Ok(())
}

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    let trips = &["4.roles"];
    let on_status = |name, breaks, status: u16, change: fn(&mut Response)| {
        wrong(name, trips, breaks).response(lists_users, move |_, response| {
            if response.status() == status {
                change(response)
            }
        })
    };
    let allow = |name, breaks, when: fn(&Request, u16) -> bool| {
        wrong(name, trips, breaks).instead(lists_users, async move |request, upstream| {
            let mut response = upstream.send(request.clone()).await?;
            if !response.is_success() && when(&request, response.status()) {
                set_user_list(&mut response, upstream).await?;
            }
            Ok(response)
        })
    };
    let was_admin = Cell::new(false);
    vec![
        allow("every-user-is-an-admin", "GET /admin/users answers all users to every user.", |_, status| status == 403),
        allow("nobody-is-an-admin", "GET /admin/users needs no token.", |request, _| is_anonymous(request)),
        allow("everybody-is-an-admin", "GET /admin/users answers all users to everybody.", |_, _| true),
        wrong("one-admin-opens-the-door-for-all", trips, "Once an admin has used GET /admin/users, every user can.").instead(
            lists_users,
            async move |request, upstream| {
                let mut response = upstream.send(request).await?;
                match response.status() {
                    200 => was_admin.set(true),
                    403 if was_admin.get() => set_user_list(&mut response, upstream).await?,
                    _ => {}
                }
                Ok(response)
            },
        ),
        on_status("no-admin-answers-404", "GET /admin/users answers 404 to a user.", 403, |response| {
            response.set_problem(404, "There is nothing here.")
        }),
        on_status("no-admin-answers-401", "GET /admin/users answers 401 to a user.", 403, |response| {
            response.set_problem(401, "You may not do this.")
        }),
        on_status("no-admin-answers-an-empty-list", "GET /admin/users answers an empty array to a user.", 403, |response| {
            response.set_status(200);
            response.set_json("application/json", &json!([]));
        }),
        on_status("no-admin-is-no-problem", "The 403 of GET /admin/users is not problem details.", 403, |response| {
            response.set_plain_error(403, "forbidden")
        }),
        on_status("admin-without-a-token-answers-403", "GET /admin/users answers 403 without a token.", 401, |response| {
            response.set_problem(403, "You may not do this.")
        }),
        on_status("admins-may-not", "GET /admin/users answers 403 to an admin.", 200, |response| {
            response.set_problem(403, "You may not do this.")
        }),
        on_status("admins-get-an-object", "GET /admin/users answers an object instead of an array.", 200, |response| {
            response.edit(|users| *users = json!({ "users": users.take() }))
        }),
        on_status("admins-see-nobody", "GET /admin/users answers an empty array to an admin.", 200, |response| {
            response.edit_list(Vec::clear)
        }),
        on_status("admins-see-no-addresses", "GET /admin/users answers users without their e-mail addresses.", 200, |response| {
            response.edit_list(|users| users.iter_mut().for_each(|user| user["email"] = Value::Null))
        }),
        on_status("admins-see-admins-alone", "GET /admin/users answers only the admins.", 200, |response| {
            response.edit_list(|users| users.retain(|user| user["role"] == "admin"))
        }),
        on_status("admins-see-the-first-page-alone", "GET /admin/users answers only the first user.", 200, |response| {
            response.edit_list(|users| users.truncate(1))
        }),
        wrong("admins-see-the-hashes", trips, "GET /admin/users answers the password hashes.").instead(
            lists_users,
            async |request, upstream| {
                let mut response = upstream.send(request).await?;
                if response.is_success() {
                    let hashes: Vec<(Option<String>,)> =
                        upstream.database().rows("SELECT password_hash FROM users ORDER BY id").await?;
                    response.edit_list(|users| {
                        for (user, (hash,)) in users.iter_mut().zip(hashes) {
                            user["password_hash"] = json!(hash);
                        }
                    });
                }
                Ok(response)
            },
        ),
        wrong("role-stands-in-the-body", trips, "A signup accepts role: the new user can be an admin.").instead(
            signs_up,
            async |request, upstream| {
                let response = upstream.send(request.clone()).await?;
                let role = request.text("role");
                if response.is_success() && ["admin", "user"].contains(&role.as_str()) {
                    let set = format!("UPDATE users SET role = {} WHERE {}", quote_literal(&role), has_email_of(&request));
                    upstream.database().run(&set).await?;
                }
                Ok(response)
            },
        ),
    ]
}
