//! Every route of the contract that works on habits or on the user: what is checked of all of them is checked of this table.

use serde_json::{Value, json};

use crate::probe::Request;

/// A method of a route.
#[derive(Debug)]
pub struct Route {
    /// The step that introduces it.
    pub step: u8,
    /// Such as `GET`.
    pub method: &'static str,
    /// With parameters in braces: `{id}` and `{date}`.
    pub path: &'static str,
    /// Whether it is extra.
    pub stretch: bool,
    body: Option<fn(&str) -> Value>,
}

/// What the parameters of a route and its body are.
#[derive(Debug, Clone, Copy)]
pub struct Filling<'a> {
    /// In the place of `{id}`.
    pub id: &'a str,
    /// In the place of `{date}`.
    pub date: &'a str,
    /// The name of a habit in the body.
    pub name: &'a str,
}

/// The routes.
pub const ROUTES: [Route; 12] = [
    route(1, "GET", "/habits"),
    route(1, "POST", "/habits").sending(|name| json!({ "name": name })),
    route(1, "GET", "/habits/{id}"),
    route(1, "PATCH", "/habits/{id}").sending(|name| json!({ "name": name, "completed_today": true })),
    route(1, "PUT", "/habits/{id}").sending(|name| json!({ "name": name })).stretch(),
    route(3, "GET", "/habits/{id}/completions"),
    route(3, "PUT", "/habits/{id}/completions/{date}"),
    route(3, "DELETE", "/habits/{id}/completions/{date}"),
    route(3, "POST", "/habits/import").sending(|name| json!([{ "name": name }])),
    route(4, "GET", "/me"),
    // What deletes comes last, so that there is something to find before.
    route(1, "DELETE", "/habits/{id}"),
    route(4, "DELETE", "/me"),
];

const fn route(step: u8, method: &'static str, path: &'static str) -> Route {
    Route { step, method, path, stretch: false, body: None }
}

impl Route {
    const fn sending(self, body: fn(&str) -> Value) -> Route {
        Route { body: Some(body), ..self }
    }

    const fn stretch(self) -> Route {
        Route { stretch: true, ..self }
    }

    /// Whether it works on one habit.
    pub fn is_of_a_habit(&self) -> bool {
        self.path.contains("{id}")
    }

    /// A request to it below `prefix`, which is empty or such as `/v1`.
    pub fn request(&self, prefix: &str, filling: Filling<'_>) -> Request {
        let path = self.path.replace("{id}", filling.id).replace("{date}", filling.date);
        let request = Request::new(self.method, format!("{prefix}{path}"));
        match self.body {
            Some(body) => request.json(&body(filling.name)),
            None => request,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_filled_in() {
        let filling = Filling { id: "7", date: "2026-01-31", name: "read" };
        let request = ROUTES[6].request("/v1", filling);
        assert_eq!((request.method.as_str(), request.path.as_str()), ("PUT", "/v1/habits/7/completions/2026-01-31"));
        assert!(ROUTES.iter().all(|route| !route.request("", filling).path.contains('{')));
    }
}
