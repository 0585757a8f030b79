//! Access control: authentication on every route, and each user's own habits.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::expect_unauthorized;
use harness::api::Api;
use harness::check::{Check, check};
use harness::habit::Habit;
use harness::problem::{expect_problem, expect_request_id};
use harness::route::{Route, Values};
use model::{Outcome, Request, Token};
use probe::Response;

/// A day on which the habits here are completed, and one on which they are not.
const COMPLETED: &str = "2026-01-30";
const OPEN: &str = "2026-01-31";

/// The checks.
pub fn checks() -> Vec<Check> {
    vec![
        check(
            "4.unauthorized",
            "Every protected route rejects a request without a valid Bearer token with 401 and WWW-Authenticate",
        )
        .needs(&["4.me"])
        .book("checking-the-token")
        .hints(&[
            "Accept `Authorization: Bearer …` only: no other scheme, no token without a scheme, no string that is not a token.",
            "`AuthUser` is an extractor: a handler with the parameter `user: AuthUser` cannot run without a valid token. Which handler lacks it?",
            "Put `AuthUser` before the body: extractors run in the order of the parameters, and 401 takes precedence over 400, 404 and 415.",
        ])
        .proof(async |api| {
            let habit = completed_habit(api).await?;
            let before = snapshot(api, &habit).await?;
            let token = &api.user().await?.token;
            for prefix in prefixes(api).await? {
                for route in existing_routes(api, &habit).await? {
                    let (id, name) = (habit.id.to_string(), api.data.name());
                    let request = route.request(prefix, Values { id: &id, date: OPEN, name: &name });
                    for value in invalid_authorizations(token, prefix) {
                        let request = match value {
                            Some(value) => request.clone().authorization(&value, &Token::own(token)),
                            None => request.clone(),
                        };
                        let response = api.anonymous().http.send(request).await?;
                        expect_unauthorized(&response)?;
                        expect_request_id(&response)?;
                    }
                }
                for request in invalid_requests(api, prefix).await? {
                    expect_unauthorized(&api.anonymous().http.send(request).await?)?;
                }
                let head = api.anonymous().http.send(Request::new("HEAD", format!("{prefix}/habits"))).await?;
                // A server without HEAD may reject the method first.
                head.status([401, 404, 405])?;
            }
            expect_unchanged(api, &habit, &before, None).await
        }),
        check("4.others-habit", "For another user's habit, every route and method responds 404 or 403 and changes nothing")
            .needs(&["4.me"])
            .second_user()
            .book("access-control")
            .hints(&[
                "Authentication asks who the user is; authorization asks whose habit this is. Where does your code check the second?",
                "Check the owner in the query: `WHERE id = $1 AND user_id = $2`. No row means 404. A missing check is an insecure direct object reference (IDOR), or broken object level authorization.",
                "Completions belong to a habit, and the habit to a user: check the owner for completions too, in GET, PUT and DELETE.",
            ])
            .proof(async |api| {
                let habit = completed_habit(api).await?;
                let before = snapshot(api, &habit).await?;
                let other_user = api.as_second_user().await?;
                for prefix in prefixes(api).await? {
                    for route in existing_routes(api, &habit).await?.into_iter().filter(|route| route.has_habit_id()) {
                        for date in dates(route) {
                            let (id, name) = (habit.id.to_string(), api.data.name());
                            let request = route.request(prefix, Values { id: &id, date, name: &name });
                            let response = other_user.http.send(request).await?;
                            expect_problem(&response, [403, 404])?;
                            let (text, private) = (response.text(), ["name", "description"].map(|field| before.0.get(field)));
                            if private.iter().any(|value| value.as_str().is_some_and(|value| text.contains(value))) {
                                return Err(response.fail("a response without the data of another user's habit", text));
                            }
                            expect_unchanged(api, &habit, &before, Some(&response)).await?;
                        }
                    }
                }
                Ok(())
            }),
        check("4.own-list", "A list contains only the user's own habits, and two users may use the same name")
            .needs(&["4.me"])
            .second_user()
            .book("access-control")
            .hints(&[
                "`WHERE user_id = $1`, with the id of the authenticated user. Use the same id in the import and in its response.",
                "The token determines the owner of a habit. Never trust a `user_id` from the request body (mass assignment).",
            ])
            .proof(async |api| {
                let owner = api.user().await?;
                let other_user = api.as_second_user().await?;
                let (name, imported) = (api.data.name(), api.data.name());
                let mut sides = Vec::new();
                for side in [api, &other_user] {
                    let mut own = vec![side.create(&name).await?.id];
                    let response = side.post("/habits/import", json!([{ "name": imported, "completions": [COMPLETED] }])).await?;
                    response.status(201)?;
                    own.extend(Habit::list(&response)?.iter().map(|habit| habit.id));
                    sides.push((side, own));
                }
                // A server may ignore or reject unknown fields, but they never change the owner of a habit.
                let owner_fields = json!({ "user_id": owner.user["id"], "owner_id": owner.id(), "user": owner.user });
                let with_owner = |name: String| json!({ "name": name, "user_id": owner.user["id"], "owner_id": owner.id() });
                let response = other_user.post("/habits", with_owner(api.data.name())).await?;
                if response.status([201, 400, 422])?.code() == 201 {
                    sides[1].1.push(Habit::of(&response)?.id);
                }
                let patched = other_user.any_habit().await?;
                other_user.patch(patched.path(), owner_fields).await?.status([200, 400, 422])?;
                sides[1].1.push(patched.id);
                for (index, (side, own)) in sides.iter().enumerate() {
                    let others = &sides[1 - index].1;
                    for path in lists(side).await? {
                        let response = side.get(&path).await?;
                        response.status(200)?;
                        let listed: HashSet<i128> = Habit::list(&response)?.iter().map(|habit| habit.id).collect();
                        if let Some(missing) = own.iter().find(|id| !listed.contains(id)) {
                            return Err(response.fail(format!("the user's own habit {missing} in the list"), "a list without it"));
                        }
                        if let Some(foreign) = others.iter().find(|id| listed.contains(id)) {
                            return Err(
                                response.fail("only the user's own habits", format!("a list with habit {foreign} of another user"))
                            );
                        }
                    }
                }
                Ok(())
            }),
    ]
}

