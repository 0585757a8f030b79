//! Every body of the contract, with what each of its fields must not be.

use serde_json::{Value, json};

use super::has_put;
use harness::api::Api;
use harness::habit::Habit;
use model::{Outcome, Request};

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A name of a habit or a user.
    Name,
    /// A text of several lines.
    Description,
    /// True or false.
    Flag,
    /// A list of dates.
    Dates,
    /// An e-mail address.
    Email,
    /// A password.
    Password,
}

/// A route with a body that it takes.
pub struct Shape {
    method: &'static str,
    /// The path.
    pub path: String,
    body: Value,
    /// What stands before a field's name in an error: the place in an array.
    pub prefix: &'static str,
    /// The fields.
    pub fields: &'static [(&'static str, Kind)],
}

const HABIT: &[(&str, Kind)] = &[("name", Kind::Name), ("description", Kind::Description)];
const CHANGES: &[(&str, Kind)] = &[("name", Kind::Name), ("description", Kind::Description), ("completed_today", Kind::Flag)];
const IMPORTED: &[(&str, Kind)] = &[("name", Kind::Name), ("description", Kind::Description), ("completions", Kind::Dates)];
const SIGNUP: &[(&str, Kind)] = &[("email", Kind::Email), ("password", Kind::Password), ("name", Kind::Name)];
const LOGIN: &[(&str, Kind)] = &[("email", Kind::Email), ("password", Kind::Password)];

/// Every route with a body, aimed at this habit. Whoever logs in there is nobody.
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
    /// The request with a field added or changed.
    pub fn with(&self, field: &str, value: Value) -> Request {
        let mut body = self.body.clone();
        let place = if body.is_array() { &mut body[0] } else { &mut body };
        place[field] = value;
        Request::new(self.method, &self.path).json(&body)
    }

    /// The request with this text in the place of its body.
    pub fn with_body(&self, body: String) -> Request {
        Request::new(self.method, &self.path).header("content-type", "application/json").body(body)
    }

    /// JSON of another type than the whole body, or than what an import lists.
    pub fn others(&self) -> Vec<Value> {
        match self.body.is_array() {
            true => vec![json!({}), json!("text"), json!([null]), json!([[]]), json!(["text"])],
            false => vec![json!([]), json!("text"), json!(7), json!(null)],
        }
    }

    /// A body that the route takes.
    pub fn body(&self) -> &Value {
        &self.body
    }

    /// How the field is called in an error.
    pub fn named(&self, field: &str) -> String {
        format!("{}{field}", self.prefix)
    }
}

impl Kind {
    /// JSON of another type.
    pub fn others(self) -> Vec<Value> {
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
