//! Step 1 · API basics: habits in memory, over HTTP.

use std::collections::HashSet;

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::openapi;
use harness::check::{Check, check};
use harness::habit::Habit;
use harness::route::{Route, route};
use harness::step::Step;

/// How many habits are created at the same time.
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
    route("POST", "/habits").sending(|name| json!({ "name": name })),
    route("GET", "/habits/{id}"),
    route("PATCH", "/habits/{id}").sending(|name| json!({ "name": name, "completed_today": true })),
    route("PUT", "/habits/{id}").sending(|name| json!({ "name": name })).stretch(),
    route("DELETE", "/habits/{id}"),
];

/// The checks of step 1.
fn checks() -> Vec<Check> {
    vec![
        check("1.create", "POST /habits answers 201 with the new habit")
            .book("creating-a-habit")
            .hints(&[
                "The handler takes the store and the body as parameters. It can return a pair: first the status code, then the body.",
                "The answer is the habit as it was stored: an `id` you chose (an integer), and the `name` that was sent. `Habit::from` makes it out of what `store.add` gives back.",
                "With the parameters `State(store): State<Store>, Json(new): Json<NewHabit>`, return `(StatusCode::CREATED, Json(habit))`, whose type is `(StatusCode, Json<Habit>)`.",
            ])
            .proof(async |api| {
                let name = api.data.name();
                let answer = api.post("/habits", json!({ "name": name })).await?;
                answer.status(201)?;
                Habit::of(&answer)?.expect(&answer, "name", name)?;
                Ok(())
            }),
        check("1.habit-shape", "A habit has id, name, description, completed_today and created_at")
            .needs(&["1.create"])
            .book("the-shape-of-a-habit")
            .hints(&[
                "Every field is always there. A habit without a description has `\"description\": null`.",
                "`created_at` is the moment of creation in UTC, written as RFC 3339 says: `2026-01-31T08:00:00Z`.",
            ])
            .proof(async |api| {
                let (name, description) = (api.data.name(), api.data.description());
                let answer = api.post("/habits", json!({ "name": name, "description": description })).await?;
                Habit::of(&answer)?
                    .expect(&answer, "description", description)?
                    .expect(&answer, "completed_today", false)?
                    .expect_created_now(&answer)?;
                let answer = api.post("/habits", json!({ "name": name + " again" })).await?;
                Habit::of(&answer)?.expect(&answer, "description", Value::Null)?;
                Ok(())
            }),
        check("1.get-one", "GET /habits/{id} answers 200 with that habit")
            .needs(&["1.create"])
            .book("reading-a-habit")
            .hints(&[
                "The id is a part of the path; the `Path` extractor hands it to your function.",
                "Does the answer show another habit, the one created last? Then both have the same id: the task `next_id` in `store.rs` comes first.",
                "Look the habit up by its id, not by its place in the list: after a deletion the two differ.",
            ])
            .proof(async |api| {
                let first = api.any_habit().await?;
                let second = api.create_described(&api.data.name(), &api.data.description()).await?;
                for habit in [first, second] {
                    let (answer, read) = api.read(&habit).await?;
                    read.expect_same(&answer, &habit)?;
                }
                Ok(())
            }),
        check("1.get-unknown", "GET /habits/{id} answers 404 when there is no such habit")
            .needs(&["1.create"])
            .book("status-codes")
            .hints(&[
                "Not finding something is the client's mistake, so its status begins with 4.",
                "Looking up an id gives an `Option`; turn `None` into `StatusCode::NOT_FOUND`. A handler that returns `Result<Json<Habit>, StatusCode>` can answer both.",
            ])
            .proof(async |api| {
                api.get(api.unknown_path().await?).await?.status(404)?;
                Ok(())
            }),
        check("1.list", "GET /habits answers 200 with an array of every habit")
            .needs(&["1.create"])
            .book("reading-a-habit")
            .hints(&[
                "The body is the array itself: `[…]`, not an object around it. Where there is no habit it is `[]`.",
                "Every element is a whole habit, the same as `GET /habits/{id}` answers.",
                "Is only the habit in it that was created last? Then all have the same id: the task `next_id` in `store.rs` comes first.",
            ])
            .proof(async |api| {
                let plain = api.any_habit().await?;
                let described = api.create_described(&api.data.name(), &api.data.description()).await?;
                let (answer, list) = api.list().await?;
                for habit in [plain, described] {
                    let listed: Vec<&Habit> = list.iter().filter(|listed| listed.id == habit.id).collect();
                    match listed[..] {
                        [listed] => listed.expect_same(&answer, &habit)?,
                        _ => {
                            let expected = format!("habit {} once in the list", habit.id);
                            return Err(answer.fail(expected, format!("a list that has it {} times", listed.len())));
                        }
                    };
                }
                // Whether two processes run side by side, or users sign up, is another check's business.
                if let Ok(empty) = api.without_habits().await {
                    let answer = empty.api.get("/habits").await?;
                    answer.status(200)?;
                    answer.same(&json!([]), &answer.json()?)?;
                }
                Ok(())
            }),
        check("1.list-order", "GET /habits lists habits in the order they were created")
            .needs(&["1.list"])
            .book("reading-a-habit")
            .hints(&[
                "Which collection keeps its elements in order? A `HashMap` does not.",
                "A `Vec` keeps the order of insertion; a `BTreeMap` keeps the order of its keys. Changing a habit must not move it.",
            ])
            .proof(async |api| {
                let mut created = Vec::new();
                // Neither the alphabet nor its reverse, so that sorting by name shows; and eleven, so that ids sorted as text show:
                // among eleven that follow each other one has more digits, or another first digit.
                for letter in ["f", "c", "i", "a", "k", "e", "b", "h", "d", "j", "g"] {
                    created.push(api.create(&format!("{letter} {}", api.data.name())).await?.id);
                }
                // A store that moves what changes shows itself now; whether PATCH works is another check's business.
                api.patch(format!("/habits/{}", created[1]), json!({ "completed_today": true })).await?;
                let (answer, list) = api.list().await?;
                let listed: Vec<i128> = list.iter().map(|habit| habit.id).filter(|id| created.contains(id)).collect();
                match listed == created {
                    true => Ok(()),
                    false => Err(answer.fail(format!("the ids {created:?}, in this order"), format!("the ids {listed:?}"))),
                }
            }),
        check("1.patch-completes", "PATCH sets completed_today to true and back to false")
            .needs(&["1.get-one"])
            .book("changing-a-habit")
            .hints(&[
                "Answer 200 with the habit as it is after the change, and store the change: the next GET must show it.",
                "Setting it back to `false` must work too: a missing field and `false` are different things.",
                "The store keeps the day on which it was done, `completed_on`: `Some(today())` for `true`, `None` for `false`.",
            ])
            .proof(async |api| {
                let habit = api.any_habit().await?;
                // Each twice, so that a server that toggles shows itself.
                for completed in [true, true, false, false] {
                    let answer = api.patch(habit.path(), json!({ "completed_today": completed })).await?;
                    answer.status(200)?;
                    Habit::of(&answer)?.expect(&answer, "completed_today", completed)?;
                    let (answer, read) = api.read(&habit).await?;
                    read.expect(&answer, "completed_today", completed)?;
                }
                Ok(())
            }),
        check("1.patch-partial", "PATCH changes only the fields that were sent")
            .needs(&["1.patch-completes", "1.list"])
            .book("changing-a-habit")
            .hints(&[
                "A field that was not sent keeps its value. Which type can say \"not sent\"?",
                "Make every field of the request an `Option`, and write only those that are `Some`: `if let Some(name) = patch.name { … }`.",
            ])
            .proof(async |api| {
                let bystander = api.any_habit().await?;
                let mut habit = api.create_described(&api.data.name(), &api.data.description()).await?;
                // A server that keeps a list it has once made shows itself afterwards.
                api.list().await?;
                let changes = [
                    ("completed_today", json!(true)),
                    ("name", json!(api.data.name())),
                    ("description", json!(api.data.description())),
                ];
                for (field, value) in changes {
                    habit = habit.with(field, value.clone());
                    let answer = api.patch(habit.path(), json!({ field: value })).await?;
                    answer.status(200)?;
                    Habit::of(&answer)?.expect_same(&answer, &habit)?;
                    let (answer, read) = api.read(&habit).await?;
                    read.expect_same(&answer, &habit)?;
                }
                let (answer, list) = api.list().await?;
                for habit in [habit, bystander] {
                    let listed = list.iter().find(|listed| listed.id == habit.id);
                    listed.unwrap_or(&habit).expect_same(&answer, &habit)?;
                    let (answer, read) = api.read(&habit).await?;
                    read.expect_same(&answer, &habit)?;
                }
                Ok(())
            }),
        check("1.patch-empty", "PATCH with {} changes nothing")
            .needs(&["1.patch-completes"])
            .book("changing-a-habit")
            .hints(&["No field was sent, so no field changes. The answer is still 200 with the habit."])
            .proof(async |api| {
                let habit = api.create_described(&api.data.name(), &api.data.description()).await?;
                let answer = api.patch(habit.path(), json!({ "completed_today": true })).await?;
                answer.status(200)?;
                let habit = Habit::of(&answer)?;
                let answer = api.patch(habit.path(), json!({})).await?;
                answer.status(200)?;
                Habit::of(&answer)?.expect_same(&answer, &habit)?;
                let (answer, read) = api.read(&habit).await?;
                read.expect_same(&answer, &habit)?;
                Ok(())
            }),
        check("1.patch-null-clears", "PATCH with \"description\": null clears the description")
            .needs(&["1.get-one"])
            .book("changing-a-habit")
            .hints(&[
                "There are three cases: the field is missing, it is `null`, it is a text. One `Option` can tell only two apart.",
                "`Option<Option<String>>` can hold three. By default serde reads a missing field and `null` as the same `None`.",
                "`#[serde(default, deserialize_with = \"sent\")]` above the field keeps them apart. The chapter shows the form of the function `sent`; its body is `Option::deserialize(field).map(Some)`.",
            ])
            .proof(async |api| {
                let habit = api.create_described(&api.data.name(), &api.data.description()).await?;
                let answer = api.patch(habit.path(), json!({ "description": null })).await?;
                answer.status(200)?;
                let cleared = habit.with("description", Value::Null);
                Habit::of(&answer)?.expect_same(&answer, &cleared)?;
                let (answer, read) = api.read(&habit).await?;
                read.expect_same(&answer, &cleared)?;
                Ok(())
            }),
        check("1.patch-unknown", "PATCH answers 404 for an unknown habit")
            .needs(&["1.get-unknown"])
            .book("status-codes")
            .hints(&[
                "PATCH changes what exists. It never creates.",
                "`Store::update` gives `None` when no habit has this id: answer 404 then.",
            ])
            .proof(async |api| {
                let path = api.unknown_path().await?;
                api.patch(&path, json!({ "completed_today": true })).await?.status(404)?;
                api.get(&path).await?.status(404)?;
                // A habit that was deleted is unknown again; whether DELETE works is another check's business.
                let gone = api.any_habit().await?;
                if api.delete(gone.path()).await?.code() == 204 && api.get(gone.path()).await?.code() == 404 {
                    api.patch(gone.path(), json!({ "completed_today": true })).await?.status(404)?;
                }
                Ok(())
            }),
        check("1.delete", "DELETE answers 204, and the habit is gone")
            .needs(&["1.get-one", "1.get-unknown", "1.list"])
            .book("deleting-a-habit")
            .hints(&[
                "204 means: done, and there is nothing to say. It has no body.",
                "Remove the one habit with this id, from everywhere it can be read, and no other.",
            ])
            .proof(async |api| {
                let (stays, goes, also_stays) = (api.any_habit().await?, api.any_habit().await?, api.any_habit().await?);
                let answer = api.delete(goes.path()).await?;
                answer.status(204)?;
                if let Some(length) = answer.header("content-length").filter(|length| *length != "0") {
                    return Err(answer.fail("no body", format!("Content-Length: {length}")));
                }
                api.get(goes.path()).await?.status(404)?;
                let (answer, list) = api.list().await?;
                let ours = [stays.id, goes.id, also_stays.id];
                let left: Vec<i128> = list.iter().map(|habit| habit.id).filter(|id| ours.contains(id)).collect();
                let left: HashSet<i128> = left.into_iter().collect();
                if left != HashSet::from([stays.id, also_stays.id]) {
                    let expected = format!("a list without habit {} and with {} and {}", goes.id, stays.id, also_stays.id);
                    return Err(answer.fail(expected, format!("of these three the list has {left:?}")));
                }
                for habit in [stays, also_stays] {
                    let (answer, read) = api.read(&habit).await?;
                    read.expect_same(&answer, &habit)?;
                }
                Ok(())
            }),
        check("1.delete-again", "DELETE answers 404 for a habit that is gone or never was")
            .needs(&["1.delete"])
            .book("deleting-a-habit")
            .hints(&[
                "Removing something from a collection tells you whether it was there. Answer 404 when it was not.",
                "`Store::remove` gives `Some` with the removed habit, or `None` when there was none.",
            ])
            .proof(async |api| {
                let habit = api.any_habit().await?;
                api.delete(habit.path()).await?.status(204)?;
                api.delete(habit.path()).await?.status(404)?;
                api.delete(api.unknown_path().await?).await?.status(404)?;
                Ok(())
            }),
        check("1.ids-parallel", "50 habits created at the same time get 50 different ids, and none is lost")
            .needs(&["1.list"])
            .book("ids-and-shared-state")
            .hints(&[
                "Many requests run at the same time. Reading the last id and storing the next must be one action.",
                "Hold the lock from choosing the id until the habit is stored; do not lock twice.",
            ])
            .proof(async |api| {
                let names: Vec<String> = (0..PARALLEL).map(|_| api.data.name()).collect();
                let habits = join_all(names.iter().map(|name| api.create(name))).await;
                let habits = habits.into_iter().collect::<Result<Vec<_>, _>>()?;
                let (answer, list) = api.list().await?;
                let ids: HashSet<i128> = habits.iter().map(|habit| habit.id).collect();
                if ids.len() < PARALLEL {
                    return Err(answer.fail(format!("{PARALLEL} different ids"), format!("{} different ids", ids.len())));
                }
                for (name, habit) in names.iter().zip(&habits) {
                    let kept = list.iter().find(|listed| listed.id == habit.id);
                    if kept.map(|listed| listed.get("name")) != Some(json!(name)) {
                        let expected = format!("habit {} in the list, with the name \"{name}\"", habit.id);
                        let actual = kept.map_or("no such habit".into(), |listed| format!("the name {}", listed.get("name")));
                        return Err(answer.fail(expected, actual));
                    }
                }
                Ok(())
            }),
        check("1.ids-not-reused", "The id of a deleted habit is never given out again")
            .needs(&["1.delete"])
            .book("ids-and-shared-state")
            .hints(&[
                "An id made from the number of habits, or from the highest id there is, comes again after a deletion.",
                "Keep a counter beside the habits that only ever grows.",
            ])
            .proof(async |api| {
                let mut given = HashSet::new();
                for _ in 0..4 {
                    let mut created = Vec::new();
                    for _ in 0..2 {
                        let answer = api.post("/habits", json!({ "name": api.data.name() })).await?;
                        answer.status(201)?;
                        let habit = Habit::of(&answer)?;
                        if !given.insert(habit.id) {
                            return Err(answer.fail("an id that no habit had before", format!("id {} a second time", habit.id)));
                        }
                        created.push(habit);
                    }
                    for habit in created.iter().rev() {
                        api.delete(habit.path()).await?.status(204)?;
                    }
                }
                Ok(())
            }),
        check("1.get-safe", "GET changes nothing")
            .needs(&["1.get-one", "1.get-unknown", "1.list", "1.patch-completes"])
            .book("methods-and-crud")
            .hints(&["A client, a browser or a cache may send GET at any time and as often as it likes. Only read in it."])
            .proof(async |api| {
                let done = api.create_described(&api.data.name(), &api.data.description()).await?;
                let answer = api.patch(done.path(), json!({ "completed_today": true })).await?;
                answer.status(200)?;
                // Whether PATCH answers the right habit, and changes no other, is another check's business.
                let done = Habit::of(&answer)?;
                let open = api.any_habit().await?;
                let unknown = api.unknown_path().await?;
                let (_, before) = api.list().await?;
                for _ in 0..2 {
                    for habit in [&open, &done] {
                        let (answer, read) = api.read(habit).await?;
                        read.expect_same(&answer, habit)?;
                    }
                    api.get(&unknown).await?;
                    api.list().await?;
                }
                let (answer, after) = api.list().await?;
                let ids = |list: &[Habit]| json!(list.iter().map(|habit| habit.id).collect::<Vec<_>>());
                answer.same(&ids(&before), &ids(&after))?;
                for (before, after) in before.iter().zip(&after) {
                    after.expect_same(&answer, before)?;
                }
                Ok(())
            }),
        check("1.content-type", "Every JSON answer says Content-Type: application/json")
            .needs(&["1.create"])
            .book("headers-body-and-json")
            .hints(&["Wrapping a value in `Json(…)` sets the header and writes the body. A plain string does not."])
            .proof(async |api| {
                let answer = api.post("/habits", json!({ "name": api.data.name() })).await?;
                answer.media_type("application/json")?;
                let habit = Habit::of(&answer)?;
                api.get("/habits").await?.media_type("application/json")?;
                // Where one of these is not built yet, another check says so.
                let whole = json!({ "name": api.data.name() });
                let answers = [
                    api.get(habit.path()).await?,
                    api.patch(habit.path(), json!({})).await?,
                    api.put(habit.path(), whole).await?,
                ];
                for answer in answers {
                    if answer.code() == 200 {
                        answer.media_type("application/json")?;
                    }
                }
                Ok(())
            }),
        check("1.docs-page", "GET /docs is an interactive page that loads nothing from another host")
            .book("trying-your-api")
            .hints(&[
                "The page has to work on a train: scripts and styles come from your own server.",
                "In the starter `docs::router` serves the page and its files, and `app` in `lib.rs` merges it into the router. Put both back if they are gone.",
            ])
            .proof(async |api| openapi::docs_page(api).await),
        check("1.openapi", "GET /openapi.json is an OpenAPI 3 document that names every route")
            .book("trying-your-api")
            .hints(&[
                "The failure names the route that is missing.",
                "A handler gets into the document by `#[utoipa::path(…)]` above it and `routes!(…)` in the router.",
            ])
            .proof(async |api| openapi::document(api, ROUTES).await),
        check("1.location", "POST answers with Location: /habits/{id}")
            .stretch()
            .needs(&["1.get-one"])
            .book("location")
            .hints(&[
                "A handler can return headers too: a status, an array of header pairs, and the body, as one tuple.",
                "The array is `[(header::LOCATION, format!(\"/habits/{}\", habit.id))]`, with `axum::http::header`. Return `impl IntoResponse`, and you need not write the type of the tuple.",
            ])
            .proof(async |api| {
                let answer = api.post("/habits", json!({ "name": api.data.name() })).await?;
                let habit = Habit::of(&answer)?;
                let location = answer.header("location").unwrap_or_default();
                // RFC 9110, section 10.2.2: a relative reference or a whole URI.
                let path = location.strip_prefix(api.http.base()).unwrap_or(location);
                if path != habit.path() {
                    let actual = if location.is_empty() { "no Location".into() } else { format!("Location: {location}") };
                    return Err(answer.fail(format!("Location: {}", habit.path()), actual));
                }
                Ok(())
            }),
        check("1.put-replaces", "PUT replaces the habit; what is left out returns to its default")
            .stretch()
            .needs(&["1.patch-completes"])
            .book("put-versus-patch")
            .hints(&[
                "PUT sends the whole habit: a description that is left out becomes `null`, `completed_today` becomes `false`.",
                "`id` and `created_at` are not the client's to change.",
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
                    let answer = api.put(before.path(), body).await?;
                    answer.status(200)?;
                    Habit::of(&answer)?.expect_same(&answer, &expected)?;
                    let (answer, read) = api.read(&before).await?;
                    read.expect_same(&answer, &expected)?;
                }
                Ok(())
            }),
        check("1.put-unknown", "PUT answers 404 for an unknown habit")
            .stretch()
            .needs(&["1.get-unknown"])
            .book("put-versus-patch")
            .hints(&["Ids are the server's to give out, so PUT does not create."])
            .proof(async |api| {
                let path = api.unknown_path().await?;
                api.put(&path, json!({ "name": api.data.name() })).await?.status(404)?;
                api.get(&path).await?.status(404)?;
                Ok(())
            }),
        check("1.text-fidelity", "Unicode and 100-character names come back unchanged")
            .stretch()
            .needs(&["1.get-one", "1.list"])
            .book("headers-body-and-json")
            .hints(&["Keep the text as it came: a `String` holds any Unicode. Do not count bytes, shorten, or escape it for HTML."])
            .proof(async |api| {
                let token = api.data.token(6);
                let names = [
                    format!("{token}{}", "x".repeat(94)),
                    format!("{token}{}", "💧".repeat(94)),
                    format!("{token} eau, agua, 水, вода, ماء"),
                    // One e with an accent as one code point and as two, and a family joined by zero-width joiners.
                    format!("{token} \u{e9} e\u{301} 👩\u{200d}👧"),
                    format!(r#"{token} "quoted" \back\slash <b>&amp;</b> 'x' %20 $1 {{}} --"#),
                ];
                for name in names {
                    let description = format!("{name}\nsecond line\twith a tab");
                    let answer = api.post("/habits", json!({ "name": name, "description": description })).await?;
                    answer.status(201)?;
                    let habit = Habit::of(&answer)?;
                    habit.expect(&answer, "name", name)?.expect(&answer, "description", description)?;
                    let (answer, read) = api.read(&habit).await?;
                    read.expect_same(&answer, &habit)?;
                    let (answer, list) = api.list().await?;
                    let listed = list.iter().find(|listed| listed.id == habit.id);
                    listed.unwrap_or(&habit).expect_same(&answer, &habit)?;
                }
                Ok(())
            }),
    ]
}
