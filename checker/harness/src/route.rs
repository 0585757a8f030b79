//! A route of the contract that works on habits or on the user: what is checked of all of them is checked of these descriptions.

use serde_json::Value;

use model::Request;

/// A method of a route.
#[derive(Debug)]
pub struct Route {
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

/// A route without a body.
pub const fn route(method: &'static str, path: &'static str) -> Route {
    Route { method, path, stretch: false, body: None }
}

impl Route {
    /// With a body, made from the name of a habit.
    pub const fn sending(self, body: fn(&str) -> Value) -> Route {
        Route { body: Some(body), ..self }
    }

    /// The route is extra.
    pub const fn stretch(self) -> Route {
        Route { stretch: true, ..self }
    }

    /// Where it stands among all routes: what deletes comes last, the inner thing before the outer one, so that each route finds
    /// something.
    pub(crate) fn rank(&self) -> (bool, usize) {
        let deletes = self.method == "DELETE";
        (deletes, if deletes { usize::MAX - self.path.len() } else { 0 })
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
    use serde_json::json;

    use super::*;

    #[test]
    fn parameters_are_filled_in() {
        let route = route("PUT", "/habits/{id}/completions/{date}").sending(|name| json!({ "name": name }));
        let request = route.request("/v1", Filling { id: "7", date: "2026-01-31", name: "read" });
        assert_eq!((request.method.as_str(), request.path.as_str()), ("PUT", "/v1/habits/7/completions/2026-01-31"));
        assert_eq!(request.body.as_deref(), Some(&br#"{"name":"read"}"#[..]));
    }

    #[test]
    fn what_deletes_comes_last_and_the_outer_thing_after_the_inner_one() {
        let mut routes =
            [route("DELETE", "/a/{id}"), route("GET", "/a"), route("DELETE", "/a/{id}/b/{date}"), route("POST", "/a")];
        routes.sort_by_key(Route::rank);
        let paths = routes.map(|route| (route.method, route.path));
        assert_eq!(paths, [("GET", "/a"), ("POST", "/a"), ("DELETE", "/a/{id}/b/{date}"), ("DELETE", "/a/{id}")]);
    }
}
