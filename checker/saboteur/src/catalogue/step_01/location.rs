//! Wrong `Location` headers.

use crate::api::routes::creates;
use crate::http::{Request, Response};
use crate::sabotage::{Sabotage, wrong};

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    let moved = |to: fn(i64) -> String| {
        move |_: &Request, response: &mut Response| {
            if let Some(id) = response.id() {
                response.set_header("location", &to(id));
            }
        }
    };
    vec![
        wrong("location-is-missing", &["1.location"], "POST answers without Location.")
            .response(creates, |_, response| response.remove_header("location")),
        wrong("location-is-the-list", &["1.location"], "Location is /habits/.").response(creates, moved(|_| "/habits/".into())),
        wrong("location-is-the-next", &["1.location"], "Location has the next id.")
            .response(creates, moved(|id| format!("/habits/{}", id + 1))),
        wrong("location-is-elsewhere", &["1.location"], "Location points to another host.")
            .response(creates, moved(|id| format!("http://habits.example/habits/{id}"))),
    ]
}
