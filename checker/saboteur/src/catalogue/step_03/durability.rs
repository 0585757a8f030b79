//! Servers that lose confirmed writes when they are killed.

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
        lose_after_kill(
            "kill-loses-habits",
            "New habits are written to the database only when the server stops.",
            "DELETE FROM habits WHERE id",
        )
        .instead(creates, note_unsaved),
        lose_after_kill(
            "kill-loses-descriptions",
            "Descriptions are written to the database only when the server stops.",
            "UPDATE habits SET description = NULL WHERE id",
        )
        .instead(creates, note_unsaved),
        lose_after_kill(
            "kill-loses-completions",
            "Completions are written to the database only when the server stops.",
            "DELETE FROM completions WHERE habit_id",
        )
        .instead(completes, note_unsaved),
        wrong("kill-loses-deletions", trips, "Habits are deleted from the database only when the server stops.")
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

/// Undoes at each start what a killed process wrote: what `note_unsaved` recorded, unless the process stopped in order. The database
/// connection of a killed process is gone by then.
fn lose_after_kill(name: &'static str, breaks: &'static str, undo: &'static str) -> Sabotage {
    wrong(name, &["3.survives-kill"], breaks)
        .alter_tables("CREATE TABLE saboteur.unsaved (process int, habit bigint)")
        .after_start(async move |database| {
            let dead = "process NOT IN (SELECT pid FROM pg_stat_activity)";
            database.run(&format!("{undo} IN (SELECT habit FROM saboteur.unsaved WHERE {dead})")).await?;
            database.run(&format!("DELETE FROM saboteur.unsaved WHERE {dead}")).await
        })
        .before_stop(async |database| database.run("DELETE FROM saboteur.unsaved WHERE process = pg_backend_pid()").await)
}

/// Sends a request and records that what it wrote to a habit is not saved yet.
async fn note_unsaved(request: Request, upstream: &Upstream) -> Result<Response, ConnectionLost> {
    let id = completion(&request).map(|(id, _)| id);
    let response = upstream.send(request).await?;
    if let Some(id) = id.or(response.id()).filter(|_| response.is_success()) {
        upstream.database().run(&format!("INSERT INTO saboteur.unsaved VALUES (pg_backend_pid(), {id})")).await?;
    }
    Ok(response)
}
