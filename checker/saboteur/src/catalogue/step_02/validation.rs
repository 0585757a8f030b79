//! Wrong validation of bodies: too lax, too strict, or with a wrong error response.

use hyper::Method;
use serde_json::{Value, json};

use crate::api::routes::{creates, patches, puts};
use crate::http::Request;
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [missing_names(), blank_names(), long_names(), name_types(), descriptions(), completed(), trimming(), put_validation()]
        .into_iter()
        .flatten()
        .collect()
}

fn missing_names() -> Vec<Sabotage> {
    let nameless = |request: &Request| creates(request) && request.json().is_some_and(|habit| !habit.contains_key("name"));
    let trips = &["2.name-missing"];
    vec![
        wrong("missing-name-is-accepted", trips, "A habit without a name is stored.")
            .accepts(creates, "name", |name| name.is_none().then(|| json!("unnamed"))),
        wrong("missing-name-answers-500", trips, "A missing name answers 500.")
            .response(nameless, |_, response| response.set_problem_status(500)),
        wrong("missing-name-is-not-named", trips, "The error response to a missing name lacks `errors`.")
            .response(nameless, |_, response| response.remove_errors()),
        wrong("missing-name-blames-the-body", trips, "The error response to a missing name names the field \"body\".").response(
            nameless,
            |_, response| {
                response.edit_problem(|problem| problem["errors"] = json!([{ "field": "body", "message": "is invalid" }]))
            },
        ),
        wrong("missing-name-says-nothing", trips, "The error response to a missing name names the field without a message.")
            .response(nameless, |_, response| response.edit_problem(|problem| problem["errors"] = json!([{ "field": "name" }]))),
        wrong("missing-name-is-stored", trips, "A habit without a name is rejected and stored anyway.").store_rejected(nameless),
        wrong("array-counts-as-a-habit", trips, "An array is read as the fields of a habit, in order.").request(
            creates,
            |request| {
                if let Ok(Value::Array(fields)) = serde_json::from_slice(&request.body) {
                    request.set_json(&json!({ "name": fields.first() }));
                }
            },
        ),
    ]
}

fn blank_names() -> Vec<Sabotage> {
    let blank_name = |request: &Request| request.field("name").as_ref().is_some_and(is_blank);
    let trips = &["2.name-blank"];
    vec![
        wrong("empty-name-is-accepted", trips, "POST stores an empty name.")
            .accepts(creates, "name", |name| same_if(name, |name| name == "")),
        wrong("patch-accepts-an-empty-name", trips, "PATCH stores an empty name.")
            .accepts(patches, "name", |name| same_if(name, |name| name == "")),
        wrong("spaces-are-a-name", trips, "A name that consists of spaces is stored.").accepts(
            creates_or_patches,
            "name",
            |name| same_if(name, |name| is_blank(name) && name != ""),
        ),
        wrong("unicode-spaces-are-a-name", trips, "A name that consists of white space outside ASCII is stored.").accepts(
            creates_or_patches,
            "name",
            |name| same_if(name, |name| is_blank(name) && name.as_str().is_some_and(|it| !it.trim_ascii().is_empty())),
        ),
        wrong("blank-name-is-stored", trips, "A blank name is rejected and stored anyway.")
            .store_rejected(move |request| creates(request) && blank_name(request)),
        wrong("refused-patch-is-half-done", trips, "PATCH rejects a blank name after it has changed the other fields.").instead(
            move |request| patches(request) && blank_name(request),
            async |request, upstream| {
                let mut rest = request.clone();
                rest.edit(|change| drop(change.remove("name")));
                upstream.send(rest).await?;
                upstream.send(request).await
            },
        ),
    ]
}

