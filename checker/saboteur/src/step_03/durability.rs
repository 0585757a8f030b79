//! Servers that lose what they have confirmed when they are killed.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use crate::api::routes::{completes, completion, creates, deletes, lists};
use crate::http::{ConnectionLost, Request, Response, Upstream};
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    let trips = &["3.survives-kill"];
    let deleted: Rc<RefCell<BTreeSet<i64>>> = Rc::default();
    let (hidden, gone) = (deleted.clone(), deleted.clone());
    vec![
        forgetting(
            "kill-loses-habits",
            "New habits are in the database only once the server stops.",
            "DELETE FROM habits WHERE id",
        )
        .instead(creates, noted),
        forgetting(
            "kill-loses-descriptions",
            "Descriptions are in the database only once the server stops.",
            "UPDATE habits SET description = NULL WHERE id",
        )
        .instead(creates, noted),
        forgetting(
            "kill-loses-completions",
            "Completions are in the database only once the server stops.",
            "DELETE FROM completions WHERE habit_id",
        )
        .instead(completes, noted),
        wrong("kill-loses-deletions", trips, "Habits are deleted from the database when the server stops.")
            .instead(deletes, async move |mut request, upstream| {
                let id = request.id().unwrap_or_default();
                request.head.method = hyper::Method::GET;
                let mut response = upstream.send(request).await?;
                if response.is_success() && deleted.borrow_mut().insert(id) {
                    upstream.database().run(&format!("DELETE FROM completions WHERE habit_id = {id}")).await?;
                    upstream.database().run(&format!("UPDATE habits SET name = 'deleted ' || id WHERE id = {id}")).await?;
                    response.set_status(204);
                    response.clear();
                } else {
                    response.set_problem(404, "There is no such habit.");
                }
                Ok(response)
            })
            .response(
                move |request| !deletes(request) && request.id().is_some_and(|id| hidden.borrow().contains(&id)),
                |_, response| response.set_problem(404, "There is no such habit."),
            )
            .response(lists, move |_, response| {
                response.edit_list(|list| {
                    list.retain(|habit| habit["id"].as_i64().is_none_or(|id| !gone.borrow().contains(&id)));
                })
            }),
    ]
}

/// Forgets what a killed process wrote: what is noted of it, and was not told to be safe at its end. The connection of a
/// killed process is gone when the next one has come up.
fn forgetting(name: &'static str, breaks: &'static str, forget: &'static str) -> Sabotage {
    wrong(name, &["3.survives-kill"], breaks)
        .alter_tables("CREATE TABLE saboteur.unsaved (process int, habit bigint)")
        .after_start(async move |database| {
            let dead = "process NOT IN (SELECT pid FROM pg_stat_activity)";
            database.run(&format!("{forget} IN (SELECT habit FROM saboteur.unsaved WHERE {dead})")).await?;
            database.run(&format!("DELETE FROM saboteur.unsaved WHERE {dead}")).await
        })
        .before_stop(async |database| database.run("DELETE FROM saboteur.unsaved WHERE process = pg_backend_pid()").await)
}

/// Notes that something of a habit was written which is not safe yet.
async fn noted(request: Request, upstream: &Upstream) -> Result<Response, ConnectionLost> {
    let id = completion(&request).map(|(id, _)| id);
    let response = upstream.send(request).await?;
    if let Some(id) = id.or(response.id()).filter(|_| response.is_success()) {
        upstream.database().run(&format!("INSERT INTO saboteur.unsaved VALUES (pg_backend_pid(), {id})")).await?;
    }
    Ok(response)
}
