//! Whose habits are whose.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::expect_unauthorized;
use harness::api::Api;
use harness::check::{Check, check};
use harness::habit::Habit;
use harness::problem::{expect_problem, expect_request_id};
use harness::route::{Filling, Route};
use model::{Outcome, Request, Token};
use probe::Answer;

/// A day on which habits here were done, and one on which they were not.
const DONE: &str = "2026-01-30";
const OPEN: &str = "2026-01-31";

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check(
            "4.unauthorized",
            "Every route refuses a request without a token, or with something else, by 401 and WWW-Authenticate",
        )
        .needs(&["4.me"])
        .book("checking-the-token")
        .hints(&[
            "`Authorization: Bearer …` and nothing else: not another scheme, not the token alone, not a text that is no token.",
            "A handler that has `user: AuthUser` among its parameters cannot be reached without a token. Which one lacks it?",
            "Put `AuthUser` before the body: extractors run in order, and 401 comes before 400, 404 and 415.",
        ])
        .proof(async |api| {
            let habit = done_habit(api).await?;
            let before = seen(api, &habit).await?;
            let token = &api.user().await?.token;
            for prefix in prefixes(api).await? {
                for route in offered(api, &habit).await? {
                    let (id, name) = (habit.id.to_string(), api.data.name());
                    let request = route.request(prefix, Filling { id: &id, date: OPEN, name: &name });
                    for field in without_sign_in(token, prefix) {
                        let request = match field {
                            Some(value) => request.clone().authorization(&value, &Token::own(token)),
                            None => request.clone(),
                        };
                        let answer = api.as_nobody().http.send(request).await?;
                        expect_unauthorized(&answer)?;
                        expect_request_id(&answer)?;
                    }
                }
                for request in refused_otherwise(api, prefix).await? {
                    expect_unauthorized(&api.as_nobody().http.send(request).await?)?;
                }
                let head = api.as_nobody().http.send(Request::new("HEAD", format!("{prefix}/habits"))).await?;
                // Where there is no HEAD it may say so first.
                head.status([401, 404, 405])?;
            }
            expect_unchanged(api, &habit, &before, None).await
        }),
        check("4.others-habit", "Another user's habit answers 404 or 403 to every method of every route, and stays as it is")
            .needs(&["4.me"])
            .second_user()
            .book("access-control")
            .hints(&[
                "Who is signed in is one question, and whose habit this is another. Where do you ask the second?",
                "Ask it in the query, so that it cannot be forgotten: `WHERE id = $1 AND user_id = $2`. No row means 404.",
                "Completions belong to a habit, and the habit to a user: look there as well, for reading, PUT and DELETE.",
            ])
            .proof(async |api| {
                let habit = done_habit(api).await?;
                let before = seen(api, &habit).await?;
                let stranger = api.as_second_user().await?;
                for prefix in prefixes(api).await? {
                    for route in offered(api, &habit).await?.into_iter().filter(|route| route.is_of_a_habit()) {
                        for date in dates(route) {
                            let (id, name) = (habit.id.to_string(), api.data.name());
                            let request = route.request(prefix, Filling { id: &id, date, name: &name });
                            let answer = stranger.http.send(request).await?;
                            expect_problem(&answer, [403, 404])?;
                            let (text, shows) = (answer.text(), ["name", "description"].map(|field| before.0.get(field)));
                            if shows.iter().any(|value| value.as_str().is_some_and(|value| text.contains(value))) {
                                return Err(answer.fail("nothing of another user's habit", text));
                            }
                            expect_unchanged(api, &habit, &before, Some(&answer)).await?;
                        }
                    }
                }
                Ok(())
            }),
        check("4.own-list", "A list holds one's own habits only, and two users may use the same name")
            .needs(&["4.me"])
            .second_user()
            .book("access-control")
            .hints(&[
                "`WHERE user_id = $1`, with the id of the user who asks. It belongs to the import and to its answer as well.",
                "Whose a habit is, the token says. A `user_id` in a body says nothing.",
            ])
            .proof(async |api| {
                let owner = api.user().await?;
                let stranger = api.as_second_user().await?;
                let (name, imported) = (api.data.name(), api.data.name());
                let mut sides = Vec::new();
                for side in [api, &stranger] {
                    let mut own = vec![side.create(&name).await?.id];
                    let answer = side.post("/habits/import", json!([{ "name": imported, "completions": [DONE] }])).await?;
                    answer.status(201)?;
                    own.extend(Habit::list(&answer)?.iter().map(|habit| habit.id));
                    sides.push((side, own));
                }
                // What is no field may be passed over or refused, but it never moves a habit.
                let foisted = json!({ "user_id": owner.user["id"], "owner_id": owner.id(), "user": owner.user });
                let with_name = |name: String| json!({ "name": name, "user_id": owner.user["id"], "owner_id": owner.id() });
                let answer = stranger.post("/habits", with_name(api.data.name())).await?;
                if answer.status([201, 400, 422])?.code() == 201 {
                    sides[1].1.push(Habit::of(&answer)?.id);
                }
                let given_away = stranger.any_habit().await?;
                stranger.patch(given_away.path(), foisted).await?.status([200, 400, 422])?;
                sides[1].1.push(given_away.id);
                for (index, (side, own)) in sides.iter().enumerate() {
                    let others = &sides[1 - index].1;
                    for path in lists(side).await? {
                        let answer = side.get(&path).await?;
                        answer.status(200)?;
                        let listed: HashSet<i128> = Habit::list(&answer)?.iter().map(|habit| habit.id).collect();
                        if let Some(missing) = own.iter().find(|id| !listed.contains(id)) {
                            return Err(answer.fail(format!("one's own habit {missing} in the list"), "a list without it"));
                        }
                        if let Some(foreign) = others.iter().find(|id| listed.contains(id)) {
                            return Err(
                                answer.fail("one's own habits only", format!("a list with habit {foreign} of another user"))
                            );
                        }
                    }
                }
                Ok(())
            }),
    ]
}