fn long_names() -> Vec<Sabotage> {
    let trips = &["2.name-long"];
    let both = &["2.name-long", "1.text-fidelity"];
    let too_long = |name: Option<&Value>| same_if(name, |name| trimmed_length(name) > 100);
    vec![
        wrong("long-name-is-accepted", trips, "POST stores a name of 101 characters.").accepts(creates, "name", too_long),
        wrong("patch-accepts-a-long-name", trips, "PATCH stores a name of 101 characters.").accepts(patches, "name", too_long),
        wrong("name-is-counted-in-signs", trips, "Names are counted in grapheme clusters instead of code points.").accepts(
            creates,
            "name",
            |name| {
                same_if(name, |name| name.as_str().is_some_and(|name| name.contains('\u{200d}')) && trimmed_length(name) > 100)
            },
        ),
        wrong("long-name-is-cut", trips, "A name of 101 characters is truncated to 100.").request(
            creates_or_patches,
            |request| {
                if let Some(Value::String(name)) = request.field("name") {
                    request.set_field("name", name.trim().chars().take(100).collect::<String>());
                }
            },
        ),
        wrong("name-of-100-is-refused", both, "A name of 100 characters is rejected.").rejects(
            creates_or_patches,
            "name",
            |name| trimmed_length(name) == 100,
        ),
        wrong("name-is-counted-in-bytes", both, "Names are counted in bytes.")
            .rejects(creates_or_patches, "name", |name| name.as_str().is_some_and(|name| name.trim().len() > 100)),
        wrong("name-is-counted-in-utf-16", both, "Names are counted in UTF-16 units.").rejects(
            creates_or_patches,
            "name",
            |name| name.as_str().is_some_and(|name| name.trim().encode_utf16().count() > 100),
        ),
        wrong("name-is-counted-before-trimming", trips, "Names are counted including the white space around them.").rejects(
            creates_or_patches,
            "name",
            |name| name.as_str().is_some_and(|name| name.chars().count() > 100),
        ),
    ]
}

fn name_types() -> Vec<Sabotage> {
    let has_wrong_type = |request: &Request| request.field("name").is_some_and(|name| !name.is_string() && !name.is_null());
    let (null, odd) = (&["2.name-null"], &["2.name-type"]);
    vec![
        wrong("null-name-is-stored", null, "POST stores null as a name.")
            .accepts(creates, "name", |name| same_if(name, Value::is_null)),
        wrong("null-name-is-text", null, "POST stores a null name as the string \"null\".").request(creates, |request| {
            if request.field("name") == Some(Value::Null) {
                request.set_field("name", "null");
            }
        }),
        wrong("patch-ignores-a-null-name", null, "PATCH treats a null name as \"not sent\".").request(patches, |request| {
            request.edit(|change| change.retain(|field, value| field != "name" || !value.is_null()));
        }),
        wrong("patch-stores-a-null-name", null, "PATCH stores null as a name.")
            .accepts(patches, "name", |name| same_if(name, Value::is_null)),
        wrong("null-name-is-not-named", null, "The error response to a null name lacks `errors`.").response(
            |request| request.field("name") == Some(Value::Null) && !puts(request),
            |_, response| response.remove_errors(),
        ),
        wrong("number-becomes-a-name", odd, "A name that is a number is stored as a string.").accepts(
            creates_or_patches,
            "name",
            |name| name.filter(|name| name.is_number()).map(|name| name.to_string().into()),
        ),
        wrong("number-is-a-name", odd, "A name that is a number is stored as a number.").accepts(
            creates_or_patches,
            "name",
            |name| same_if(name, Value::is_number),
        ),
        wrong("true-becomes-a-name", odd, "A name that is true is stored as the string \"true\".").accepts(
            creates_or_patches,
            "name",
            |name| name.filter(|name| name.is_boolean()).map(|name| name.to_string().into()),
        ),
        wrong("object-is-a-name", odd, "A name that is an object is stored.")
            .accepts(creates_or_patches, "name", |name| same_if(name, Value::is_object)),
        wrong("patch-accepts-any-name", odd, "PATCH stores a name of any type.")
            .accepts(patches, "name", |name| same_if(name, |name| !name.is_string() && !name.is_null())),
        wrong("odd-name-is-not-named", odd, "The error response to a name of the wrong type lacks `errors`.")
            .response(move |request| has_wrong_type(request) && !puts(request), |_, response| response.remove_errors()),
        wrong("odd-name-answers-500", odd, "A name of the wrong type answers 500.")
            .response(move |request| has_wrong_type(request) && !puts(request), |_, response| response.set_problem_status(500)),
    ]
}

