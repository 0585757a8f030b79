//! Every request body of the contract, with invalid values for each field.

use serde_json::{Value, json};

use super::has_put;
use harness::api::Api;
use harness::habit::Habit;
use model::{Outcome, Request};

/// The kind of data in a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A name of a habit or a user.
    Name,
    /// A multi-line text.
    Description,
    /// A boolean.
    Flag,
    /// A list of dates.
    Dates,
    /// An e-mail address.
    Email,
    /// A password.
    Password,
}

/// A route with a valid request body.
pub struct Shape {
    method: &'static str,
    /// The path.
    pub path: String,
    body: Value,
    /// The prefix of a field's name in an error: the index in the array of an import.
    pub prefix: &'static str,
    /// The fields.
    pub fields: &'static [(&'static str, Kind)],
}

const HABIT: &[(&str, Kind)] = &[("name", Kind::Name), ("description", Kind::Description)];
const CHANGES: &[(&str, Kind)] = &[("name", Kind::Name), ("description", Kind::Description), ("completed_today", Kind::Flag)];
const IMPORTED: &[(&str, Kind)] = &[("name", Kind::Name), ("description", Kind::Description), ("completions", Kind::Dates)];
const SIGNUP: &[(&str, Kind)] = &[("email", Kind::Email), ("password", Kind::Password), ("name", Kind::Name)];
const LOGIN: &[(&str, Kind)] = &[("email", Kind::Email), ("password", Kind::Password)];

/// Every route with a body, for this habit. The login is that of an unknown user.
pub async fn shapes(api: &Api, habit: &Habit) -> Outcome<Vec<Shape>> {
    let (name, description, password) = (api.data.name(), api.data.description(), api.data.token(16));
    let described = json!({ "name": name, "description": description });
    let changes = json!({ "name": name, "description": description, "completed_today": true });
    let import = json!([{ "name": name, "description": description, "completions": ["2024-02-29"] }]);
    let login = json!({ "email": api.email(), "password": password });
    let signup = json!({ "email": api.email(), "password": password, "name": name });
    let shape = |method, path: &str, body, fields| Shape { method, path: path.into(), body, prefix: "", fields };
    let mut shapes = vec![
        shape("POST", "/habits", described, HABIT),
        shape("PATCH", &habit.path(), changes.clone(), CHANGES),
        Shape { prefix: "0.", ..shape("POST", "/habits/import", import, IMPORTED) },
        shape("POST", "/auth/signup", signup, SIGNUP),
        shape("POST", "/auth/login", login, LOGIN),
    ];
    if has_put(api, habit).await? {
        shapes.push(shape("PUT", &habit.path(), changes, CHANGES));
    }
    Ok(shapes)
}

impl Shape {
    /// The request with one field added or changed.
    pub fn with(&self, field: &str, value: Value) -> Request {
        let mut body = self.body.clone();
        let object = if body.is_array() { &mut body[0] } else { &mut body };
        object[field] = value;
        Request::new(self.method, &self.path).json(&body)
    }

    /// The request with this text as its body.
    pub fn with_body(&self, body: String) -> Request {
        Request::new(self.method, &self.path).header("content-type", "application/json").body(body)
    }

    /// JSON values of a wrong type for the whole body, or for an element of an import.
    pub fn wrong_types(&self) -> Vec<Value> {
        match self.body.is_array() {
            true => vec![json!({}), json!("text"), json!([null]), json!([[]]), json!(["text"])],
            false => vec![json!([]), json!("text"), json!(7), json!(null)],
        }
    }

    /// The valid body.
    pub fn body(&self) -> &Value {
        &self.body
    }

    /// The field's name in an error.
    pub fn error_field(&self, field: &str) -> String {
        format!("{}{field}", self.prefix)
    }
}

impl Kind {
    /// JSON values of a wrong type.
    pub fn wrong_types(self) -> Vec<Value> {
        match self {
            Kind::Name | Kind::Description | Kind::Email => {
                vec![json!(7), json!(true), json!(["a@example.com"]), json!({ "a": 1 })]
            }
            Kind::Password => vec![json!(123_456_789), json!(true), json!(["password1"]), json!({ "a": 1 })],
            Kind::Flag => vec![json!("true"), json!(1), json!([]), json!({})],
            Kind::Dates => vec![json!("2024-02-29"), json!(7), json!({ "0": "2024-02-29" }), json!([7]), json!([["2024-02-29"]])],
        }
    }
}
