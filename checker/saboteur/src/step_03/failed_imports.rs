//! Wrong ways to refuse an import, and to leave a part of it behind.

use std::collections::BTreeSet;

use hyper::Method;
use serde_json::{Value, json};

use crate::api::routes::imports;
use crate::database::quote_literal;
use crate::http::{ConnectionLost, Request, Response, Upstream};
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [invalid(), conflict(), cut()].into_iter().flatten().collect()
}

fn invalid() -> Vec<Sabotage> {
    let trips = &["3.import-invalid"];
    let named = |name, breaks, change: fn(&str) -> String| {
        wrong(name, trips, breaks).response(imports, move |_, response| {
            if response.status() == 400 {
                response.edit(|problem| {
                    for error in problem["errors"].as_array_mut().into_iter().flatten() {
                        error["field"] = change(error["field"].as_str().unwrap_or_default()).into();
                    }
                })
            }
        })
    };
    let mended = |name, breaks, change: fn(&mut Vec<Value>)| {
        wrong(name, trips, breaks).request(imports, move |request| request.edit_items(change))
    };
    vec![
        named("import-names-the-field-alone", "An import names the wrong field without its place.", |field| {
            field.split_once('.').map_or(field, |(_, name)| name).to_owned()
        }),
        named("import-counts-places-from-1", "An import counts the places of wrong fields from 1.", |field| {
            let (place, name) = field.split_once('.').unwrap_or(("0", field));
            format!("{}.{name}", place.parse::<usize>().unwrap_or_default() + 1)
        }),
        named("import-names-the-place-alone", "An import names the place of a wrong habit without its field.", |field| {
            field.split_once('.').map_or(field, |(place, _)| place).to_owned()
        }),
        wrong("import-of-a-wrong-habit-answers-500", trips, "An import with a wrong habit answers 500.").response(
            imports,
            |_, response| {
                if response.status() == 400 {
                    response.set_problem(500, "Something went wrong.")
                }
            },
        ),
        wrong("import-of-a-wrong-habit-is-no-problem", trips, "The 400 of an import is no problem details.").response(
            imports,
            |_, response| {
                if response.status() == 400 {
                    response.set_plain_error(400, "invalid")
                }
            },
        ),
        wrong("import-stores-the-right-habits", trips, "An import with a wrong habit answers 400 and stores the right ones.")
            .instead(imports, async |request, upstream| storing_the_rest(request, upstream, 400).await),
        wrong(
            "import-stores-up-to-the-wrong-habit",
            trips,
            "An import with a wrong habit answers 400 and stores those before it.",
        )
        .instead(imports, async |request, upstream| storing_until(request, upstream, 400).await),
        wrong("import-leaves-wrong-habits-out", trips, "An import leaves wrong habits out and answers 201.").instead(
            imports,
            async |request, upstream| {
                let response = upstream.send(request.clone()).await?;
                match response.status() {
                    400 => joined(request, upstream, response).await,
                    _ => Ok(response),
                }
            },
        ),
        mended("import-takes-long-descriptions", "An import takes a description of more than 500 characters.", |items| {
            for item in items {
                if let Some(text) = item["description"].as_str().filter(|text| text.chars().count() > 500) {
                    item["description"] = text.chars().take(500).collect::<String>().into();
                }
            }
        }),
        mended("import-takes-long-names", "An import takes a name of more than 100 characters.", |items| {
            for item in items {
                if let Some(text) = item["name"].as_str().filter(|text| text.chars().count() > 100) {
                    item["name"] = text.chars().take(100).collect::<String>().into();
                }
            }
        }),
        mended("import-takes-blank-names", "An import takes a blank name.", |items| {
            for item in items {
                if item["name"].as_str().is_some_and(|name| name.trim().is_empty()) {
                    item["name"] = "\u{2060}".into();
                }
            }
        }),
        mended("import-makes-numbers-text", "An import takes a number for a name.", |items| {
            for item in items {
                if let Some(Value::Number(number)) = item.get("name") {
                    item["name"] = number.to_string().into();
                }
            }
        }),
        mended("import-passes-over-what-is-no-habit", "An import passes over items that are no objects.", |items| {
            items.retain(Value::is_object)
        }),
        wrong("import-takes-one-habit", trips, "An import takes an object in place of an array.").request(imports, |request| {
            if let Some(habit) = request.json() {
                request.set_json(&json!([habit]))
            }
        }),
    ]
}

