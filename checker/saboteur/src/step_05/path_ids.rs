//! Ids that are no integers, limits out of range, and how they are told.

use crate::api::routes::{deletes, lists, reads};
use crate::http::{Request, Response};
use crate::sabotage::{Sabotage, wrong};

const TRIPS: &[&str] = &["5.path-ids"];
/// Steps 2 to 4 accept 404 for an id that is no integer.
const NO_SUCH: &str = "There is no such habit.";

/// What this file adds to the catalogue.
pub fn sabotages() -> Vec<Sabotage> {
    [ids(), limits()].into_iter().flatten().collect()
}

fn ids() -> Vec<Sabotage> {
    let not_found = |name, breaks, when: fn(&Request) -> bool| {
        wrong(name, TRIPS, breaks)
            .response(move |request| when(request) && has_bad_id(request), |_, response| response.set_problem(404, NO_SUCH))
    };
    let told = |name, breaks, spoil: fn(&mut Response)| {
        wrong(name, TRIPS, breaks).response(has_bad_id, move |_, response| {
            if matches!(response.status(), 400 | 422) {
                spoil(response)
            }
        })
    };
    let read = |name, breaks, reading: fn(&str) -> Option<String>| {
        // Of a habit itself it could be another one that is there.
        wrong(name, TRIPS, breaks).request(is_of_completions, move |request| {
            let id = id_part(request).unwrap_or_default().to_owned();
            if let Some(number) = reading(&id) {
                let path = request.head.uri.path().replacen(&id, &number, 1);
                let query = request.head.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
                request.set_path(&format!("{path}{query}"));
            }
        })
    };
    vec![
        not_found("bad-ids-are-not-found", "An id that is no integer answers 404.", |_| true),
        not_found("get-of-a-bad-id-is-not-found", "GET of an id that is no integer answers 404.", reads),
        not_found("delete-of-a-bad-id-is-not-found", "DELETE of an id that is no integer answers 404.", deletes),
        not_found("completions-of-a-bad-id-are-not-found", "Completions of an id that is no integer answer 404.", |request| {
            request.path().contains("/completions")
        }),
        not_found(
            "ids-with-letters-behind-are-not-found",
            "An id that begins with a digit and is no integer answers 404.",
            |request| id_part(request).is_some_and(|id| id.starts_with(|first: char| first.is_ascii_digit())),
        ),
        told("bad-ids-are-not-named", "The refusal of an id that is no integer has no errors.", Response::remove_errors),
        told("bad-ids-blame-the-path", "The refusal of an id that is no integer names the field \"path\".", |response| {
            response.rename_error_fields(|_| "path".into())
        }),
        read("ids-are-read-up-to-a-letter", "Completions of 12abc are those of 12.", |id| {
            let digits: String = id.chars().take_while(char::is_ascii_digit).collect();
            (!digits.is_empty()).then_some(digits)
        }),
        read("ids-may-be-hexadecimal", "Completions of 0x10 are those of 16.", |id| {
            id.strip_prefix("0x").and_then(|digits| i64::from_str_radix(digits, 16).ok()).map(|id| id.to_string())
        }),
        read("ids-may-have-an-exponent", "Completions of 1e3 are those of 1000.", |id| {
            let number: f64 = id.parse().ok().filter(|number: &f64| number.is_finite() && number.fract() == 0.0)?;
            Some(format!("{number:.0}"))
        }),
        read("ids-are-rounded-down", "Completions of 1.5 are those of 1.", |id| {
            let (whole, fraction) = id.split_once('.')?;
            let is_number =
                [whole, fraction].iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
            is_number.then(|| whole.to_owned())
        }),
    ]
}

fn limits() -> Vec<Sabotage> {
    let both = &["5.path-ids", "3.pages-limits"];
    let limit = |request: &Request| lists(request) && request.query_parameter("limit").is_some();
    let after = |request: &Request| {
        lists(request) && request.query_parameter("after").is_some_and(|after| !after.is_empty() && after.parse::<i64>().is_err())
    };
    let told = |name, breaks, spoil: fn(&mut Response)| {
        wrong(name, TRIPS, breaks).response(limit, move |_, response| {
            if matches!(response.status(), 400 | 422) {
                spoil(response)
            }
        })
    };
    vec![
        wrong("limits-are-clamped", both, "A limit below 1 is taken for 1, and one above 100 for 100.").request(
            limit,
            |request| {
                let number = request.query_parameter("limit").and_then(|limit| limit.parse::<i128>().ok());
                if let Some(number) = number.filter(|number| !(1..=100).contains(number)) {
                    request.set_query_parameter("limit", Some(&number.clamp(1, 100).to_string()))
                }
            },
        ),
        told("limits-are-not-named", "The refusal of a limit has no errors.", Response::remove_errors),
        told("limits-are-called-page", "The refusal of a limit names the field \"page\".", |response| {
            response.rename_error_fields(|_| "page".into())
        }),
        wrong("after-beyond-64-bits-answers-500", TRIPS, "`after` of more than 64 bits answers 500.").response(
            |request| {
                let after = |after: &str| after.parse::<i128>().is_ok_and(|after| i64::try_from(after).is_err());
                lists(request) && request.query_parameter("after").is_some_and(after)
            },
            |_, response| response.set_problem(500, "Something went wrong."),
        ),
        wrong("bad-after-is-ignored", TRIPS, "`after` is ignored where it is no number.")
            .request(after, |request| request.set_query_parameter("after", None)),
        wrong("bad-after-is-empty", TRIPS, "After what is no number comes an empty page.").response(after, |_, response| {
            response.set_status(200);
            response.set_body("application/json", "[]");
        }),
        wrong("word-in-after-answers-500", TRIPS, "`after` that begins with a letter answers 500.").response(
            |request| {
                lists(request) && request.query_parameter("after").is_some_and(|after| after.starts_with(char::is_alphabetic))
            },
            |_, response| response.set_problem(500, "Something went wrong."),
        ),
    ]
}

/// What stands in the place of the id of a habit.
fn id_part(request: &Request) -> Option<&str> {
    let id = request.path().strip_prefix("/habits/")?.split('/').next()?;
    (id != "import" && !id.is_empty()).then_some(id)
}

fn has_bad_id(request: &Request) -> bool {
    let is_integer = |id: &str| {
        let digits = id.strip_prefix('-').unwrap_or(id);
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    id_part(request).is_some_and(|id| !is_integer(id))
}

fn is_of_completions(request: &Request) -> bool {
    has_bad_id(request) && request.path().contains("/completions")
}
