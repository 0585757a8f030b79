//! Imports that fail in a wrong way, or are stored in part.

use std::collections::BTreeSet;

use hyper::Method;
use serde_json::{Value, json};

use crate::api::routes::imports;
use crate::database::quote_literal;
use crate::http::{ConnectionLost, Request, Response, Upstream};
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [invalid(), conflict(), lost_connection()].into_iter().flatten().collect()
}

fn invalid() -> Vec<Sabotage> {
    let trips = &["3.import-invalid"];
    let rename_fields = |name, breaks, change: fn(&str) -> String| {
        wrong(name, trips, breaks).response(imports, move |_, response| {
            if response.status() == 400 {
                response.rename_error_fields(change)
            }
        })
    };
    let make_valid = |name, breaks, change: fn(&mut Vec<Value>)| {
        wrong(name, trips, breaks).request(imports, move |request| request.edit_items(change))
    };
    vec![
        rename_fields("import-names-the-field-alone", "An import names the invalid field without the habit's index.", |field| {
            field.split_once('.').map_or(field, |(_, name)| name).to_owned()
        }),
        rename_fields("import-counts-places-from-1", "An import counts the index of an invalid habit from 1.", |field| {
            let (place, name) = field.split_once('.').unwrap_or(("0", field));
            format!("{}.{name}", place.parse::<usize>().unwrap_or_default() + 1)
        }),
        rename_fields(
            "import-names-the-place-alone",
            "An import names the index of an invalid habit without the field.",
            |field| field.split_once('.').map_or(field, |(place, _)| place).to_owned(),
        ),
        wrong("import-of-a-wrong-habit-answers-500", trips, "An import with an invalid habit answers 500.").response(
            imports,
            |_, response| {
                if response.status() == 400 {
                    response.set_problem(500, "Something went wrong.")
                }
            },
        ),
        wrong("import-of-a-wrong-habit-is-no-problem", trips, "The 400 of an import is not problem details.").response(
            imports,
            |_, response| {
                if response.status() == 400 {
                    response.set_plain_error(400, "invalid")
                }
            },
        ),
        wrong("import-stores-the-right-habits", trips, "An import with an invalid habit answers 400 and stores the valid ones.")
            .instead(imports, async |request, upstream| store_valid(request, upstream, 400).await),
        wrong(
            "import-stores-up-to-the-wrong-habit",
            trips,
            "An import with an invalid habit answers 400 and stores those before it.",
        )
        .instead(imports, async |request, upstream| store_until_invalid(request, upstream, 400).await),
        wrong("import-leaves-wrong-habits-out", trips, "An import skips invalid habits and answers 201.").instead(
            imports,
            async |request, upstream| {
                let response = upstream.send(request.clone()).await?;
                match response.status() {
                    400 => import_valid(request, upstream, response).await,
                    _ => Ok(response),
                }
            },
        ),
        make_valid("import-takes-long-descriptions", "An import accepts a description of more than 500 characters.", |items| {
            for item in items {
                if let Some(text) = item["description"].as_str().filter(|text| text.chars().count() > 500) {
                    item["description"] = text.chars().take(500).collect::<String>().into();
                }
            }
        }),
        make_valid("import-takes-long-names", "An import accepts a name of more than 100 characters.", |items| {
            for item in items {
                if let Some(text) = item["name"].as_str().filter(|text| text.chars().count() > 100) {
                    item["name"] = text.chars().take(100).collect::<String>().into();
                }
            }
        }),
        make_valid("import-takes-blank-names", "An import accepts a blank name.", |items| {
            for item in items {
                if item["name"].as_str().is_some_and(|name| name.trim().is_empty()) {
                    item["name"] = "\u{2060}".into();
                }
            }
        }),
        make_valid("import-makes-numbers-text", "An import accepts a number as a name.", |items| {
            for item in items {
                if let Some(Value::Number(number)) = item.get("name") {
                    item["name"] = number.to_string().into();
                }
            }
        }),
        make_valid("import-passes-over-what-is-no-habit", "An import skips items that are not objects.", |items| {
            items.retain(Value::is_object)
        }),
        wrong("import-takes-one-habit", trips, "An import accepts an object instead of an array.").request(imports, |request| {
            if let Some(habit) = request.json() {
                request.set_json(&json!([habit]))
            }
        }),
    ]
}

