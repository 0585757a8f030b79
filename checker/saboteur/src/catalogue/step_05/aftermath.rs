//! Servers that respond correctly to malformed requests but are damaged afterwards.

use std::cell::Cell;
use std::rc::Rc;

use super::malformed::is_not_utf8;
use crate::api::routes::{any, creates, lists, reads};
use crate::http::{Request, Response};
use crate::sabotage::{Sabotage, wrong};

const TRIPS: &[&str] = &["5.malformed"];
/// How many bodies that are not UTF-8 a server tolerates. The checks of single fields send fewer.
const TOLERATED: u32 = 5;

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    vec![
        damage(
            "no-utf-8-empties-the-next-habit",
            "After several bodies that are not UTF-8, the next new habit loses its description.",
            |state, request, response| match state {
                State::Created(id) if reads(request) && request.id() == Some(id) => {
                    response.edit_habits(|habit| drop(habit.insert("description".into(), serde_json::Value::Null)));
                    State::Over
                }
                other => other,
            },
        ),
        damage(
            "no-utf-8-hides-the-next-habit",
            "After several bodies that are not UTF-8, the next new habit is missing from the list.",
            |state, request, response| match state {
                State::Created(id) if reads(request) && request.id() == Some(id) => State::Read(id),
                State::Read(id) if lists(request) => {
                    response.edit_list(|habits| habits.retain(|habit| habit["id"].as_i64() != Some(id)));
                    State::Over
                }
                other => other,
            },
        ),
    ]
}

/// The stages of the damage.
#[derive(Clone, Copy)]
enum State {
    /// So many bodies that are not UTF-8 have come.
    Healthy(u32),
    /// Too many have come.
    Damaged,
    /// The newest habit since then.
    Created(i64),
    /// That habit was read.
    Read(i64),
    /// The damage has shown once.
    Over,
}

/// A server that is damaged by too many bodies that are not UTF-8. `show` changes the responses and returns the next stage.
fn damage(
    name: &'static str,
    breaks: &'static str,
    show: impl Fn(State, &Request, &mut Response) -> State + 'static,
) -> Sabotage {
    let state = Rc::new(Cell::new(State::Healthy(0)));
    wrong(name, TRIPS, breaks).response(any, move |request, response| {
        let next = match (state.get(), response.id()) {
            (State::Healthy(count), _) if is_not_utf8(request) => {
                if count < TOLERATED {
                    State::Healthy(count + 1)
                } else {
                    State::Damaged
                }
            }
            (State::Damaged | State::Created(_), Some(id)) if creates(request) && response.is_success() => State::Created(id),
            (now, _) if response.is_success() => show(now, request, response),
            (now, _) => now,
        };
        state.set(next);
    })
}
