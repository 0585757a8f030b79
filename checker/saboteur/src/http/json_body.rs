//! JSON bodies of requests: reads and changes their fields.

use hyper::header::CONTENT_LENGTH;
use serde_json::{Map, Value};

use super::request::Request;

impl Request {
    /// The body as a JSON object.
    pub fn json(&self) -> Option<Map<String, Value>> {
        serde_json::from_slice(&self.body).ok()
    }

    /// Replaces the body.
    pub fn set_json(&mut self, body: &Value) {
        self.body = body.to_string().into();
        self.head.headers.insert(CONTENT_LENGTH, self.body.len().into());
    }

    /// Changes the body, if it is a JSON object.
    pub fn edit(&mut self, change: impl FnOnce(&mut Map<String, Value>)) {
        if let Some(mut fields) = self.json() {
            change(&mut fields);
            self.set_json(&Value::Object(fields));
        }
    }

    /// A field of the body; `None` if it was not sent.
    pub fn field(&self, name: &str) -> Option<Value> {
        self.json()?.remove(name)
    }

    /// A string field of the body; empty if it is missing or has another type.
    pub fn text(&self, name: &str) -> String {
        self.field(name).and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
    }

    /// Sets one field of the body.
    pub fn set_field(&mut self, name: &str, value: impl Into<Value>) {
        self.edit(|fields| drop(fields.insert(name.to_owned(), value.into())));
    }

    /// The items of a body that is an array.
    pub fn items(&self) -> Vec<Value> {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Changes the items of a body that is an array.
    pub fn edit_items(&mut self, change: impl FnOnce(&mut Vec<Value>)) {
        if let Ok(mut items) = serde_json::from_slice::<Vec<Value>>(&self.body) {
            change(&mut items);
            self.set_json(&Value::Array(items));
        }
    }

    /// The JSON objects of the body: the one it is, or those in its array.
    pub fn objects(&self) -> Vec<Map<String, Value>> {
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(fields)) => vec![fields],
            Ok(Value::Array(items)) => items.into_iter().filter_map(|item| item.as_object().cloned()).collect(),
            _ => Vec::new(),
        }
    }

    /// Changes the JSON objects of the body. If none of them changes, the body stays the same byte for byte.
    pub fn edit_objects(&mut self, change: impl FnMut(&mut Map<String, Value>)) {
        let Ok(before) = serde_json::from_slice::<Value>(&self.body) else { return };
        let mut after = before.clone();
        match &mut after {
            Value::Object(fields) => std::iter::once(fields).for_each(change),
            Value::Array(items) => items.iter_mut().filter_map(Value::as_object_mut).for_each(change),
            _ => {}
        }
        if after != before {
            self.set_json(&after);
        }
    }

    /// Changes a string field of the JSON objects of the body.
    pub fn edit_texts(&mut self, field: &str, change: impl Fn(&str) -> String) {
        self.edit_objects(|object| {
            if let Some(Value::String(text)) = object.get_mut(field) {
                *text = change(text);
            }
        });
    }

    /// Whether any JSON object of the body has a field with such a value.
    pub fn any_field(&self, field: &str, is_such: impl Fn(&Value) -> bool) -> bool {
        self.objects().iter().any(|object| object.get(field).is_some_and(&is_such))
    }
}