fn descriptions() -> Vec<Sabotage> {
    let too_long = |text: Option<&Value>| same_if(text, |text| length(text) > 500);
    let (long, odd) = (&["2.description-long"], &["2.description-type"]);
    vec![
        wrong("long-description-is-accepted", long, "POST stores a description of 501 characters.").accepts(
            creates,
            "description",
            too_long,
        ),
        wrong("patch-accepts-a-long-description", long, "PATCH stores a description of 501 characters.").accepts(
            patches,
            "description",
            too_long,
        ),
        wrong("long-description-is-cut", long, "A description of 501 characters is truncated to 500.").request(
            creates_or_patches,
            |request| {
                if let Some(Value::String(text)) = request.field("description") {
                    request.set_field("description", text.chars().take(500).collect::<String>());
                }
            },
        ),
        wrong("description-of-500-is-refused", long, "A description of 500 characters is rejected.").rejects(
            creates_or_patches,
            "description",
            |text| length(text) == 500,
        ),
        wrong("description-is-counted-in-bytes", long, "Descriptions are counted in bytes.").rejects(
            creates_or_patches,
            "description",
            |text| text.as_str().is_some_and(|text| text.len() > 500),
        ),
        wrong("number-becomes-a-description", odd, "A description that is a number is stored as a string.").accepts(
            creates_or_patches,
            "description",
            |text| text.filter(|text| text.is_number()).map(|text| text.to_string().into()),
        ),
        wrong("array-is-a-description", odd, "A description that is an array is stored.").accepts(
            creates_or_patches,
            "description",
            |text| same_if(text, Value::is_array),
        ),
        wrong("false-is-no-description", odd, "A description that is false is treated as null.").request(
            creates_or_patches,
            |request| {
                if request.field("description") == Some(json!(false)) {
                    request.set_field("description", Value::Null);
                }
            },
        ),
        wrong("patch-accepts-any-description", odd, "PATCH stores a description of any type.").accepts(
            patches,
            "description",
            |text| same_if(text, |text| !text.is_string() && !text.is_null()),
        ),
        wrong("null-description-is-refused", odd, "POST rejects a null description.").rejects(
            creates,
            "description",
            Value::is_null,
        ),
    ]
}

fn completed() -> Vec<Sabotage> {
    let coerce_to = |name, breaks, coerce: fn(&Value) -> Option<Value>| {
        wrong(name, &["2.completed-type"], breaks).request(patches, move |request| {
            if let Some(value) = request.field("completed_today").as_ref().and_then(coerce) {
                request.set_field("completed_today", value);
            }
        })
    };
    let odd = |request: &Request| patches(request) && request.field("completed_today").is_some_and(|value| !value.is_boolean());
    vec![
        coerce_to("text-true-is-true", "The string \"true\" is treated as true.", |value| {
            (value == "true").then_some(json!(true))
        }),
        coerce_to("one-is-true", "The number 1 is treated as true.", |value| (*value == json!(1)).then_some(json!(true))),
        coerce_to("any-text-is-true", "Any other string is treated as true.", |value| {
            (value.is_string() && value != "true").then_some(json!(true))
        }),
        coerce_to("empty-array-is-false", "An empty array is treated as false.", |value| {
            (*value == json!([])).then_some(json!(false))
        }),
        wrong("null-completed-is-ignored", &["2.completed-type"], "PATCH treats a null completed_today as \"not sent\".")
            .request(patches, |request| {
                request.edit(|change| change.retain(|field, value| field != "completed_today" || !value.is_null()));
            }),
        wrong(
            "odd-completed-is-not-named",
            &["2.completed-type"],
            "The error response to a completed_today of the wrong type lacks `errors`.",
        )
        .response(odd, |_, response| response.remove_errors()),
    ]
}