fn conflict() -> Vec<Sabotage> {
    let trips = &["3.import-conflict"];
    let status = |name, breaks, status| {
        wrong(name, trips, breaks).response(imports, move |_, response| {
            if response.status() == 409 {
                response.set_problem(status, "A name is taken.")
            }
        })
    };
    vec![
        status("import-of-a-taken-name-answers-500", "An import with a taken name answers 500.", 500),
        status("import-of-a-taken-name-answers-400", "An import with a taken name answers 400.", 400),
        wrong("import-stores-the-free-names", trips, "An import with a taken name answers 409 and stores the other habits.")
            .instead(imports, async |request, upstream| storing_the_rest(request, upstream, 409).await),
        wrong("import-stores-up-to-the-taken-name", trips, "An import with a taken name answers 409 and stores those before it.")
            .instead(imports, async |request, upstream| storing_until(request, upstream, 409).await),
        wrong("import-leaves-taken-names-out", trips, "An import leaves habits with taken names out and answers 201.").instead(
            imports,
            async |request, upstream| {
                let response = upstream.send(request.clone()).await?;
                match response.status() {
                    409 => joined(request, upstream, response).await,
                    _ => Ok(response),
                }
            },
        ),
        wrong("import-merges-repeated-names", trips, "Of habits of one name in an import the first is stored.").request(
            imports,
            |request| {
                request.edit_items(|items| {
                    let mut seen = BTreeSet::new();
                    items.retain(|item| item["name"].as_str().is_none_or(|name| seen.insert(name.trim().to_lowercase())));
                })
            },
        ),
        wrong("import-overwrites-taken-names", trips, "An import replaces habits whose names it brings.").instead(
            imports,
            async |request, upstream| {
                let response = upstream.send(request.clone()).await?;
                if response.status() != 409 {
                    return Ok(response);
                }
                for item in request.items() {
                    let name = quote_literal(item["name"].as_str().unwrap_or_default());
                    upstream.database().run(&format!("DELETE FROM habits WHERE lower(name) = lower({name})")).await?;
                }
                upstream.send(request).await
            },
        ),
        wrong(
            "import-without-a-transaction",
            &["3.import-conflict", "3.import-cut"],
            "An import stores one habit after the other, without a transaction.",
        )
        .instead(imports, async |request, upstream| {
            // A wrong habit is refused by the right server, before anything is stored.
            match is_valid(&request) {
                true => one_by_one(request, upstream).await,
                false => upstream.send(request).await,
            }
        }),
    ]
}

