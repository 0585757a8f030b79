//! Wrong ways to treat a name that is taken.

use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::api::routes::{creates, imports, patches, puts};
use crate::database::quote_literal;
use crate::http::{ConnectionLost, Request, Response, Upstream};
use crate::race::{self, InFlight};
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [taken(), parallel(), renamed(), replaced(), freed()].into_iter().flatten().collect()
}

fn taken() -> Vec<Sabotage> {
    let trips = &["3.name-taken"];
    let index = |on: &str| format!("DROP INDEX habits_name_key; CREATE UNIQUE INDEX habits_name_key ON habits ({on})");
    let on_conflict = |name, breaks, change: fn(&mut Response)| {
        wrong(name, trips, breaks).response(creates, move |_, response| {
            if response.status() == 409 {
                change(response)
            }
        })
    };
    vec![
        wrong("names-may-repeat", trips, "A name can be used any number of times.").alter_tables("DROP INDEX habits_name_key"),
        wrong("names-are-compared-with-case", trips, "Names are compared case-sensitively.").alter_tables(index("user_id, name")),
        wrong(
            "first-letter-alone-is-compared-without-case",
            trips,
            "Names are compared case-insensitively only in their first letter.",
        )
        .alter_tables(index("user_id, (lower(left(name, 1)) || substr(name, 2))")),
        wrong("names-are-compared-before-trimming", trips, "Names are compared including the white space around them.").request(
            creates,
            |request| {
                if let Some(Value::String(name)) =
                    request.field("name").filter(|name| name.as_str() != name.as_str().map(str::trim))
                {
                    request.set_field("name", format!("{}\u{2060}", name.trim()));
                }
            },
        ),
        on_conflict("taken-name-answers-500", "POST of a taken name answers 500.", |response| {
            response.set_problem(500, "Something went wrong.")
        }),
        on_conflict("taken-name-answers-400", "POST of a taken name answers 400.", |response| {
            response.set_problem(400, "The name is taken.")
        }),
        on_conflict("taken-name-answers-422", "POST of a taken name answers 422.", |response| {
            response.set_problem(422, "The name is taken.")
        }),
        on_conflict("taken-name-is-no-problem", "The 409 of a taken name is not problem details.", |response| {
            response.set_plain_error(409, "taken")
        }),
        wrong("taken-name-answers-the-other", trips, "POST of a taken name answers 201 with the habit that has it.").instead(
            creates,
            async |request, upstream| {
                let response = upstream.send(request.clone()).await?;
                if response.status() != 409 {
                    return Ok(response);
                }
                let Some(id) = habit_by_name(&request.text("name"), upstream).await? else { return Ok(response) };
                let mut other = upstream.send(request.another(hyper::Method::GET, &format!("/habits/{id}"), None)).await?;
                other.set_status(201);
                Ok(other)
            },
        ),
        wrong("taken-name-is-stored-all-the-same", trips, "POST of a taken name answers 409 and stores the habit anyway.")
            .alter_tables("DROP INDEX habits_name_key")
            .instead(creates, async |request, upstream| {
                let other = habit_by_name(request.text("name").trim(), upstream).await?;
                let mut response = upstream.send(request).await?;
                if other.is_some() && response.is_success() {
                    response.set_problem(409, "The name is taken.");
                }
                Ok(response)
            }),
        wrong("taken-name-overwrites-the-other", trips, "POST of a taken name answers 409 and changes the habit that has it.")
            .instead(creates, async |request, upstream| {
                let response = upstream.send(request.clone()).await?;
                if response.status() == 409 {
                    let text =
                        request.field("description").and_then(|text| text.as_str().map(quote_literal)).unwrap_or("NULL".into());
                    let name = quote_literal(request.text("name").trim());
                    let change = format!("UPDATE habits SET description = {text} WHERE lower(name) = lower({name})");
                    upstream.database().run(&change).await?;
                }
                Ok(response)
            }),
    ]
}

