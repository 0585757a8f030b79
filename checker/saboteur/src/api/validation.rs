//! Loosens or tightens the upstream server's validation by replacing values on their way.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use serde_json::{Value, json};

use super::routes::any;
use crate::http::{Request, Response};
use crate::sabotage::Sabotage;

impl Sabotage {
    /// Accepts values that the upstream server rejects. If `shown` returns a value for the one that was sent, the upstream server
    /// stores a placeholder, and every response shows that value instead of it.
    pub fn accepts(
        self,
        when: impl Fn(&Request) -> bool + 'static,
        field: &'static str,
        shown: impl Fn(Option<&Value>) -> Option<Value> + 'static,
    ) -> Self {
        let placeholders: Rc<RefCell<HashMap<String, Value>>> = Rc::default();
        let known = placeholders.clone();
        let replace = move |request: &mut Request| {
            if request.json().is_none() {
                return;
            }
            if let Some(value) = shown(request.field(field).as_ref()) {
                let mut placeholders = placeholders.borrow_mut();
                let placeholder = format!("placeholder {}", placeholders.len());
                request.set_field(field, placeholder.clone());
                placeholders.insert(placeholder, value);
            }
        };
        let restore = move |_: &Request, response: &mut Response| {
            response.edit_habits(|habit| {
                if let Some(placeholder) = habit.get(field).and_then(Value::as_str)
                    && let Some(value) = known.borrow().get(placeholder)
                {
                    habit.insert(field.to_owned(), value.clone());
                }
            });
        };
        self.request(when, replace).response(any, restore)
    }

    /// Rejects values that the upstream server accepts, with that server's own response to an invalid value.
    pub fn rejects(
        self,
        when: impl Fn(&Request) -> bool + 'static,
        field: &'static str,
        is_rejected: impl Fn(&Value) -> bool + 'static,
    ) -> Self {
        let invalidate = move |request: &mut Request| {
            if request.field(field).is_some_and(|value| is_rejected(&value)) {
                // The right type, and too long for any field.
                request.set_field(field, json!("x".repeat(1000)));
            }
        };
        self.request(when, invalidate)
    }
}
