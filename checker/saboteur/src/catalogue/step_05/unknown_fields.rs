//! Unknown fields that are ignored, or rejected in a wrong way.

use serde_json::Value;

use crate::api::routes::{creates, has_body, imports, logs_in, patches, puts, signs_up};
use crate::http::Request;
use crate::sabotage::{Sabotage, wrong};

const TRIPS: &[&str] = &["5.unknown-field"];

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [ignored(), error_responses(), side_effects()].into_iter().flatten().collect()
}

fn ignored() -> Vec<Sabotage> {
    let ignore_in = |name, breaks, when: fn(&Request) -> bool| {
        wrong(name, TRIPS, breaks).request(when, |request| drop_unknown(request, any_value))
    };
    let ignore_some = |name, breaks, is_ignored: fn(&str, &Value) -> bool| {
        wrong(name, TRIPS, breaks).request(has_body, move |request| drop_unknown(request, is_ignored))
    };
    vec![
        ignore_in("unknown-fields-are-ignored", "Unknown fields are ignored.", has_body),
        ignore_in("post-ignores-unknown-fields", "POST /habits ignores unknown fields.", creates),
        ignore_in("patch-ignores-unknown-fields", "PATCH ignores unknown fields.", patches),
        ignore_in("put-ignores-unknown-fields", "PUT ignores unknown fields.", puts),
        ignore_in("import-ignores-unknown-fields", "An import ignores unknown fields.", imports),
        ignore_in("signup-ignores-unknown-fields", "A signup ignores unknown fields.", signs_up),
        ignore_in("login-ignores-unknown-fields", "A login ignores unknown fields.", logs_in),
        ignore_some("unknown-null-is-ignored", "An unknown field is ignored if it is null.", |_, value| value.is_null()),
        ignore_some(
            "columns-are-ignored",
            "The unknown fields user_id and role are ignored because they are columns.",
            |field, _| ["user_id", "role"].contains(&field),
        ),
    ]
}

fn error_responses() -> Vec<Sabotage> {
    vec![
        wrong("unknown-field-is-not-named", TRIPS, "The error response to an unknown field lacks `errors`.")
            .response(has_unknown, |_, response| response.remove_errors()),
        wrong("unknown-field-blames-the-body", TRIPS, "The error response to an unknown field names the field \"body\".")
            .response(has_unknown, |_, response| response.rename_error_fields(|_| "body".into())),
        wrong(
            "unknown-field-has-no-place",
            TRIPS,
            "The error response to an unknown field in an import lacks the habit's index.",
        )
        .response(
            |request| imports(request) && has_unknown(request),
            |_, response| response.rename_error_fields(|name| name.split('.').next_back().unwrap_or(name).into()),
        ),
        wrong("unknown-field-answers-500", &["5.unknown-field", "5.malformed"], "An unknown field answers 500.")
            .response(has_unknown, |_, response| response.set_problem(500, "Something went wrong.")),
    ]
}

fn side_effects() -> Vec<Sabotage> {
    let apply_anyway = |name, breaks, when: fn(&Request) -> bool| {
        wrong(name, TRIPS, breaks).instead(
            move |request| when(request) && has_unknown(request),
            async |request, upstream| {
                let mut known = request.clone();
                drop_unknown(&mut known, any_value);
                upstream.send(known).await?;
                upstream.send(request).await
            },
        )
    };
    vec![
        apply_anyway(
            "habit-with-an-unknown-field-is-stored",
            "A new habit with an unknown field is rejected and stored anyway.",
            creates,
        ),
        apply_anyway(
            "import-with-an-unknown-field-is-stored",
            "An import with an unknown field is rejected and stored anyway.",
            imports,
        ),
        apply_anyway(
            "patch-with-an-unknown-field-is-done",
            "PATCH with an unknown field is rejected and applied anyway.",
            patches,
        ),
        apply_anyway(
            "signup-with-an-unknown-field-is-stored",
            "A signup with an unknown field is rejected and stored anyway.",
            signs_up,
        ),
    ]
}

/// Removes the unknown fields of a body for which `is_dropped` holds.
fn drop_unknown(request: &mut Request, is_dropped: impl Fn(&str, &Value) -> bool) {
    let known = known_fields(request);
    request.edit_objects(|object| object.retain(|field, value| known.contains(&field.as_str()) || !is_dropped(field, value)));
}

fn any_value(_: &str, _: &Value) -> bool {
    true
}

fn has_unknown(request: &Request) -> bool {
    let known = known_fields(request);
    has_body(request) && request.objects().iter().any(|object| object.keys().any(|field| !known.contains(&field.as_str())))
}

/// The fields that the contract allows.
fn known_fields(request: &Request) -> &'static [&'static str] {
    match () {
        () if creates(request) => &["name", "description"],
        () if imports(request) => &["name", "description", "completions"],
        () if signs_up(request) => &["email", "password", "name"],
        () if logs_in(request) => &["email", "password"],
        () => &["name", "description", "completed_today"],
    }
}