fn parallel() -> Vec<Sabotage> {
    let trips = &["3.name-taken-parallel"];
    let crowd = InFlight::default();
    vec![
        wrong("parallel-names-answer-500", trips, "All but one of several POSTs of one name at the same time answer 500.")
            .instead(creates, async move |request, upstream| {
                let guard = crowd.enter();
                tokio::time::sleep(race::WINDOW).await;
                let mut response = upstream.send(request).await?;
                if guard.overlaps && response.status() == 409 {
                    response.set_problem(500, "Something went wrong.");
                }
                Ok(response)
            }),
        wrong(
            "names-are-looked-up-first",
            trips,
            "The server checks whether a name is free and inserts it afterwards, without a unique index.",
        )
        .alter_tables("DROP INDEX habits_name_key")
        .instead(sets_name, async |request, upstream| match is_taken(&request, upstream).await? {
            true => upstream.problem(&request, 409, "The name is taken.").await,
            false => {
                tokio::time::sleep(race::WINDOW).await;
                upstream.send(request).await
            }
        }),
        wrong(
            "names-in-one-case-are-looked-up-first",
            trips,
            "The unique index is case-sensitive; the server checks the letter case before it inserts.",
        )
        .alter_tables("DROP INDEX habits_name_key; CREATE UNIQUE INDEX habits_name_key ON habits (user_id, name)")
        .instead(sets_name, async |request, upstream| match is_taken(&request, upstream).await? {
            true => upstream.problem(&request, 409, "The name is taken.").await,
            false => {
                tokio::time::sleep(race::WINDOW).await;
                upstream.send(request).await
            }
        }),
    ]
}

fn renamed() -> Vec<Sabotage> {
    let trips = &["3.rename-taken"];
    let on_conflict = |name, breaks, change: fn(&mut Response)| {
        wrong(name, trips, breaks).response(patches, move |_, response| {
            if response.status() == 409 {
                change(response)
            }
        })
    };
    let turn = Mutex::new(());
    vec![
        on_conflict("rename-to-taken-answers-500", "PATCH to a taken name answers 500.", |response| {
            response.set_problem(500, "Something went wrong.")
        }),
        on_conflict("rename-to-taken-answers-400", "PATCH to a taken name answers 400.", |response| {
            response.set_problem(400, "The name is taken.")
        }),
        on_conflict("rename-to-taken-is-no-problem", "The 409 of PATCH is not problem details.", |response| {
            response.set_plain_error(409, "taken")
        }),
        wrong("rename-is-not-compared", trips, "PATCH can give a habit a taken name.")
            .alter_tables("DROP INDEX habits_name_key")
            .instead(
                |request| creates(request) || imports(request),
                async move |request, upstream| {
                    // One request at a time, so that there is no race condition.
                    let _turn = turn.lock().await;
                    match is_taken(&request, upstream).await? {
                        true => upstream.problem(&request, 409, "The name is taken.").await,
                        false => upstream.send(request).await,
                    }
                },
            ),
        wrong("rename-to-taken-changes-the-rest", trips, "PATCH to a taken name answers 409 and changes the other fields.")
            .instead(patches, async |request, upstream| {
                let response = upstream.send(request.clone()).await?;
                if response.status() == 409 {
                    let mut rest = request;
                    rest.edit(|fields| drop(fields.remove("name")));
                    upstream.send(rest).await?;
                }
                Ok(response)
            }),
        wrong("rename-to-taken-completes", trips, "PATCH to a taken name answers 409 and completes the habit.").instead(
            patches,
            async |request, upstream| {
                let response = upstream.send(request.clone()).await?;
                if response.status() == 409 {
                    let mut rest = request;
                    rest.edit(|fields| fields.retain(|field, _| field == "completed_today"));
                    upstream.send(rest).await?;
                }
                Ok(response)
            },
        ),
        wrong("own-name-is-taken", trips, "A habit cannot change the letter case of its own name.").instead(
            patches,
            async |request, upstream| {
                let own = match request.field("name") {
                    Some(Value::String(name)) => habit_by_name(name.trim(), upstream).await? == request.id(),
                    _ => false,
                };
                match own {
                    true => upstream.problem(&request, 409, "The name is taken.").await,
                    false => upstream.send(request).await,
                }
            },
        ),
    ]
}

