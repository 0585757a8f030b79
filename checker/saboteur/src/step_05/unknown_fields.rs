//! Fields that are not in the contract, and get past.

use serde_json::Value;

use crate::api::routes::{creates, has_body, imports, logs_in, patches, puts, signs_up};
use crate::http::Request;
use crate::sabotage::{Sabotage, wrong};

const TRIPS: &[&str] = &["5.unknown-field"];

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [ignored(), told(), done()].into_iter().flatten().collect()
}

fn ignored() -> Vec<Sabotage> {
    let on =
        |name, breaks, when: fn(&Request) -> bool| wrong(name, TRIPS, breaks).request(when, |request| clean(request, any_value));
    let these = |name, breaks, is_ignored: fn(&str, &Value) -> bool| {
        wrong(name, TRIPS, breaks).request(has_body, move |request| clean(request, is_ignored))
    };
    vec![
        on("unknown-fields-are-ignored", "Fields that are not in the contract are ignored.", has_body),
        on("post-ignores-unknown-fields", "POST /habits alone ignores fields that are not in the contract.", creates),
        on("patch-ignores-unknown-fields", "PATCH alone ignores fields that are not in the contract.", patches),
        on("put-ignores-unknown-fields", "PUT alone ignores fields that are not in the contract.", puts),
        on("import-ignores-unknown-fields", "An import alone ignores fields that are not in the contract.", imports),
        on("signup-ignores-unknown-fields", "A signup alone ignores fields that are not in the contract.", signs_up),
        on("login-ignores-unknown-fields", "A login alone ignores fields that are not in the contract.", logs_in),
        these("unknown-null-is-ignored", "A field that is not in the contract is ignored where it is null.", |_, value| {
            value.is_null()
        }),
        these("columns-are-ignored", "user_id and role, which are columns of the tables, are ignored in a body.", |field, _| {
            ["user_id", "role"].contains(&field)
        }),
    ]
}

fn told() -> Vec<Sabotage> {
    vec![
        wrong("unknown-field-is-not-named", TRIPS, "The refusal of a field that is not in the contract has no errors.")
            .response(has_unknown, |_, response| response.remove_errors()),
        wrong(
            "unknown-field-blames-the-body",
            TRIPS,
            "The refusal of a field that is not in the contract names the field \"body\".",
        )
        .response(has_unknown, |_, response| response.rename_error_fields(|_| "body".into())),
        wrong(
            "unknown-field-has-no-place",
            TRIPS,
            "The refusal of a field that is not in the contract does not say which habit of an import has it.",
        )
        .response(
            |request| imports(request) && has_unknown(request),
            |_, response| response.rename_error_fields(|name| name.split('.').next_back().unwrap_or(name).into()),
        ),
        wrong(
            "unknown-field-answers-500",
            &["5.unknown-field", "5.malformed"],
            "A field that is not in the contract answers 500.",
        )
        .response(has_unknown, |_, response| response.set_problem(500, "Something went wrong.")),
    ]
}

fn done() -> Vec<Sabotage> {
    let all_the_same = |name, breaks, when: fn(&Request) -> bool| {
        wrong(name, TRIPS, breaks).instead(
            move |request| when(request) && has_unknown(request),
            async |request, upstream| {
                let mut known = request.clone();
                clean(&mut known, any_value);
                upstream.send(known).await?;
                upstream.send(request).await
            },
        )
    };
    vec![
        all_the_same(
            "habit-with-an-unknown-field-is-stored",
            "A new habit with a field too many is refused, and stored.",
            creates,
        ),
        all_the_same(
            "import-with-an-unknown-field-is-stored",
            "An import with a field too many is refused, and stored.",
            imports,
        ),
        all_the_same("patch-with-an-unknown-field-is-done", "PATCH with a field too many is refused, and done.", patches),
        all_the_same(
            "signup-with-an-unknown-field-is-stored",
            "A signup with a field too many is refused, and stored.",
            signs_up,
        ),
    ]
}

/// Drops those fields of a body that are not in the contract and are like this.
fn clean(request: &mut Request, is_dropped: impl Fn(&str, &Value) -> bool) {
    let known = known(request);
    request.edit_objects(|object| object.retain(|field, value| known.contains(&field.as_str()) || !is_dropped(field, value)));
}

fn any_value(_: &str, _: &Value) -> bool {
    true
}

fn has_unknown(request: &Request) -> bool {
    let known = known(request);
    has_body(request) && request.objects().iter().any(|object| object.keys().any(|field| !known.contains(&field.as_str())))
}

/// The fields of the contract.
fn known(request: &Request) -> &'static [&'static str] {
    match () {
        () if creates(request) => &["name", "description"],
        () if imports(request) => &["name", "description", "completions"],
        () if signs_up(request) => &["email", "password", "name"],
        () if logs_in(request) => &["email", "password"],
        () => &["name", "description", "completed_today"],
    }
}