/// What comes instead of `Bearer` and a token. Below a prefix are the same handlers, and two suffice to find an open door.
fn without_sign_in(token: &str, prefix: &str) -> Vec<Option<String>> {
    let garbage = "Bearer garbage".to_owned();
    if !prefix.is_empty() {
        return vec![None, Some(garbage)];
    }
    let fields =
        [format!("Basic {token}"), format!("Token {token}"), token.into(), "Bearer".into(), garbage, "Bearer a.b.c".into()];
    std::iter::once(None).chain(fields.map(Some)).collect()
}

/// Requests that something else is wrong with, too: who is signed in comes first.
async fn refused_otherwise(api: &Api, prefix: &str) -> Outcome<Vec<Request>> {
    let unknown = format!("{prefix}{}", api.unknown_path().await?);
    let post = |path: &str| Request::new("POST", format!("{prefix}{path}"));
    Ok(vec![
        Request::new("GET", &unknown),
        Request::new("DELETE", &unknown),
        Request::new("PATCH", &unknown).json(&json!({ "name": " " })),
        Request::new("PUT", format!("{unknown}/completions/{OPEN}")),
        Request::new("GET", format!("{prefix}/habits?limit=0")),
        post("/habits").json(&json!({ "name": "" })),
        post("/habits").header("content-type", "application/json").body("{"),
        post("/habits").header("content-type", "text/plain").body("name"),
        post("/habits/import").json(&json!({})),
    ])
}

/// Where the API answers: at the root, and as an extra below `/v1`.
async fn prefixes(api: &Api) -> Outcome<Vec<&'static str>> {
    let has_version = api.get("/v1/habits").await?.code() == 200;
    Ok(if has_version { vec!["", "/v1"] } else { vec![""] })
}

/// The routes that there are: extras may be left out.
async fn offered(api: &Api, habit: &Habit) -> Outcome<Vec<&'static Route>> {
    let whole = json!({ "name": habit.get("name"), "description": habit.get("description") });
    let has_extras = api.put(habit.path(), whole).await?.code() == 200;
    Ok(api.routes().iter().copied().filter(|route| has_extras || !route.stretch).collect())
}

/// The days for which a route is tried: one that is there, and one that is not.
fn dates(route: &Route) -> &'static [&'static str] {
    if route.path.contains("{date}") { &[DONE, OPEN] } else { &[OPEN] }
}

/// The paths of a list, pages included where there are any.
async fn lists(api: &Api) -> Outcome<Vec<String>> {
    let has_pages = api.get("/habits?limit=1").await?.header("link").is_some();
    let first = api.list().await?.1.len();
    // A page that holds everything.
    let page = (has_pages && first <= 100).then(|| "/habits?limit=100".to_owned());
    Ok(std::iter::once("/habits".to_owned()).chain(page).collect())
}

/// A habit with a description that was done on a day.
async fn done_habit(api: &Api) -> Outcome<Habit> {
    let habit = api.create_described(&api.data.name(), &api.data.description()).await?;
    let put = Request::new("PUT", format!("{}/completions/{DONE}", habit.path()));
    api.http.send(put).await?.status([200, 201])?;
    Ok(habit)
}

/// A habit and its days, as its owner sees them.
async fn seen(api: &Api, habit: &Habit) -> Outcome<(Habit, Value)> {
    let (_, read) = api.read(habit).await?;
    let days = api.get(format!("{}/completions", habit.path())).await?;
    days.status(200)?;
    Ok((read, days.json()?))
}

/// Fails unless a habit is as before; `cause` is the answer after which it may have changed.
async fn expect_unchanged(api: &Api, habit: &Habit, before: &(Habit, Value), cause: Option<&Answer>) -> Outcome {
    let answer = api.get(habit.path()).await?;
    let gone = |answer: &Answer| cause.unwrap_or(answer).fail("a habit that stays as it was", "a habit that is gone");
    if answer.code() == 404 {
        return Err(gone(&answer));
    }
    answer.status(200)?;
    Habit::of(&answer)?.expect_same(cause.unwrap_or(&answer), &before.0)?;
    let days = api.get(format!("{}/completions", habit.path())).await?;
    cause.unwrap_or(&days).same(&before.1, &days.json()?)?;
    Ok(())
}