fn replaced() -> Vec<Sabotage> {
    let trips = &["3.put-taken"];
    vec![
        wrong("put-of-taken-answers-500", trips, "PUT to a taken name answers 500.").response(puts, |_, response| {
            if response.status() == 409 {
                response.set_problem(500, "Something went wrong.")
            }
        }),
        wrong("put-of-taken-answers-200", trips, "PUT to a taken name answers 200 and changes nothing.").instead(
            puts,
            async |request, upstream| {
                let response = upstream.send(request.clone()).await?;
                match response.status() {
                    409 => upstream.send(request.another(hyper::Method::GET, request.path(), None)).await,
                    _ => Ok(response),
                }
            },
        ),
        wrong("put-of-taken-changes-the-rest", trips, "PUT to a taken name answers 409 and replaces the other fields.").instead(
            puts,
            async |request, upstream| {
                let response = upstream.send(request.clone()).await?;
                if response.status() == 409 {
                    let rest = json!({
                        "description": request.field("description"),
                        "completed_today": request.field("completed_today").is_some_and(|completed| completed == true),
                    });
                    upstream.send(request.another(hyper::Method::PATCH, request.path(), Some(&rest))).await?;
                }
                Ok(response)
            },
        ),
    ]
}

fn freed() -> Vec<Sabotage> {
    let trips = &["3.name-free-again"];
    let reserve_names = |name, breaks, event: &str, when: &str| {
        wrong(name, trips, breaks).alter_tables(format!(
            "CREATE TABLE saboteur.names (user_id bigint, name text);
            CREATE FUNCTION saboteur.reserve() RETURNS trigger LANGUAGE plpgsql AS
                'BEGIN INSERT INTO saboteur.names VALUES (OLD.user_id, lower(OLD.name)); RETURN NULL; END';
            CREATE TRIGGER reserve AFTER {event} ON habits FOR EACH ROW {when} EXECUTE FUNCTION saboteur.reserve();
            CREATE FUNCTION saboteur.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF EXISTS (SELECT FROM saboteur.names AS taken WHERE taken.user_id = NEW.user_id AND taken.name = lower(NEW.name)) THEN
                    RAISE unique_violation USING CONSTRAINT = 'habits_name_key';
                END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER refuse BEFORE INSERT ON habits FOR EACH ROW EXECUTE FUNCTION saboteur.refuse()"
        ))
    };
    vec![
        reserve_names("deleted-habits-keep-their-names", "The name of a deleted habit stays taken.", "DELETE", ""),
        reserve_names(
            "renamed-habits-keep-their-names",
            "The former name of a renamed habit stays taken.",
            "UPDATE OF name",
            "WHEN (lower(OLD.name) <> lower(NEW.name))",
        ),
    ]
}

fn sets_name(request: &Request) -> bool {
    creates(request) || imports(request) || ((patches(request) || puts(request)) && request.field("name").is_some())
}

/// The built-in user's habit with this name, in any letter case.
async fn habit_by_name(name: &str, upstream: &Upstream) -> Result<Option<i64>, ConnectionLost> {
    let find = format!("SELECT id FROM habits WHERE user_id = 0 AND lower(name) = lower({})", quote_literal(name));
    let found: Vec<(i64,)> = upstream.database().rows(&find).await?;
    Ok(found.first().map(|(id,)| *id))
}

/// Whether another habit has a name in the request, or the request has a name twice.
async fn is_taken(request: &Request, upstream: &Upstream) -> Result<bool, ConnectionLost> {
    let mut names = match imports(request) {
        true => request.items().iter().filter_map(|item| Some(item["name"].as_str()?.trim().to_owned())).collect(),
        false => vec![request.text("name").trim().to_owned()],
    };
    for name in &names {
        if habit_by_name(name, upstream).await?.is_some_and(|other| Some(other) != request.id()) {
            return Ok(true);
        }
    }
    let count = names.len();
    names.iter_mut().for_each(|name| name.make_ascii_lowercase());
    names.sort_unstable();
    names.dedup();
    Ok(names.len() < count)
}
