//! Servers that answer whatever makes no sense as they should, and are not well afterwards.

use std::cell::Cell;
use std::rc::Rc;

use super::malformed::is_no_utf8;
use crate::api::routes::{any, creates, lists, reads};
use crate::http::{Request, Response};
use crate::sabotage::{Sabotage, wrong};

const TRIPS: &[&str] = &["5.malformed"];
/// How many bodies that are no UTF-8 a server stands. Fewer come in the checks of single fields.
const STANDS: u32 = 5;

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    vec![
        sick(
            "no-utf-8-empties-the-next-habit",
            "After some bodies that are no UTF-8, the next habit that is made and then read has lost its description.",
            |state, request, response| match state {
                State::Made(id) if reads(request) && request.id() == Some(id) => {
                    response.edit_habits(|habit| drop(habit.insert("description".into(), serde_json::Value::Null)));
                    State::Over
                }
                other => other,
            },
        ),
        sick(
            "no-utf-8-hides-the-next-habit",
            "After some bodies that are no UTF-8, the next habit that is made and then read is missing from the list.",
            |state, request, response| match state {
                State::Made(id) if reads(request) && request.id() == Some(id) => State::Read(id),
                State::Read(id) if lists(request) => {
                    response.edit_list(|habits| habits.retain(|habit| habit["id"].as_i64() != Some(id)));
                    State::Over
                }
                other => other,
            },
        ),
    ]
}

/// How far a server has come on its way through an illness.
#[derive(Clone, Copy)]
enum State {
    /// So many bodies that are no UTF-8 have come.
    Well(u32),
    /// It is ill.
    Ill,
    /// The newest habit since then.
    Made(i64),
    /// That habit was read.
    Read(i64),
    /// The illness has shown, once.
    Over,
}

/// A server that too many bodies that are no UTF-8 make ill; `shows` says how that shows, and when it is over.
fn sick(name: &'static str, breaks: &'static str, shows: impl Fn(State, &Request, &mut Response) -> State + 'static) -> Sabotage {
    let state = Rc::new(Cell::new(State::Well(0)));
    wrong(name, TRIPS, breaks).response(any, move |request, response| {
        let next = match (state.get(), response.id()) {
            (State::Well(count), _) if is_no_utf8(request) => {
                if count < STANDS {
                    State::Well(count + 1)
                } else {
                    State::Ill
                }
            }
            (State::Ill | State::Made(_), Some(id)) if creates(request) && response.is_success() => State::Made(id),
            (now, _) if response.is_success() => shows(now, request, response),
            (now, _) => now,
        };
        state.set(next);
    })
}
