//! A route of the contract that works on habits or on the user: a check of all routes iterates over such descriptions.

use serde_json::Value;

use model::Request;

/// A method and a path.
#[derive(Debug)]
pub struct Route {
    /// The HTTP method, such as `GET`.
    pub method: &'static str,
    /// The path template, with the parameters `{id}` and `{date}`.
    pub path: &'static str,
    /// Whether the route is a stretch goal.
    pub stretch: bool,
    /// Whether it comes after the routes that are not so marked.
    pub is_last: bool,
    body: Option<fn(&str) -> Value>,
}

/// The values for the path parameters and the body of a request.
#[derive(Debug, Clone, Copy)]
pub struct Values<'a> {
    /// The value of `{id}`.
    pub id: &'a str,
    /// The value of `{date}`.
    pub date: &'a str,
    /// The habit's name in the body.
    pub name: &'a str,
}

/// A route without a body.
pub const fn route(method: &'static str, path: &'static str) -> Route {
    Route { method, path, stretch: false, is_last: false, body: None }
}

impl Route {
    /// With a body, made from the name of a habit.
    pub const fn with_body(self, body: fn(&str) -> Value) -> Route {
        Route { body: Some(body), ..self }
    }

    /// The route is extra.
    pub const fn stretch(self) -> Route {
        Route { stretch: true, ..self }
    }

    /// The other routes need what it deletes, so it comes after them.
    pub const fn last(self) -> Route {
        Route { is_last: true, ..self }
    }

    /// Whether the route works on a single habit.
    pub fn has_habit_id(&self) -> bool {
        self.path.contains("{id}")
    }

    /// A request to this route below `prefix`, which is empty or a path such as `/v1`.
    pub fn request(&self, prefix: &str, values: Values<'_>) -> Request {
        let path = self.path.replace("{id}", values.id).replace("{date}", values.date);
        let request = Request::new(self.method, format!("{prefix}{path}"));
        match self.body {
            Some(body) => request.json(&body(values.name)),
            None => request,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_request_has_values_in_place_of_the_parameters() {
        let route = route("PUT", "/habits/{id}/completions/{date}").with_body(|name| json!({ "name": name }));
        let request = route.request("/v1", Values { id: "7", date: "2026-01-31", name: "read" });
        assert_eq!((request.method.as_str(), request.path.as_str()), ("PUT", "/v1/habits/7/completions/2026-01-31"));
        assert_eq!(request.body.as_deref(), Some(&br#"{"name":"read"}"#[..]));
    }
}
