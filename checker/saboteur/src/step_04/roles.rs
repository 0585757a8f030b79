//! Wrong roles.

use std::cell::Cell;

use hyper::Method;
use serde_json::{Value, json};

use super::{has_email_of, is, is_nobody, signs_up, text, wrong};
use crate::message::{Answer, Request};
use crate::sabotage::Sabotage;
use crate::step_03::{quoted, refuse};
use crate::upstream::{Lost, Upstream};

/// Whether a request is `GET /admin/users`.
fn lists_users(request: &Request) -> bool {
    is(request, Method::GET, "/admin/users")
}

/// Becomes the list of users.
async fn show(answer: &mut Answer, server: &Upstream) -> Result<(), Lost> {
    let users: Vec<(i64, String, String)> = server.database().rows("SELECT id, email, role FROM users ORDER BY id").await?;
    let users = users.into_iter().map(|(id, email, role)| json!({ "id": id, "email": email, "name": null, "role": role }));
    answer.set_status(200);
    answer.remove_header("www-authenticate");
    answer.set_json("application/json", &Value::Array(users.collect()));
    Ok(())
}

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    let trips = &["4.roles"];
    let told = |name, breaks, status: u16, spoil: fn(&mut Answer)| {
        wrong(name, trips, breaks).answer(lists_users, move |_, answer| {
            if answer.status() == status {
                spoil(answer)
            }
        })
    };
    let open = |name, breaks, when: fn(&Request, u16) -> bool| {
        wrong(name, trips, breaks).instead(lists_users, async move |request, server| {
            let mut answer = server.send(request.clone()).await?;
            if !answer.is_success() && when(&request, answer.status()) {
                show(&mut answer, server).await?;
            }
            Ok(answer)
        })
    };
    let was_admin = Cell::new(false);
    vec![
        open("every-user-is-an-admin", "GET /admin/users shows all users to every user.", |_, status| status == 403),
        open("nobody-is-an-admin", "GET /admin/users needs no token.", |request, _| is_nobody(request)),
        open("everybody-is-an-admin", "GET /admin/users is for everybody.", |_, _| true),
        wrong("one-admin-opens-the-door-for-all", trips, "Once an admin has been there, GET /admin/users is for every user.")
            .instead(lists_users, async move |request, server| {
                let mut answer = server.send(request).await?;
                match answer.status() {
                    200 => was_admin.set(true),
                    403 if was_admin.get() => show(&mut answer, server).await?,
                    _ => {}
                }
                Ok(answer)
            }),
        told("no-admin-answers-404", "GET /admin/users answers 404 to a user.", 403, |answer| {
            refuse(answer, 404, "There is nothing here.")
        }),
        told("no-admin-answers-401", "GET /admin/users answers 401 to a user.", 403, |answer| {
            refuse(answer, 401, "You may not do this.")
        }),
        told("no-admin-answers-an-empty-list", "GET /admin/users answers an empty array to a user.", 403, |answer| {
            answer.set_status(200);
            answer.set_json("application/json", &json!([]));
        }),
        told("no-admin-is-no-problem", "The 403 of GET /admin/users is no problem details.", 403, |answer| {
            answer.set_plain_error(403, "forbidden")
        }),
        told("admin-without-a-token-answers-403", "GET /admin/users answers 403 to nobody.", 401, |answer| {
            refuse(answer, 403, "You may not do this.")
        }),
        told("admins-may-not", "GET /admin/users answers 403 to an admin.", 200, |answer| {
            refuse(answer, 403, "You may not do this.")
        }),
        told("admins-get-an-object", "GET /admin/users answers an object.", 200, |answer| {
            answer.edit(|users| *users = json!({ "users": users.take() }))
        }),
        told("admins-see-nobody", "GET /admin/users answers an empty array to an admin.", 200, |answer| {
            answer.edit_list(Vec::clear)
        }),
        told("admins-see-no-addresses", "GET /admin/users leaves the e-mail addresses out.", 200, |answer| {
            answer.edit_list(|users| users.iter_mut().for_each(|user| user["email"] = Value::Null))
        }),
        told("admins-see-admins-alone", "GET /admin/users shows the admins alone.", 200, |answer| {
            answer.edit_list(|users| users.retain(|user| user["role"] == "admin"))
        }),
        told("admins-see-the-first-page-alone", "GET /admin/users shows one user.", 200, |answer| {
            answer.edit_list(|users| users.truncate(1))
        }),
        wrong("admins-see-the-hashes", trips, "GET /admin/users shows the hashes of the passwords.").instead(
            lists_users,
            async |request, server| {
                let mut answer = server.send(request).await?;
                if answer.is_success() {
                    let hashes: Vec<(Option<String>,)> =
                        server.database().rows("SELECT password_hash FROM users ORDER BY id").await?;
                    answer.edit_list(|users| {
                        for (user, (hash,)) in users.iter_mut().zip(hashes) {
                            user["password_hash"] = json!(hash);
                        }
                    });
                }
                Ok(answer)
            },
        ),
        wrong("role-stands-in-the-body", trips, "A signup with the role admin makes an admin.").instead(
            signs_up,
            async |request, server| {
                let answer = server.send(request.clone()).await?;
                let role = text(&request, "role");
                if answer.is_success() && ["admin", "user"].contains(&role.as_str()) {
                    let set = format!("UPDATE users SET role = {} WHERE {}", quoted(&role), has_email_of(&request));
                    server.database().run(&set).await?;
                }
                Ok(answer)
            },
        ),
    ]
}
