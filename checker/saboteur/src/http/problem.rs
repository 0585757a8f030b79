//! Problem details (RFC 9457): makes and changes error responses.

use hyper::Method;
use serde_json::{Value, json};

use super::request::Request;
use super::response::Response;
use super::upstream::{ConnectionLost, Upstream};

const MEDIA_TYPE: &str = "application/problem+json";

impl Response {
    /// Becomes problem details with this status code.
    pub fn set_problem(&mut self, status: u16, detail: &str) {
        self.set_status(status);
        let title = self.head.status.canonical_reason().unwrap_or("Error");
        self.set_json(MEDIA_TYPE, &json!({ "title": title, "status": status, "detail": detail }));
    }

    /// Replaces the status code, in the problem details too.
    pub fn set_problem_status(&mut self, status: u16) {
        if self.json().is_some() {
            self.set_status(status);
            self.edit_problem(|problem| problem["status"] = json!(status));
        } else {
            self.set_problem(status, "Something is wrong.");
        }
    }

    /// Changes the problem details, if there are any.
    pub fn edit_problem(&mut self, change: impl FnOnce(&mut Value)) {
        self.edit(|problem| {
            if problem.is_object() {
                change(problem)
            }
        });
    }

    /// Removes a member of the problem details.
    pub fn remove_problem_member(&mut self, name: &str) {
        self.edit(|problem| drop(problem.as_object_mut().map(|members| members.remove(name))));
    }

    /// Removes `errors`, the member that names the invalid fields.
    pub fn remove_errors(&mut self) {
        self.remove_problem_member("errors");
    }

    /// Renames the fields that `errors` names.
    pub fn rename_error_fields(&mut self, rename: impl Fn(&str) -> String) {
        self.edit_problem(|problem| {
            for error in problem.get_mut("errors").and_then(Value::as_array_mut).into_iter().flatten() {
                if let Some(name) = error["field"].as_str().map(&rename) {
                    error["field"] = name.into();
                }
            }
        });
    }
}

impl Upstream {
    /// A response with problem details. Its other headers are those of the upstream server's 404.
    pub async fn problem(&self, request: &Request, status: u16, detail: &str) -> Result<Response, ConnectionLost> {
        let mut response = self.send(request.another(Method::GET, "/no-such-route", None)).await?;
        response.set_problem(status, detail);
        Ok(response)
    }
}
