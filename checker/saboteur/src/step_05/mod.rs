//! Wrong servers for step 5: loose shapes, input that is trusted, and a database whose end is the server's.

mod aftermath;
mod causes;
mod controls;
mod cors;
mod dates;
mod headers;
mod injection;
mod limiter;
mod limits;
mod odd;
mod outage;
mod parameters;
mod paths;
mod rates;
mod recovery;
mod shapes;
mod timeouts;
mod types;

use serde_json::{Map, Value};

use crate::message::{Answer, Request, creates, patches, puts};
use crate::sabotage::Sabotage;
use crate::step_03::imports;
use crate::step_04::{logs_in, signs_up};

/// The sabotages of step 5.
pub fn sabotages() -> Vec<Sabotage> {
    let parts = [
        shapes::sabotages(),
        types::sabotages(),
        controls::sabotages(),
        dates::sabotages(),
        paths::sabotages(),
        limits::sabotages(),
        odd::sabotages(),
        aftermath::sabotages(),
        injection::sabotages(),
        parameters::sabotages(),
        outage::sabotages(),
        causes::sabotages(),
        recovery::sabotages(),
        timeouts::sabotages(),
        headers::sabotages(),
        cors::sabotages(),
        rates::sabotages(),
    ];
    parts.into_iter().flatten().collect()
}

fn wrong(name: &'static str, trips: &'static [&'static str], breaks: &'static str) -> Sabotage {
    Sabotage::new(5, name, trips, breaks)
}

/// Whether a request writes one habit.
fn writes_habit(request: &Request) -> bool {
    creates(request) || patches(request) || puts(request)
}

/// Whether a request has a body under the contract, the extras of step 4 apart.
fn has_body(request: &Request) -> bool {
    writes_habit(request) || imports(request) || signs_up(request) || logs_in(request)
}

/// The JSON objects of a body: the one it is, or those it lists.
fn objects(request: &Request) -> Vec<Map<String, Value>> {
    match serde_json::from_slice(&request.body) {
        Ok(Value::Object(fields)) => vec![fields],
        Ok(Value::Array(items)) => items.into_iter().filter_map(|item| item.as_object().cloned()).collect(),
        _ => Vec::new(),
    }
}

/// Changes the JSON objects of a body. One that stays the same stays so byte for byte.
fn edit_objects(request: &mut Request, change: impl FnMut(&mut Map<String, Value>)) {
    let Ok(before) = serde_json::from_slice::<Value>(&request.body) else { return };
    let mut after = before.clone();
    match &mut after {
        Value::Object(fields) => std::iter::once(fields).for_each(change),
        Value::Array(items) => items.iter_mut().filter_map(Value::as_object_mut).for_each(change),
        _ => {}
    }
    if after != before {
        request.set_json(&after);
    }
}

/// Changes one text field of the JSON objects of a body.
fn edit_texts(request: &mut Request, field: &str, change: impl Fn(&str) -> String) {
    edit_objects(request, |object| {
        if let Some(Value::String(text)) = object.get_mut(field) {
            *text = change(text);
        }
    });
}

/// Whether a field of the JSON objects of a body is like this.
fn any_field(request: &Request, field: &str, is_meant: impl Fn(&Value) -> bool) -> bool {
    objects(request).iter().any(|object| object.get(field).is_some_and(&is_meant))
}

/// Changes what problem details say of each field: its name.
fn rename_fields(answer: &mut Answer, rename: impl Fn(&str) -> String) {
    answer.edit(|problem| {
        for error in problem["errors"].as_array_mut().into_iter().flatten() {
            if let Some(name) = error["field"].as_str().map(&rename) {
                error["field"] = name.into();
            }
        }
    });
}

/// Names no field.
fn without_errors(answer: &mut Answer) {
    answer.edit(|problem| drop(problem.as_object_mut().map(|fields| fields.remove("errors"))));
}