fn cut() -> Vec<Sabotage> {
    let trips = &["3.import-cut"];
    vec![
        wrong("import-goes-on-after-a-cut", trips, "An import whose connection is cut stores the first half all the same.")
            .instead(imports, async |request, upstream| {
                let response = upstream.send(request.clone()).await?;
                if response.status() >= 500 {
                    let mut half = request;
                    half.edit_items(|items| items.truncate(items.len() / 2));
                    upstream.send(half).await?;
                }
                Ok(response)
            }),
        wrong(
            "import-forgets-completions-after-a-cut",
            trips,
            "An import whose connection is cut is tried again without completions.",
        )
        .instead(imports, async |request, upstream| {
            let response = upstream.send(request.clone()).await?;
            if response.status() < 500 {
                return Ok(response);
            }
            let mut again = request;
            again.edit_items(|items| items.iter_mut().for_each(|item| item["completions"] = json!([])));
            upstream.send(again).await
        }),
        wrong("import-answers-201-after-a-cut", trips, "An import whose connection is cut answers 201 and stores nothing.")
            .response(imports, |_, response| {
                if response.status() >= 500 {
                    response.set_status(201);
                    response.set_json("application/json", &json!([]));
                }
            }),
        wrong("import-answers-400-after-a-cut", trips, "An import whose connection is cut answers 400.").response(
            imports,
            |_, response| {
                if response.status() >= 500 {
                    response.set_problem(400, "The import could not be stored.")
                }
            },
        ),
        wrong("cut-shows-the-library", trips, "The error of an import whose connection is cut shows the library's message.")
            .response(imports, |_, response| {
                if response.status() >= 500 {
                    response.set_problem(
                        500,
                        "sqlx::Error: error communicating with database: Connection reset by peer (os error 104)",
                    )
                }
            }),
    ]
}

/// Imports everything; where that is answered with `status`, imports each habit by itself as well.
async fn storing_the_rest(request: Request, upstream: &Upstream, status: u16) -> Result<Response, ConnectionLost> {
    let response = upstream.send(request.clone()).await?;
    if response.status() == status {
        for item in request.items() {
            import_one(&request, upstream, item).await?;
        }
    }
    Ok(response)
}

/// Imports everything; where that is answered with `status`, imports each habit by itself as well, up to a wrong one.
async fn storing_until(request: Request, upstream: &Upstream, status: u16) -> Result<Response, ConnectionLost> {
    let response = upstream.send(request.clone()).await?;
    if response.status() == status {
        for item in request.items() {
            if !import_one(&request, upstream, item).await?.is_success() {
                break;
            }
        }
    }
    Ok(response)
}

/// Imports each habit by itself and answers those that were taken, or `refused` if there is none.
async fn joined(request: Request, upstream: &Upstream, refused: Response) -> Result<Response, ConnectionLost> {
    let mut whole: Option<Response> = None;
    for item in request.items() {
        let response = import_one(&request, upstream, item).await?;
        if !response.is_success() {
            continue;
        }
        match &mut whole {
            None => whole = Some(response),
            Some(whole) => {
                let more = response.json();
                whole.edit_list(|list| list.extend(more.as_ref().and_then(Value::as_array).into_iter().flatten().cloned()))
            }
        }
    }
    Ok(whole.unwrap_or(refused))
}

/// Imports each habit by itself, up to one that is refused; that refusal is the answer then.
async fn one_by_one(request: Request, upstream: &Upstream) -> Result<Response, ConnectionLost> {
    let mut habits = Vec::new();
    let mut last = None;
    for item in request.items() {
        let response = import_one(&request, upstream, item).await?;
        if !response.is_success() {
            return Ok(response);
        }
        habits.extend(response.json().and_then(|list| list.as_array().cloned()).into_iter().flatten());
        last = Some(response);
    }
    match last {
        Some(mut response) => {
            response.edit(|list| *list = habits.into());
            Ok(response)
        }
        None => upstream.send(request).await,
    }
}

pub async fn import_one(request: &Request, upstream: &Upstream, item: Value) -> Result<Response, ConnectionLost> {
    upstream.send(request.another(Method::POST, "/habits/import", Some(&json!([item])))).await
}

/// Whether all habits of an import keep the rules, names apart that are taken.
fn is_valid(request: &Request) -> bool {
    let short = |text: &Value, most| text.as_str().is_none_or(|text| text.chars().count() <= most);
    let is_named = |item: &Value| item["name"].as_str().is_some_and(|name| (1..=100).contains(&name.trim().chars().count()));
    let items = request.items();
    (1..=100).contains(&items.len())
        && request.body.len() <= 1024 * 1024
        && items.iter().all(|item| is_named(item) && short(&item["description"], 500))
}
