//! Step 1 · API basics: a habits API over HTTP, with the data in memory.

use std::collections::HashSet;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::openapi;
use harness::check::{Check, check};
use harness::habit::Habit;
use harness::route::{Route, route};
use harness::step::Step;

/// The number of parallel POST requests.
const PARALLEL: usize = 50;

/// Step 1.
pub const STEP: Step = Step {
    number: 1,
    slug: "01-api-basics",
    title: "API basics",
    fixtures: &[],
    sign_in: None,
    routes: ROUTES,
    checks,
    advice: |_| Vec::new(),
};

/// The routes on habits.
const ROUTES: &[Route] = &[
    route("GET", "/habits"),
    route("POST", "/habits").with_body(|name| json!({ "name": name })),
    route("GET", "/habits/{id}"),
    route("PATCH", "/habits/{id}").with_body(|name| json!({ "name": name, "completed_today": true })),
    route("PUT", "/habits/{id}").with_body(|name| json!({ "name": name })).stretch(),
    route("DELETE", "/habits/{id}").last(),
];

/// The checks of step 1.
fn checks() -> Vec<Check> {
    vec![
        check("1.create", "POST /habits responds 201 with the new habit")
            .book("creating-a-habit")
            .hints(&[
                "The handler's parameters are extractors: they give it the store and the request body. It can return a tuple: the status code, then the response body.",
                "Respond with the habit as it was stored: an integer `id` that the server chose, and the `name` from the request. `Habit::from` converts what `store.add` returns.",
                "Take the parameters `State(store): State<Store>, Json(new): Json<NewHabit>` and return `(StatusCode::CREATED, Json(habit))`. The return type is `(StatusCode, Json<Habit>)`.",
            ])
            .proof(async |api| {
                let name = api.data.name();
                let response = api.post("/habits", json!({ "name": name })).await?;
                response.status(201)?;
                Habit::of(&response)?.expect(&response, "name", name)?;
                Ok(())
            }),
        check("1.habit-shape", "A habit has the fields id, name, description, completed_today and created_at")
            .needs(&["1.create"])
            .book("the-shape-of-a-habit")
            .hints(&[
                "Every field is always present. A habit without a description has `\"description\": null`.",
                "`created_at` is the time of creation in UTC, as an RFC 3339 timestamp: `2026-01-31T08:00:00Z`.",
            ])
            .proof(async |api| {
                let (name, description) = (api.data.name(), api.data.description());
                let response = api.post("/habits", json!({ "name": name, "description": description })).await?;
                Habit::of(&response)?
                    .expect(&response, "description", description)?
                    .expect(&response, "completed_today", false)?
                    .expect_created_now(&response)?;
                let response = api.post("/habits", json!({ "name": name + " again" })).await?;
                Habit::of(&response)?.expect(&response, "description", Value::Null)?;
                Ok(())
            }),
        check("1.get-one", "GET /habits/{id} responds 200 with that habit")
            .needs(&["1.create"])
            .book("reading-a-habit")
            .hints(&[
                "The id is part of the path. The `Path` extractor passes it to your handler.",
                "Does the response show another habit, the one created last? Then both have the same id: solve the task `next_id` in `store.rs` first.",
                "Look the habit up by its id, not by its index in the list: after a deletion, the two differ.",
            ])
            .proof(async |api| {
                let first = api.any_habit().await?;
                let second = api.create_described(&api.data.name(), &api.data.description()).await?;
                for habit in [first, second] {
                    let (response, read) = api.read(&habit).await?;
                    read.expect_same(&response, &habit)?;
                }
                Ok(())
            }),
        check("1.get-unknown", "GET /habits/{id} responds 404 for an unknown habit")
            .needs(&["1.create"])
            .book("status-codes")
            .hints(&[
                "The client asked for a resource that does not exist. That is a client error: a 4xx status code.",
                "Looking up an id gives an `Option`: turn `None` into `StatusCode::NOT_FOUND`. The return type `Result<Json<Habit>, StatusCode>` covers both cases.",
            ])
            .proof(async |api| {
                api.get(api.unknown_path().await?).await?.status(404)?;
                Ok(())
            }),
        check("1.list", "GET /habits responds 200 with a JSON array of all habits")
            .needs(&["1.create"])
            .book("reading-a-habit")
            .hints(&[
                "The body is the array itself, `[…]`, not an object that wraps it. Without habits, it is `[]`.",
                "Every element is a complete habit, the same object that `GET /habits/{id}` returns.",
                "Does the list show only the habit created last? Then all habits have the same id: solve the task `next_id` in `store.rs` first.",
            ])
            .proof(async |api| {
                let plain = api.any_habit().await?;
                let described = api.create_described(&api.data.name(), &api.data.description()).await?;
                let (response, list) = api.list().await?;
                for habit in [plain, described] {
                    let listed: Vec<&Habit> = list.iter().filter(|listed| listed.id == habit.id).collect();
                    match listed[..] {
                        [listed] => listed.expect_same(&response, &habit)?,
                        _ => {
                            let expected = format!("habit {} exactly once in the list", habit.id);
                            return Err(response.fail(expected, format!("a list that contains it {} times", listed.len())));
                        }
                    };
                }
                // Other checks cover that two processes run side by side and that users can sign up.
                if let Ok(empty) = api.without_habits().await {
                    let response = empty.api.get("/habits").await?;
                    response.status(200)?;
                    response.same(&json!([]), &response.json()?)?;
                }
                Ok(())
            }),
        check("1.list-order", "GET /habits lists the habits in order of creation")
            .needs(&["1.list"])
            .book("reading-a-habit")
            .hints(&[
                "Which collection preserves the insertion order? A `HashMap` does not.",
                "A `Vec` keeps the insertion order; a `BTreeMap` keeps the order of its keys. An update must not move a habit.",
            ])
            .proof(async |api| {
                let mut created = Vec::new();
                // Neither alphabetical nor reverse order, to detect sorting by name. Eleven habits, to detect ids sorted as text:
                // of eleven consecutive ids, one has more digits or another first digit.
                for letter in ["f", "c", "i", "a", "k", "e", "b", "h", "d", "j", "g"] {
                    created.push(api.create(&format!("{letter} {}", api.data.name())).await?.id);
                }
                // Detects a store that moves a habit on update. Another check covers PATCH itself.
                api.patch(format!("/habits/{}", created[1]), json!({ "completed_today": true })).await?;
                let (response, list) = api.list().await?;
                let listed: Vec<i128> = list.iter().map(|habit| habit.id).filter(|id| created.contains(id)).collect();
                match listed == created {
                    true => Ok(()),
                    false => Err(response.fail(format!("the ids {created:?}, in this order"), format!("the ids {listed:?}"))),
                }
            }),
        check("1.patch-completes", "PATCH sets completed_today to true and back to false")
            .needs(&["1.get-one"])
            .book("changing-a-habit")
            .hints(&[
                "Respond 200 with the updated habit, and store the change: the next GET must show it.",
                "Setting `completed_today` back to `false` must work too: an absent field and `false` are different things.",
                "The store keeps the day of completion in `completed_on`: `Some(today())` for `true`, `None` for `false`.",
            ])
            .proof(async |api| {
                let habit = api.any_habit().await?;
                // Each value twice, to detect a server that toggles.
                for completed in [true, true, false, false] {
                    let response = api.patch(habit.path(), json!({ "completed_today": completed })).await?;
                    response.status(200)?;
                    Habit::of(&response)?.expect(&response, "completed_today", completed)?;
                    let (response, read) = api.read(&habit).await?;
                    read.expect(&response, "completed_today", completed)?;
                }
                Ok(())
            }),
        check("1.patch-partial", "PATCH changes only the fields in the request body")
            .needs(&["1.patch-completes", "1.list"])
            .book("changing-a-habit")
            .hints(&[
                "A field that is absent from the body keeps its value. Which type can represent \"absent\"?",
                "Make every field of the request type an `Option`, and update only those that are `Some`: `if let Some(name) = patch.name { … }`.",
            ])
            .proof(async |api| {
                let bystander = api.any_habit().await?;
                let mut habit = api.create_described(&api.data.name(), &api.data.description()).await?;
                // Fills the cache of a server that has one, to detect a stale list below.
                api.list().await?;
                let changes = [
                    ("completed_today", json!(true)),
                    ("name", json!(api.data.name())),
                    ("description", json!(api.data.description())),
                ];
                for (field, value) in changes {
                    habit = habit.with(field, value.clone());
                    let response = api.patch(habit.path(), json!({ field: value })).await?;
                    response.status(200)?;
                    Habit::of(&response)?.expect_same(&response, &habit)?;
                    let (response, read) = api.read(&habit).await?;
                    read.expect_same(&response, &habit)?;
                }
                let (response, list) = api.list().await?;
                for habit in [habit, bystander] {
                    let listed = list.iter().find(|listed| listed.id == habit.id);
                    listed.unwrap_or(&habit).expect_same(&response, &habit)?;
                    let (response, read) = api.read(&habit).await?;
                    read.expect_same(&response, &habit)?;
                }
                Ok(())
            }),
        check("1.patch-empty", "PATCH with {} changes nothing")
            .needs(&["1.patch-completes"])
            .book("changing-a-habit")
            .hints(&["The body has no fields, so nothing changes. Still respond 200 with the habit."])
            .proof(async |api| {
                let habit = api.create_described(&api.data.name(), &api.data.description()).await?;
                let response = api.patch(habit.path(), json!({ "completed_today": true })).await?;
                response.status(200)?;
                let habit = Habit::of(&response)?;
                let response = api.patch(habit.path(), json!({})).await?;
                response.status(200)?;
                Habit::of(&response)?.expect_same(&response, &habit)?;
                let (response, read) = api.read(&habit).await?;
                read.expect_same(&response, &habit)?;
                Ok(())
            }),
        check("1.patch-null-clears", "PATCH with \"description\": null clears the description")
            .needs(&["1.get-one"])
            .book("changing-a-habit")
            .hints(&[
                "There are three cases: the field is absent, it is `null`, or it is a string. A single `Option` distinguishes only two.",
                "`Option<Option<String>>` can represent all three. By default, serde deserializes an absent field and `null` to the same `None`.",
                "The attribute `#[serde(default, deserialize_with = \"sent\")]` on the field distinguishes them. The chapter shows the signature of the function `sent`; its body is `Option::deserialize(field).map(Some)`.",
            ])
            .proof(async |api| {
                let habit = api.create_described(&api.data.name(), &api.data.description()).await?;
                let response = api.patch(habit.path(), json!({ "description": null })).await?;
                response.status(200)?;
                let cleared = habit.with("description", Value::Null);
                Habit::of(&response)?.expect_same(&response, &cleared)?;
                let (response, read) = api.read(&habit).await?;
                read.expect_same(&response, &cleared)?;
                Ok(())
            }),
        check("1.patch-unknown", "PATCH responds 404 for an unknown habit")
            .needs(&["1.get-unknown"])
            .book("status-codes")
            .hints(&[
                "PATCH updates an existing habit. It never creates one.",
                "`Store::update` returns `None` when no habit has this id: respond 404 then.",
            ])
            .proof(async |api| {
                let path = api.unknown_path().await?;
                api.patch(&path, json!({ "completed_today": true })).await?.status(404)?;
                api.get(&path).await?.status(404)?;
                // A deleted habit is unknown too. Another check covers DELETE itself.
                let deleted = api.any_habit().await?;
                if api.delete(deleted.path()).await?.code() == 204 && api.get(deleted.path()).await?.code() == 404 {
                    api.patch(deleted.path(), json!({ "completed_today": true })).await?.status(404)?;
                }
                Ok(())
            }),
        check("1.delete", "DELETE responds 204 and removes the habit")
            .needs(&["1.get-one", "1.get-unknown", "1.list"])
            .book("deleting-a-habit")
            .hints(&[
                "204 No Content means success without a response body.",
                "Remove the habit with this id, and no other, from every place where it can be read.",
            ])
            .proof(async |api| {
                let (kept_first, deleted, kept_second) = (api.any_habit().await?, api.any_habit().await?, api.any_habit().await?);
                let response = api.delete(deleted.path()).await?;
                response.status(204)?;
                if let Some(length) = response.header("content-length").filter(|length| *length != "0") {
                    return Err(response.fail("no body", format!("Content-Length: {length}")));
                }
                api.get(deleted.path()).await?.status(404)?;
                let (response, list) = api.list().await?;
                let ours = [kept_first.id, deleted.id, kept_second.id];
                let left: Vec<i128> = list.iter().map(|habit| habit.id).filter(|id| ours.contains(id)).collect();
                let left: HashSet<i128> = left.into_iter().collect();
                if left != HashSet::from([kept_first.id, kept_second.id]) {
                    let expected = format!("a list with the habits {} and {}, and without {}", kept_first.id, kept_second.id, deleted.id);
                    return Err(response.fail(expected, format!("of these three, the list contains {left:?}")));
                }
                for habit in [kept_first, kept_second] {
                    let (response, read) = api.read(&habit).await?;
                    read.expect_same(&response, &habit)?;
                }
                Ok(())
            }),
        check("1.delete-again", "DELETE responds 404 for a deleted or unknown habit")
            .needs(&["1.delete"])
            .book("deleting-a-habit")
            .hints(&[
                "Removing an element from a collection tells you whether it was there. Respond 404 if it was not.",
                "`Store::remove` returns `Some` with the removed habit, or `None` if there was none.",
            ])
            .proof(async |api| {
                let habit = api.any_habit().await?;
                api.delete(habit.path()).await?.status(204)?;
                api.delete(habit.path()).await?.status(404)?;
                api.delete(api.unknown_path().await?).await?.status(404)?;
                Ok(())
            }),
        check("1.ids-parallel", "50 parallel POSTs create 50 habits with 50 distinct ids")
            .needs(&["1.list"])
            .book("ids-and-shared-state")
            .hints(&[
                "The server handles requests concurrently. Reading the last id and storing the next one must be one atomic step; otherwise there is a race condition.",
                "Lock the mutex once, and hold the lock from choosing the id until the habit is stored.",
            ])
            .proof(async |api| {
                let names: Vec<String> = (0..PARALLEL).map(|_| api.data.name()).collect();
                let habits = join_all(names.iter().map(|name| api.create(name))).await;
                let habits = habits.into_iter().collect::<Result<Vec<_>, _>>()?;
                let (response, list) = api.list().await?;
                let ids: HashSet<i128> = habits.iter().map(|habit| habit.id).collect();
                if ids.len() < PARALLEL {
                    return Err(response.fail(format!("{PARALLEL} distinct ids"), format!("{} distinct ids", ids.len())));
                }
                for (name, habit) in names.iter().zip(&habits) {
                    let listed = list.iter().find(|listed| listed.id == habit.id);
                    if listed.map(|habit| habit.get("name")) != Some(json!(name)) {
                        let expected = format!("habit {} in the list, with the name \"{name}\"", habit.id);
                        let actual = listed.map_or("no such habit".into(), |habit| format!("the name {}", habit.get("name")));
                        return Err(response.fail(expected, actual));
                    }
                }
                Ok(())
            }),
        check("1.ids-not-reused", "The server never reuses the id of a deleted habit")
            .needs(&["1.delete"])
            .book("ids-and-shared-state")
            .hints(&[
                "An id computed from the number of habits, or from the highest existing id, can be assigned again after a deletion.",
                "Next to the habits, keep a counter that only ever increases.",
            ])
            .proof(async |api| {
                let mut used_ids = HashSet::new();
                for _ in 0..4 {
                    let mut created = Vec::new();
                    for _ in 0..2 {
                        let response = api.post("/habits", json!({ "name": api.data.name() })).await?;
                        response.status(201)?;
                        let habit = Habit::of(&response)?;
                        if !used_ids.insert(habit.id) {
                            return Err(response.fail("an id that no habit had before", format!("id {} a second time", habit.id)));
                        }
                        created.push(habit);
                    }
                    for habit in created.iter().rev() {
                        api.delete(habit.path()).await?.status(204)?;
                    }
                }
                Ok(())
            }),
        check("1.get-safe", "GET is safe: it changes nothing")
            .needs(&["1.get-one", "1.get-unknown", "1.list", "1.patch-completes"])
            .book("methods-and-crud")
            .hints(&["GET is a safe method: a client, a browser or a cache may send it at any time, any number of times. Its handler must only read."])
            .proof(async |api| {
                let done = api.create_described(&api.data.name(), &api.data.description()).await?;
                let response = api.patch(done.path(), json!({ "completed_today": true })).await?;
                response.status(200)?;
                // Other checks cover that PATCH returns the right habit and changes no other.
                let done = Habit::of(&response)?;
                let open = api.any_habit().await?;
                let unknown = api.unknown_path().await?;
                let (_, before) = api.list().await?;
                for _ in 0..2 {
                    for habit in [&open, &done] {
                        let (response, read) = api.read(habit).await?;
                        read.expect_same(&response, habit)?;
                    }
                    api.get(&unknown).await?;
                    api.list().await?;
                }
                let (response, after) = api.list().await?;
                let ids = |list: &[Habit]| json!(list.iter().map(|habit| habit.id).collect::<Vec<_>>());
                response.same(&ids(&before), &ids(&after))?;
                for (before, after) in before.iter().zip(&after) {
                    after.expect_same(&response, before)?;
                }
                Ok(())
            }),
        check("1.content-type", "Every JSON response has Content-Type: application/json")
            .needs(&["1.create"])
            .book("headers-body-and-json")
            .hints(&["Wrapping a value in `Json(…)` sets the header and serializes the body. A plain string does not."])
            .proof(async |api| {
                let response = api.post("/habits", json!({ "name": api.data.name() })).await?;
                response.media_type("application/json")?;
                let habit = Habit::of(&response)?;
                api.get("/habits").await?.media_type("application/json")?;
                // Other checks report a route that is still missing.
                let whole = json!({ "name": api.data.name() });
                let responses = [
                    api.get(habit.path()).await?,
                    api.patch(habit.path(), json!({})).await?,
                    api.put(habit.path(), whole).await?,
                ];
                for response in responses {
                    if response.code() == 200 {
                        response.media_type("application/json")?;
                    }
                }
                Ok(())
            }),
        check("1.docs-page", "GET /docs returns an interactive page that loads nothing from another host")
            .book("trying-your-api")
            .hints(&[
                "The page must work offline: scripts and style sheets come from your own server, not from a CDN.",
                "In the starter, `docs::router` serves the page and its files, and `app` in `lib.rs` merges it into the router. Restore both if they are deleted.",
            ])
            .proof(async |api| openapi::docs_page(api).await),
        check("1.openapi", "GET /openapi.json returns an OpenAPI 3 document that names every route")
            .book("trying-your-api")
            .hints(&[
                "The failure names the missing route.",
                "To document a handler, put the attribute `#[utoipa::path(…)]` on it and register it with `routes!(…)` in the router.",
            ])
            .proof(async |api| openapi::document(api, ROUTES).await),
        check("1.location", "POST responds with the header Location: /habits/{id}")
            .stretch()
            .needs(&["1.get-one"])
            .book("location")
            .hints(&[
                "A handler can return headers too: a tuple of the status code, an array of header pairs, and the body.",
                "The array is `[(header::LOCATION, format!(\"/habits/{}\", habit.id))]`, with `axum::http::header`. With the return type `impl IntoResponse`, you need not write out the type of the tuple.",
            ])
            .proof(async |api| {
                let response = api.post("/habits", json!({ "name": api.data.name() })).await?;
                let habit = Habit::of(&response)?;
                let location = response.header("location").unwrap_or_default();
                // RFC 9110, section 10.2.2: a relative reference or a whole URI.
                let path = location.strip_prefix(api.http.base()).unwrap_or(location);
                if path != habit.path() {
                    let actual = if location.is_empty() { "no Location".into() } else { format!("Location: {location}") };
                    return Err(response.fail(format!("Location: {}", habit.path()), actual));
                }
                Ok(())
            }),
        check("1.put-replaces", "PUT replaces the whole habit and resets absent fields to their defaults")
            .stretch()
            .needs(&["1.patch-completes"])
            .book("put-versus-patch")
            .hints(&[
                "A PUT body is the complete habit: an absent description becomes `null`, an absent `completed_today` becomes `false`.",
                "The server owns `id` and `created_at`: a client cannot change them.",
            ])
            .proof(async |api| {
                let before = api.create_described(&api.data.name(), &api.data.description()).await?;
                api.patch(before.path(), json!({ "completed_today": true })).await?.status(200)?;
                let short = json!({ "name": api.data.name() });
                let whole = json!({ "name": api.data.name(), "description": api.data.description(), "completed_today": true });
                for body in [short, whole] {
                    let expected = before
                        .with("name", body["name"].clone())
                        .with("description", body["description"].clone())
                        .with("completed_today", body["completed_today"] == true);
                    let response = api.put(before.path(), body).await?;
                    response.status(200)?;
                    Habit::of(&response)?.expect_same(&response, &expected)?;
                    let (response, read) = api.read(&before).await?;
                    read.expect_same(&response, &expected)?;
                }
                Ok(())
            }),
        check("1.put-unknown", "PUT responds 404 for an unknown habit")
            .stretch()
            .needs(&["1.get-unknown"])
            .book("put-versus-patch")
            .hints(&["The server assigns the ids, so PUT does not create a habit."])
            .proof(async |api| {
                let path = api.unknown_path().await?;
                api.put(&path, json!({ "name": api.data.name() })).await?.status(404)?;
                api.get(&path).await?.status(404)?;
                Ok(())
            }),
        check("1.text-fidelity", "The server returns Unicode text and 100-character names unchanged")
            .stretch()
            .needs(&["1.get-one", "1.list"])
            .book("headers-body-and-json")
            .hints(&["Store the text as it arrived: a `String` holds any Unicode text. Do not measure it in bytes, truncate it, or escape it for HTML."])
            .proof(async |api| {
                let token = api.data.token(6);
                let names = [
                    format!("{token}{}", "x".repeat(94)),
                    format!("{token}{}", "💧".repeat(94)),
                    format!("{token} eau, agua, 水, вода, ماء"),
                    // One é as one code point and as two (no Unicode normalization), and a family joined by zero-width joiners.
                    format!("{token} \u{e9} e\u{301} 👩\u{200d}👧"),
                    format!(r#"{token} "quoted" \back\slash <b>&amp;</b> 'x' %20 $1 {{}} --"#),
                ];
                for name in names {
                    let description = format!("{name}\nsecond line\twith a tab");
                    let response = api.post("/habits", json!({ "name": name, "description": description })).await?;
                    response.status(201)?;
                    let habit = Habit::of(&response)?;
                    habit.expect(&response, "name", name)?.expect(&response, "description", description)?;
                    let (response, read) = api.read(&habit).await?;
                    read.expect_same(&response, &habit)?;
                    let (response, list) = api.list().await?;
                    let listed = list.iter().find(|listed| listed.id == habit.id);
                    listed.unwrap_or(&habit).expect_same(&response, &habit)?;
                }
                Ok(())
            }),
    ]
}