fn conflict() -> Vec<Sabotage> {
    let trips = &["3.import-conflict"];
    let answer_instead = |name, breaks, status| {
        wrong(name, trips, breaks).response(imports, move |_, response| {
            if response.status() == 409 {
                response.set_problem(status, "A name is taken.")
            }
        })
    };
    vec![
        answer_instead("import-of-a-taken-name-answers-500", "An import with a taken name answers 500.", 500),
        answer_instead("import-of-a-taken-name-answers-400", "An import with a taken name answers 400.", 400),
        wrong("import-stores-the-free-names", trips, "An import with a taken name answers 409 and stores the other habits.")
            .instead(imports, async |request, upstream| store_valid(request, upstream, 409).await),
        wrong("import-stores-up-to-the-taken-name", trips, "An import with a taken name answers 409 and stores those before it.")
            .instead(imports, async |request, upstream| store_until_invalid(request, upstream, 409).await),
        wrong("import-leaves-taken-names-out", trips, "An import skips habits with taken names and answers 201.").instead(
            imports,
            async |request, upstream| {
                let response = upstream.send(request.clone()).await?;
                match response.status() {
                    409 => import_valid(request, upstream, response).await,
                    _ => Ok(response),
                }
            },
        ),
        wrong("import-merges-repeated-names", trips, "An import stores only the first of several habits with the same name.")
            .request(imports, |request| {
                request.edit_items(|items| {
                    let mut seen = BTreeSet::new();
                    items.retain(|item| item["name"].as_str().is_none_or(|name| seen.insert(name.trim().to_lowercase())));
                })
            }),
        wrong("import-overwrites-taken-names", trips, "An import replaces existing habits that have the same names.").instead(
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
            "An import stores one habit after the other without a transaction.",
        )
        .instead(imports, async |request, upstream| {
            // The upstream server rejects an invalid habit before anything is stored.
            match is_valid(&request) {
                true => import_one_by_one(request, upstream).await,
                false => upstream.send(request).await,
            }
        }),
    ]
}

fn lost_connection() -> Vec<Sabotage> {
    let trips = &["3.import-cut"];
    vec![
        wrong("import-goes-on-after-a-cut", trips, "An import that loses its database connection stores the first half.")
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
            "An import that loses its database connection is retried without completions.",
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
        wrong(
            "import-answers-201-after-a-cut",
            trips,
            "An import that loses its database connection answers 201 and stores nothing.",
        )
        .response(imports, |_, response| {
            if response.status() >= 500 {
                response.set_status(201);
                response.set_json("application/json", &json!([]));
            }
        }),
        wrong("import-answers-400-after-a-cut", trips, "An import that loses its database connection answers 400.").response(
            imports,
            |_, response| {
                if response.status() >= 500 {
                    response.set_problem(400, "The import could not be stored.")
                }
            },
        ),
        wrong(
            "cut-shows-the-library",
            trips,
            "An import that loses its database connection shows the database library's error message.",
        )
        .response(imports, |_, response| {
            if response.status() >= 500 {
                response
                    .set_problem(500, "sqlx::Error: error communicating with database: Connection reset by peer (os error 104)")
            }
        }),
    ]
}

/// Imports everything; if that fails with `status`, imports each habit by itself.
async fn store_valid(request: Request, upstream: &Upstream, status: u16) -> Result<Response, ConnectionLost> {
    let response = upstream.send(request.clone()).await?;
    if response.status() == status {
        for item in request.items() {
            import_one(&request, upstream, item).await?;
        }
    }
    Ok(response)
}

/// Imports everything; if that fails with `status`, imports each habit by itself until one fails.
async fn store_until_invalid(request: Request, upstream: &Upstream, status: u16) -> Result<Response, ConnectionLost> {
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

/// Imports each habit by itself and returns those that were stored, or `rejection` if there is none.
async fn import_valid(request: Request, upstream: &Upstream, rejection: Response) -> Result<Response, ConnectionLost> {
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
    Ok(whole.unwrap_or(rejection))
}

/// Imports each habit by itself until one is rejected. Returns that rejection, or all habits.
async fn import_one_by_one(request: Request, upstream: &Upstream) -> Result<Response, ConnectionLost> {
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

async fn import_one(request: &Request, upstream: &Upstream, item: Value) -> Result<Response, ConnectionLost> {
    upstream.send(request.another(Method::POST, "/habits/import", Some(&json!([item])))).await
}

/// Whether all habits of an import are valid. Their names may be taken.
fn is_valid(request: &Request) -> bool {
    let short = |text: &Value, most| text.as_str().is_none_or(|text| text.chars().count() <= most);
    let is_named = |item: &Value| item["name"].as_str().is_some_and(|name| (1..=100).contains(&name.trim().chars().count()));
    let items = request.items();
    (1..=100).contains(&items.len())
        && request.body.len() <= 1024 * 1024
        && items.iter().all(|item| is_named(item) && short(&item["description"], 500))
}