/// Values of `Authorization` that do not authenticate; `None` is no header. Below a prefix, the handlers are the same, so two
/// values suffice to find an unprotected route.
fn invalid_authorizations(token: &str, prefix: &str) -> Vec<Option<String>> {
    let garbage = "Bearer garbage".to_owned();
    if !prefix.is_empty() {
        return vec![None, Some(garbage)];
    }
    let fields =
        [format!("Basic {token}"), format!("Token {token}"), token.into(), "Bearer".into(), garbage, "Bearer a.b.c".into()];
    std::iter::once(None).chain(fields.map(Some)).collect()
}

/// Requests that are invalid in another way as well: 401 takes precedence.
async fn invalid_requests(api: &Api, prefix: &str) -> Outcome<Vec<Request>> {
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

/// The path prefixes of the API: none, and `/v1` if the server has this stretch goal.
async fn prefixes(api: &Api) -> Outcome<Vec<&'static str>> {
    let has_v1 = api.get("/v1/habits").await?.code() == 200;
    Ok(if has_v1 { vec!["", "/v1"] } else { vec![""] })
}

/// The routes that the server has: stretch routes are optional.
async fn existing_routes(api: &Api, habit: &Habit) -> Outcome<Vec<&'static Route>> {
    let whole = json!({ "name": habit.get("name"), "description": habit.get("description") });
    let has_put = api.put(habit.path(), whole).await?.code() == 200;
    Ok(api.routes().iter().copied().filter(|route| has_put || !route.stretch).collect())
}

/// The days to try on a route: with a completion and without.
fn dates(route: &Route) -> &'static [&'static str] {
    if route.path.contains("{date}") { &[COMPLETED, OPEN] } else { &[OPEN] }
}

/// The paths that list habits, including a page if the server has pagination.
async fn lists(api: &Api) -> Outcome<Vec<String>> {
    let has_pages = api.get("/habits?limit=1").await?.header("link").is_some();
    let count = api.list().await?.1.len();
    // A page that holds all habits.
    let page = (has_pages && count <= 100).then(|| "/habits?limit=100".to_owned());
    Ok(std::iter::once("/habits".to_owned()).chain(page).collect())
}

/// Creates a habit with a description and one completion.
async fn completed_habit(api: &Api) -> Outcome<Habit> {
    let habit = api.create_described(&api.data.name(), &api.data.description()).await?;
    let put = Request::new("PUT", format!("{}/completions/{COMPLETED}", habit.path()));
    api.http.send(put).await?.status([200, 201])?;
    Ok(habit)
}

/// A habit and its completions, as its owner sees them.
async fn snapshot(api: &Api, habit: &Habit) -> Outcome<(Habit, Value)> {
    let (_, read) = api.read(habit).await?;
    let days = api.get(format!("{}/completions", habit.path())).await?;
    days.status(200)?;
    Ok((read, days.json()?))
}

/// Fails unless the habit is unchanged; `cause` is the response to the request that may have changed it.
async fn expect_unchanged(api: &Api, habit: &Habit, before: &(Habit, Value), cause: Option<&Response>) -> Outcome {
    let response = api.get(habit.path()).await?;
    let deleted = |response: &Response| cause.unwrap_or(response).fail("an unchanged habit", "a deleted habit");
    if response.code() == 404 {
        return Err(deleted(&response));
    }
    response.status(200)?;
    Habit::of(&response)?.expect_same(cause.unwrap_or(&response), &before.0)?;
    let days = api.get(format!("{}/completions", habit.path())).await?;
    cause.unwrap_or(&days).same(&before.1, &days.json()?)?;
    Ok(())
}
