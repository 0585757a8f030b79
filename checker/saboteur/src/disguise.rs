//! Gets values past the validation of the right server, or lets it refuse good ones, by changing them on their way.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use serde_json::{Value, json};

use crate::message::{Answer, Request, any};
use crate::sabotage::Sabotage;

impl Sabotage {
    /// Accepts what the right server refuses: where `shown` returns a value for what was sent, the right server stores a stand-in, and
    /// every answer shows that value in its place.
    pub fn accepts(
        self,
        when: impl Fn(&Request) -> bool + 'static,
        field: &'static str,
        shown: impl Fn(Option<&Value>) -> Option<Value> + 'static,
    ) -> Self {
        let disguises: Rc<RefCell<HashMap<String, Value>>> = Rc::default();
        let known = disguises.clone();
        let disguise = move |request: &mut Request| {
            if request.json().is_none() {
                return;
            }
            if let Some(value) = shown(request.field(field).as_ref()) {
                let mut disguises = disguises.borrow_mut();
                let stand_in = format!("stand-in {}", disguises.len());
                request.set_field(field, stand_in.clone());
                disguises.insert(stand_in, value);
            }
        };
        let unmask = move |_: &Request, answer: &mut Answer| {
            answer.edit_habits(|habit| {
                if let Some(stand_in) = habit.get(field).and_then(Value::as_str)
                    && let Some(value) = known.borrow().get(stand_in)
                {
                    habit.insert(field.to_owned(), value.clone());
                }
            });
        };
        self.request(when, disguise).answer(any, unmask)
    }

    /// Refuses values that the right server accepts, with its own answer to a value it refuses too.
    pub fn refuses(
        self,
        when: impl Fn(&Request) -> bool + 'static,
        field: &'static str,
        refused: impl Fn(&Value) -> bool + 'static,
    ) -> Self {
        let spoil = move |request: &mut Request| {
            if request.field(field).is_some_and(|value| refused(&value)) {
                // Too long for any field, and of the right type.
                request.set_field(field, json!("x".repeat(1000)));
            }
        };
        self.request(when, spoil)
    }
}
