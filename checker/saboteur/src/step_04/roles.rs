//! Wrong roles.

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

/// Becomes the list of users.
async fn show(response: &mut Response, upstream: &Upstream) -> Result<(), ConnectionLost> {
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
    let told = |name, breaks, status: u16, spoil: fn(&mut Response)| {
        wrong(name, trips, breaks).response(lists_users, move |_, response| {
            if response.status() == status {
                spoil(response)
            }
        })
    };
    let open = |name, breaks, when: fn(&Request, u16) -> bool| {
        wrong(name, trips, breaks).instead(lists_users, async move |request, upstream| {
            let mut response = upstream.send(request.clone()).await?;
            if !response.is_success() && when(&request, response.status()) {
                show(&mut response, upstream).await?;
            }
            Ok(response)
        })
    };
    let was_admin = Cell::new(false);
    vec![
        open("every-user-is-an-admin", "GET /admin/users shows all users to every user.", |_, status| status == 403),
        open("nobody-is-an-admin", "GET /admin/users needs no token.", |request, _| is_anonymous(request)),
        open("everybody-is-an-admin", "GET /admin/users is for everybody.", |_, _| true),
        wrong("one-admin-opens-the-door-for-all", trips, "Once an admin has been there, GET /admin/users is for every user.")
            .instead(lists_users, async move |request, upstream| {
                let mut response = upstream.send(request).await?;
                match response.status() {
                    200 => was_admin.set(true),
                    403 if was_admin.get() => show(&mut response, upstream).await?,
                    _ => {}
                }
                Ok(response)
            }),
        told("no-admin-answers-404", "GET /admin/users answers 404 to a user.", 403, |response| {
            response.set_problem(404, "There is nothing here.")
        }),
        told("no-admin-answers-401", "GET /admin/users answers 401 to a user.", 403, |response| {
            response.set_problem(401, "You may not do this.")
        }),
        told("no-admin-answers-an-empty-list", "GET /admin/users answers an empty array to a user.", 403, |response| {
            response.set_status(200);
            response.set_json("application/json", &json!([]));
        }),
        told("no-admin-is-no-problem", "The 403 of GET /admin/users is no problem details.", 403, |response| {
            response.set_plain_error(403, "forbidden")
        }),
        told("admin-without-a-token-answers-403", "GET /admin/users answers 403 to nobody.", 401, |response| {
            response.set_problem(403, "You may not do this.")
        }),
        told("admins-may-not", "GET /admin/users answers 403 to an admin.", 200, |response| {
            response.set_problem(403, "You may not do this.")
        }),
        told("admins-get-an-object", "GET /admin/users answers an object.", 200, |response| {
            response.edit(|users| *users = json!({ "users": users.take() }))
        }),
        told("admins-see-nobody", "GET /admin/users answers an empty array to an admin.", 200, |response| {
            response.edit_list(Vec::clear)
        }),
        told("admins-see-no-addresses", "GET /admin/users leaves the e-mail addresses out.", 200, |response| {
            response.edit_list(|users| users.iter_mut().for_each(|user| user["email"] = Value::Null))
        }),
        told("admins-see-admins-alone", "GET /admin/users shows the admins alone.", 200, |response| {
            response.edit_list(|users| users.retain(|user| user["role"] == "admin"))
        }),
        told("admins-see-the-first-page-alone", "GET /admin/users shows one user.", 200, |response| {
            response.edit_list(|users| users.truncate(1))
        }),
        wrong("admins-see-the-hashes", trips, "GET /admin/users shows the hashes of the passwords.").instead(
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
        wrong("role-stands-in-the-body", trips, "A signup with the role admin makes an admin.").instead(
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