fn trimming() -> Vec<Sabotage> {
    let trips = &["2.trimmed"];
    let untrimmed = |name: Option<&Value>, trim: fn(&str) -> &str| {
        let text = name?.as_str()?;
        let shown = trim(text);
        (!text.trim().is_empty() && shown != text.trim() && trimmed_length(&json!(text)) <= 100).then(|| json!(shown))
    };
    vec![
        wrong("name-is-not-trimmed", trips, "POST stores a name with the white space around it.").accepts(
            creates,
            "name",
            move |name| untrimmed(name, |text| text),
        ),
        wrong("patch-does-not-trim", trips, "PATCH stores a name with the white space around it.").accepts(
            patches,
            "name",
            move |name| untrimmed(name, |text| text),
        ),
        wrong("only-ascii-is-trimmed", trips, "White space outside ASCII around a name is kept.").accepts(
            creates_or_patches,
            "name",
            move |name| untrimmed(name, str::trim_ascii),
        ),
        wrong("only-the-start-is-trimmed", trips, "White space after a name is kept.").accepts(
            creates_or_patches,
            "name",
            move |name| untrimmed(name, str::trim_start),
        ),
        wrong("only-the-end-is-trimmed", trips, "White space before a name is kept.").accepts(
            creates_or_patches,
            "name",
            move |name| untrimmed(name, str::trim_end),
        ),
        wrong("only-the-answer-is-trimmed", trips, "POST and PATCH answer a trimmed name but store the untrimmed one.")
            .accepts(creates_or_patches, "name", move |name| untrimmed(name, |text| text))
            .response(creates_or_patches, |_, response| {
                response.edit_habits(|habit| {
                    if let Some(name) = habit["name"].as_str().map(|name| name.trim().to_owned()) {
                        habit.insert("name".into(), name.into());
                    }
                })
            }),
        wrong("inner-space-is-squeezed", trips, "White space inside a name is collapsed.").request(
            creates_or_patches,
            |request| {
                if let Some(Value::String(name)) = request.field("name").filter(|name| !is_blank(name)) {
                    request.set_field("name", name.split_whitespace().collect::<Vec<_>>().join(" "));
                }
            },
        ),
    ]
}

fn put_validation() -> Vec<Sabotage> {
    let trips = &["2.put-validates"];
    vec![
        wrong("put-accepts-a-blank-name", trips, "PUT stores a blank name.")
            .accepts(puts, "name", |name| same_if(name, is_blank)),
        wrong("put-accepts-a-long-name", trips, "PUT stores a name of 101 characters.")
            .accepts(puts, "name", |name| same_if(name, |name| trimmed_length(name) > 100)),
        wrong("put-accepts-any-name", trips, "PUT stores a name that is a number.")
            .accepts(puts, "name", |name| same_if(name, Value::is_number)),
        wrong("put-accepts-a-null-name", trips, "PUT stores null as a name.")
            .accepts(puts, "name", |name| same_if(name, Value::is_null)),
        wrong("put-accepts-a-missing-name", trips, "PUT stores a habit without a name.")
            .accepts(puts, "name", |name| name.is_none().then(|| json!("unnamed"))),
        wrong("put-accepts-a-long-description", trips, "PUT stores a description of 501 characters.").accepts(
            puts,
            "description",
            |text| same_if(text, |text| length(text) > 500),
        ),
        wrong("put-names-no-field", trips, "The error responses of PUT lack `errors`.")
            .response(puts, |_, response| response.remove_errors()),
        wrong("refused-put-is-stored", trips, "PUT rejects an invalid name after it has changed the other fields.").instead(
            puts,
            async |request, upstream| {
                let response = upstream.send(request.clone()).await?;
                if matches!(response.status(), 400 | 422) {
                    let reset = json!({ "name": "reset" });
                    upstream.send(request.another(Method::PUT, request.path(), Some(&reset))).await?;
                }
                Ok(response)
            },
        ),
    ]
}

impl Sabotage {
    /// Rejects the request as the upstream server does, but stores a habit anyway.
    fn store_rejected(self, when: impl Fn(&Request) -> bool + 'static) -> Self {
        self.instead(when, async |request, upstream| {
            upstream.send(request.another(Method::POST, "/habits", Some(&json!({ "name": "unnamed" })))).await?;
            upstream.send(request).await
        })
    }
}

/// The value itself, if it is one that a sabotage accepts.
fn same_if(value: Option<&Value>, accepted: impl Fn(&Value) -> bool) -> Option<Value> {
    value.filter(|value| accepted(value)).cloned()
}

fn is_blank(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.trim().is_empty())
}

fn trimmed_length(value: &Value) -> usize {
    value.as_str().map_or(0, |text| text.trim().chars().count())
}

fn creates_or_patches(request: &Request) -> bool {
    creates(request) || patches(request)
}

fn length(value: &Value) -> usize {
    value.as_str().map_or(0, |text| text.chars().count())
}
