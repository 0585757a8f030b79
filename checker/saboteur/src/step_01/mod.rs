//! Wrong servers for step 1: what people really write on their first day.

mod changing;
mod creating;
mod offering;
mod reading;
mod removing;
mod text;

use hyper::Method;
use serde_json::{Map, Value};

use crate::message::Request;
use crate::sabotage::Sabotage;
use crate::upstream::{Lost, Upstream};

/// The sabotages of step 1.
pub fn sabotages() -> Vec<Sabotage> {
    let parts =
        [creating::sabotages(), reading::sabotages(), changing::sabotages(), removing::sabotages(), offering::sabotages()];
    parts.into_iter().flatten().chain(text::sabotages()).collect()
}

fn wrong(name: &'static str, trips: &'static [&'static str], breaks: &'static str) -> Sabotage {
    Sabotage::new(1, name, trips, breaks)
}

/// The habit in the path, or null.
async fn read(request: &Request, server: &Upstream) -> Result<Value, Lost> {
    let answer = server.send(request.another(Method::GET, request.path(), None)).await?;
    Ok(answer.json().filter(|_| answer.is_success()).unwrap_or_default())
}

fn change(fields: &mut Map<String, Value>, field: &str, change: impl FnOnce(&Value) -> Value) {
    if let Some(value) = fields.get_mut(field) {
        *value = change(value);
    }
}

fn change_text(fields: &mut Map<String, Value>, field: &str, make: impl FnOnce(&str) -> String) {
    change(fields, field, |value| value.as_str().map_or(Value::Null, |text| make(text).into()));
}

fn edit_text(request: &mut Request, field: &str, make: impl FnOnce(&str) -> String) {
    if let Some(Value::String(text)) = request.field(field) {
        request.set_field(field, make(&text));
    }
}
