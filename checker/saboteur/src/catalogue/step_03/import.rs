//! Wrong ways to import habits.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::api::routes::imports;
use crate::http::{Request, Response};
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [importing(), repeated()].into_iter().flatten().collect()
}

fn importing() -> Vec<Sabotage> {
    let trips = &["3.import"];
    let on_success = |name, breaks, change: fn(&mut Response)| {
        wrong(name, trips, breaks).response(imports, move |_, response| {
            if response.is_success() {
                change(response)
            }
        })
    };
    let edit_each = |name, breaks, change: fn(&mut Map<String, Value>)| {
        wrong(name, trips, breaks).request(imports, move |request| {
            request.edit_items(|items| items.iter_mut().filter_map(Value::as_object_mut).for_each(change))
        })
    };
    vec![
        on_success("import-answers-200", "An import answers 200.", |response| response.set_status(200)),
        on_success("import-answers-nothing", "An import answers 201 without a body.", |response| response.clear()),
        on_success("import-answers-a-count", "An import answers the number of habits it stored.", |response| {
            response.edit(|habits| *habits = json!({ "imported": habits.as_array().map_or(0, Vec::len) }))
        }),
        on_success("import-wraps-the-habits", "An import answers {\"habits\": …} instead of the array.", |response| {
            response.edit(|habits| *habits = json!({ "habits": habits }))
        }),
        on_success("import-answers-in-reverse", "An import answers the habits in reverse order.", |response| {
            response.edit_list(|list| list.reverse())
        }),
        on_success("import-answers-the-last-alone", "An import answers only the last habit.", |response| {
            response.edit_list(|list| drop(list.drain(..list.len().saturating_sub(1))))
        }),
        on_success("import-answers-no-streak", "An import always answers the streak 0.", |response| {
            response.edit_habits(|habit| drop(habit.insert("streak".into(), 0.into())))
        }),
        on_success("import-answers-no-completed-today", "An import always answers completed_today as false.", |response| {
            response.edit_habits(|habit| drop(habit.insert("completed_today".into(), false.into())))
        }),
        wrong("import-stores-in-reverse", trips, "The habits of an import are stored in reverse order.")
            .request(imports, |request| request.edit_items(|items| items.reverse()))
            .response(imports, |_, response| response.edit_list(|list| list.reverse())),
        edit_each("import-drops-completions", "An import stores no completions.", |habit| drop(habit.remove("completions"))),
        edit_each("import-drops-descriptions", "An import stores no descriptions.", |habit| drop(habit.remove("description"))),
        edit_each("import-keeps-one-completion", "An import stores only the first completion of a habit.", |habit| {
            if let Some(days) = habit.get_mut("completions").and_then(Value::as_array_mut) {
                days.truncate(1)
            }
        }),
        wrong("import-needs-completions", trips, "A habit without completions cannot be imported.").instead(
            imports,
            async |request, upstream| match request.items().iter().any(|item| item.get("completions").is_none()) {
                true => upstream.problem(&request, 400, "completions are missing").await,
                false => upstream.send(request).await,
            },
        ),
        edit_each("import-leaves-names-as-they-are", "An import does not trim names.", |habit| {
            if let Some(Value::String(name)) =
                habit.get("name").cloned().filter(|name| name.as_str() != name.as_str().map(str::trim))
            {
                habit.insert("name".into(), format!("\u{2060}{name}\u{2060}").into());
            }
        }),
    ]
}

fn repeated() -> Vec<Sabotage> {
    let trips = &["3.import-repeated-date"];
    let reject = |name, breaks, status| {
        wrong(name, trips, breaks).instead(imports, async move |request, upstream| match repeats_a_date(&request) {
            true => upstream.problem(&request, status, "The import cannot be stored.").await,
            false => upstream.send(request).await,
        })
    };
    vec![
        reject("repeated-date-answers-500", "An import with a repeated date answers 500.", 500),
        reject("repeated-date-answers-409", "An import with a repeated date answers 409.", 409),
        reject("repeated-date-answers-400", "An import with a repeated date answers 400.", 400),
        wrong("repeated-date-counts-twice", trips, "A repeated date counts twice in the streak that an import answers.")
            .response(imports, |request, response| {
                if response.is_success() && repeats_a_date(request) {
                    response.edit_habits(|habit| {
                        let streak = habit.get("streak").and_then(Value::as_i64).unwrap_or_default();
                        habit.insert("streak".into(), (streak + 1).into());
                    })
                }
            }),
        wrong("repeated-date-drops-the-rest", trips, "An import drops the dates of a habit that follow a repeated one.").request(
            |request| imports(request) && repeats_a_date(request),
            |request| {
                request.edit_items(|items| {
                    for days in items.iter_mut().filter_map(|item| item.get_mut("completions")?.as_array_mut()) {
                        let mut seen = BTreeSet::new();
                        let whole = days.iter().take_while(|day| seen.insert(day.to_string())).count();
                        days.truncate(whole);
                    }
                })
            },
        ),
    ]
}

fn repeats_a_date(request: &Request) -> bool {
    request.items().iter().filter_map(|item| item.get("completions")?.as_array().cloned()).any(|days| {
        let different: BTreeSet<String> = days.iter().map(Value::to_string).collect();
        different.len() < days.len()
    })
}
